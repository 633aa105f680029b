"""Every error of the trees ends a command with the exit code of what its user can do; an unknown one as itself."""

import errno
from collections.abc import Callable

import pytest

from disclosure import errors as disclosure_errors
from linkage_core import errors as core_errors
from services.cli import outcome
from services.cli.outcome import BAD_INPUT, REFUSED, TAMPERED, TRY_LATER, exit_code_of, run
from services.common import errors
from services.common.errors import Code

REMOTE = {
    Code.BAD_INPUT: BAD_INPUT,
    Code.CONFLICT: BAD_INPUT,
    Code.REFUSED: REFUSED,
    Code.OVER_BUDGET: REFUSED,
    Code.UNFIT: REFUSED,
    Code.DENIED: REFUSED,
    Code.NOT_READY: TRY_LATER,
    Code.UNAVAILABLE: TRY_LATER,
    Code.TAMPERED: TAMPERED,
    Code.INTERNAL: 1,
    Code.RELEASE_FAILED: 1,
}

LOCAL: list[tuple[Exception, int]] = [
    (core_errors.InputFault("x"), BAD_INPUT),
    (core_errors.Refused("clause", "x"), REFUSED),
    (core_errors.Tampered("x"), TAMPERED),
    (core_errors.Unfit("x"), REFUSED),
    (disclosure_errors.QueryFault("x"), BAD_INPUT),
    (disclosure_errors.PolicyRefused("clause", "x"), REFUSED),
    (disclosure_errors.BudgetRefused("clause", 2, 1), REFUSED),
    (disclosure_errors.KeyReused(), BAD_INPUT),
    (disclosure_errors.LedgerCorrupt("x"), TAMPERED),
    (disclosure_errors.ReleaseFailed("r", "x"), 1),
    (errors.ConfigurationFault("x"), BAD_INPUT),
    (errors.Conflict("x"), BAD_INPUT),
    (errors.Denied("x"), REFUSED),
    (errors.NotReady("x"), TRY_LATER),
    (errors.Unavailable("x"), TRY_LATER),
    (LookupError("x"), 1),
    (OSError(errno.ENOSPC, "no space left"), 1),
    (FileNotFoundError(errno.ENOENT, "no such file", "terms.toml"), BAD_INPUT),
]


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_exit_codes_are_distinct() -> None:
    assert sorted({0, 1, BAD_INPUT, REFUSED, TRY_LATER, TAMPERED}) == [0, 1, 2, 3, 4, 5]


def test_every_remote_code_has_an_outcome() -> None:
    assert set(REMOTE) == set(Code)
    for code, expected in REMOTE.items():
        assert exit_code_of(errors.RemoteRefusal(code, "x")) == expected, code


def test_every_error_of_the_trees_is_tried_here() -> None:
    below: set[type] = set()
    for root in (core_errors.LinkageCoreError, disclosure_errors.DisclosureError, errors.ServiceError):
        below |= {kind for kind in root.__subclasses__() if kind.__module__ == root.__module__}
    assert below - {type(error) for error, _ in LOCAL} == {errors.RemoteRefusal}


@pytest.mark.parametrize(("error", "code"), LOCAL, ids=[type(error).__name__ for error, _ in LOCAL])
def test_an_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(e, c) for e, c in LOCAL if c != 1],
    ids=[type(error).__name__ for error, code in LOCAL if code != 1],
)
def test_a_known_error_ends_in_one_message_on_standard_error(
    error: Exception, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(raising(error))
    assert ended.value.code == code
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(outcome.HEADINGS[code])
    assert "Traceback" not in said.err


@pytest.mark.parametrize("error", [LookupError("x"), disclosure_errors.ReleaseFailed("r", "x")])
def test_an_unexpected_error_is_not_swallowed(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(raising(error))


def test_a_message_is_printed_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    """Square brackets are no markup, and long lines stay whole."""
    with pytest.raises(SystemExit):
        run(raising(core_errors.InputFault("field [bold]x[/bold] " + "long " * 60, ("one", "two"))))
    said = capfd.readouterr().err
    assert "[bold]x[/bold]" in said
    assert "long " * 60 in said
    assert "  - one\n  - two" in said


def test_an_interrupted_command_says_that_it_may_be_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(raising(KeyboardInterrupt()))
    assert ended.value.code == 130
    assert "goes on where it was" in capfd.readouterr().err


def test_a_command_that_succeeds_says_nothing_more(capfd: pytest.CaptureFixture[str]) -> None:
    run(lambda: None)
    assert capfd.readouterr() == ("", "")
