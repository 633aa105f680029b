"""`symbolon` in many lives: a process that has imported everything, and starts a copy of itself for each life.

    python -m tests.support.lives

Each line that it reads is a life as JSON: arguments of `symbolon`, the point at which it is killed (as in
`tests.support.mortal`) and a file in which each reservation, draw of noise and record is noted as it happens. The life
tells its process id, then whatever it says, and the process how it ended. Imports take longer than such a life.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

from tests.support.mortal import NEVER, doomed

ROOT: Final = Path(__file__).parents[2]


class Lives:
    """The process of whose copies each is a life, and what its present life says."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.lives"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._life = 0

    def begin(self, arguments: Sequence[str], trace: Path, point: str = NEVER) -> str:
        """Begin a life of a service, to be killed at a point; returns the address on which it takes calls."""
        assert self._process.stdin is not None
        wanted = {"arguments": list(arguments), "trace": str(trace), "point": point}
        print(json.dumps(wanted), file=self._process.stdin, flush=True)
        self._life = int(self._said())
        listening, on, address = self._said().split()
        assert (listening, on) == ("listening", "on")
        return address

    def end(self) -> int:
        """Ask the present life to stop, as an operator would; returns its exit code."""
        os.kill(self._life, signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until the present life is over; returns its exit code, or minus the signal that killed it."""
        return int(self._said())

    def stop(self) -> None:
        """Leave no process running."""
        self._process.kill()
        self._process.communicate()

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def noted(trace: Path) -> Iterator[None]:
    """Note each reservation, draw of noise and record in a file; what was noted outlives a kill of the process."""
    import disclosure.measurements
    import services.analysis.store.ledger as store

    def noting(word: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted_function(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            with trace.open("a") as file:
                file.write(f"{word}\n")
            return result

        return noted_function

    with ExitStack() as patches:
        for owner, name, word in (
            (store.SqlLedger, "reserve", "reserved"),
            (disclosure.measurements.OpenDPNoise, "add_noise", "noise"),
            (store.SqlLedger, "record", "recorded"),
        ):
            patches.enter_context(mock.patch.object(owner, name, noting(word, getattr(owner, name))))
        yield


def _live(arguments: list[str], trace: Path, point: str) -> None:
    from services.cli.main import main as symbolon

    _say(os.getpid())
    sys.argv = ["symbolon", *arguments]
    with noted(trace), doomed(point):
        symbolon()


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Start a life for each line, one after the other."""
    import alembic.command  # noqa: F401 - all of these so that no life needs to

    import services.analysis.service
    import services.cli.main  # noqa: F401

    for line in sys.stdin:
        life = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _live(life["arguments"], Path(life["trace"]), life["point"])
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
