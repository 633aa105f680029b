"""Exit codes, and the sentence that goes with each: the one place where an exception becomes an outcome.

0  done
1  something unexpected; the log has the type
2  bad input: a file, a configuration or a question is wrong, and can be mended
3  refused by the agreement, its policy or its budget
4  not ready, or the other side did not answer: try again later
5  a signature, seal or digest does not fit: tell an operator
"""

import errno
import sys
from collections.abc import Callable
from typing import Final

from rich.console import Console

BAD_INPUT: Final = 2
REFUSED: Final = 3
TRY_LATER: Final = 4
TAMPERED: Final = 5
STOPPED: Final = 130
"""Stopped by Ctrl-C: what a shell reports for SIGINT."""

HEADINGS: Final = {
    BAD_INPUT: "bad input",
    REFUSED: "refused",
    TRY_LATER: "try again later",
    TAMPERED: "tampered with",
}
"""What the sentence begins with."""

talk = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
"""Where commands talk: progress, hints, errors."""

results = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
"""Where commands put their results."""


_OF_THE_USER: Final = frozenset(
    {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EROFS}
)
"""What a path given by the user may be: missing, a folder, of somebody else."""


def exit_code_of(error: Exception) -> int:
    """Return the exit code for an exception that a command raised; 1 for what no tree knows."""
    from disclosure import errors as disclosure_errors
    from linkage_core import errors as core_errors
    from services.common import errors as service_errors
    from services.common.errors import Code

    if isinstance(error, service_errors.RemoteRefusal):
        if error.code in (Code.BAD_INPUT, Code.CONFLICT):
            return BAD_INPUT
        if error.code is Code.TAMPERED:
            return TAMPERED
        if error.code in (Code.NOT_READY, Code.UNAVAILABLE):
            return TRY_LATER
        return 1 if error.code in (Code.INTERNAL, Code.RELEASE_FAILED) else REFUSED
    if isinstance(error, OSError) and error.errno in _OF_THE_USER:
        return BAD_INPUT
    groups: tuple[tuple[int, tuple[type[Exception], ...]], ...] = (
        (
            BAD_INPUT,
            (
                core_errors.InputFault,
                disclosure_errors.QueryFault,
                disclosure_errors.KeyReused,
                service_errors.ConfigurationFault,
                service_errors.Conflict,
            ),
        ),
        (
            REFUSED,
            (
                core_errors.Refused,
                core_errors.Unfit,
                disclosure_errors.PolicyRefused,
                disclosure_errors.BudgetRefused,
                service_errors.Denied,
            ),
        ),
        (TRY_LATER, (service_errors.NotReady, service_errors.Unavailable)),
        (TAMPERED, (core_errors.Tampered, disclosure_errors.LedgerCorrupt)),
    )
    return next((code for code, kinds in groups if isinstance(error, kinds)), 1)


def run(command: Callable[[], object]) -> None:
    """Run the command line; errors of the trees become one message and their exit code, others a traceback."""
    try:
        command()
    except (KeyboardInterrupt, SystemExit) as end:  # inside a command, Typer makes Ctrl-C an exit with this code
        if isinstance(end, SystemExit) and end.code != STOPPED:
            raise
        talk.print("stopped; the same command goes on where it was")
        sys.exit(STOPPED)
    except Exception as error:
        code = exit_code_of(error)
        if code == 1:
            raise
        talk.print(f"{HEADINGS[code]}:", style="bold red", end=" ")
        talk.print(_sentence(error))
        sys.exit(code)


def _sentence(error: Exception) -> str:
    """The error in its own words, and what to do where these do not say it."""
    from services.common.errors import Denied, Unavailable

    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, Denied):
        return (
            f"{error} It gives no reason: ask its operator whether its agreement or roster names this party, "
            "and whether the agreement is in force"
        )
    if isinstance(error, Unavailable):
        return f"{error}\nIs it running, is the address in the configuration right, and are the certificates valid?"
    return str(error).removeprefix("refused ")
