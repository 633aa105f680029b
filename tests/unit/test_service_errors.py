"""The catalogue is complete, every error of the trees has its place in it, and its sentences tell what they may."""

import grpc
import pytest

from disclosure import errors as disclosure_errors
from linkage_core import errors as core_errors
from services.common import errors
from services.common.errors import CATALOGUE, Code, code_of, public_message

CANARY = "canary-4711"


def tree(root: type[Exception], module: str) -> set[type[Exception]]:
    """Every error below a root that one module defines."""
    below: set[type[Exception]] = set()
    waiting = [root]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__ == module:
                below.add(kind)
    return below


PLACES: dict[type[Exception], Code] = {
    core_errors.InputFault: Code.BAD_INPUT,
    core_errors.Refused: Code.REFUSED,
    core_errors.Tampered: Code.TAMPERED,
    core_errors.Unfit: Code.UNFIT,
    errors.NotReady: Code.NOT_READY,
    errors.Conflict: Code.CONFLICT,
    errors.Denied: Code.DENIED,
    errors.Unavailable: Code.UNAVAILABLE,
    # Of this process alone: the other side can do nothing about them.
    errors.ConfigurationFault: Code.INTERNAL,
    errors.RemoteRefusal: Code.INTERNAL,
}

DISCLOSURE_PLACES: dict[type[Exception], Code] = {
    disclosure_errors.QueryFault: Code.BAD_INPUT,
    disclosure_errors.PolicyRefused: Code.REFUSED,
    disclosure_errors.BudgetRefused: Code.OVER_BUDGET,
    disclosure_errors.KeyReused: Code.CONFLICT,
    disclosure_errors.ReleaseFailed: Code.RELEASE_FAILED,
    # Says nothing to an analyst: an operator is called.
    disclosure_errors.LedgerCorrupt: Code.INTERNAL,
}


def made(kind: type[Exception]) -> Exception:
    """An error of a class, made as the class wants it."""
    special: dict[type[Exception], Exception] = {
        core_errors.Refused: core_errors.Refused("volume", CANARY),
        errors.RemoteRefusal: errors.RemoteRefusal(Code.CONFLICT, CANARY),
        disclosure_errors.PolicyRefused: disclosure_errors.PolicyRefused("budget", CANARY),
        disclosure_errors.BudgetRefused: disclosure_errors.BudgetRefused("budget", 2, 1),
        disclosure_errors.KeyReused: disclosure_errors.KeyReused(),
        disclosure_errors.ReleaseFailed: disclosure_errors.ReleaseFailed("r1", CANARY),
    }
    return special.get(kind) or kind(CANARY)


def test_every_code_has_an_entry() -> None:
    assert set(CATALOGUE) == set(Code)


def test_every_error_of_the_trees_has_a_place() -> None:
    assert tree(core_errors.LinkageCoreError, core_errors.__name__) | tree(errors.ServiceError, errors.__name__) == set(
        PLACES
    )
    assert tree(disclosure_errors.DisclosureError, disclosure_errors.__name__) == set(DISCLOSURE_PLACES)


@pytest.mark.parametrize(("kind", "code"), PLACES.items(), ids=[kind.__name__ for kind in PLACES])
def test_an_error_has_its_code(kind: type[Exception], code: Code) -> None:
    assert code_of(made(kind)) is code


@pytest.mark.parametrize(("kind", "code"), DISCLOSURE_PLACES.items(), ids=[kind.__name__ for kind in DISCLOSURE_PLACES])
def test_the_analysis_service_adds_the_disclosure_errors_and_no_other_role_knows_them(
    kind: type[Exception], code: Code
) -> None:
    from services.analysis.service import DISCLOSURE_CODES

    assert code_of(made(kind), DISCLOSURE_CODES) is code
    assert code_of(made(kind)) is Code.INTERNAL


@pytest.mark.parametrize("error", [LookupError(CANARY), KeyError(CANARY), OSError(CANARY), Exception(CANARY)])
def test_what_is_in_no_tree_is_internal_and_tells_nothing(error: Exception) -> None:
    assert code_of(error) is Code.INTERNAL
    assert public_message(error, Code.INTERNAL) == CATALOGUE[Code.INTERNAL].sentence


def test_only_detailed_codes_pass_an_errors_own_words_on() -> None:
    told = {code for code in Code if CANARY in public_message(ValueError(CANARY), code)}
    assert told == {
        Code.BAD_INPUT,
        Code.REFUSED,
        Code.OVER_BUDGET,
        Code.TAMPERED,
        Code.NOT_READY,
        Code.CONFLICT,
    }


def test_a_message_fits_into_grpcs_trailers_however_many_faults_there_are() -> None:
    faults = tuple(f"columns.{number}: is not in the agreement" for number in range(10_000))
    message = public_message(core_errors.InputFault("cannot be accepted", faults), Code.BAD_INPUT)
    assert len(message.encode().replace(b"\n", b"%0A")) < 8_192
    assert "columns.0: is not in the agreement" in message
    assert message.endswith("and more")


def test_no_failure_that_could_depend_on_data_is_told_in_detail() -> None:
    for code in (Code.INTERNAL, Code.RELEASE_FAILED, Code.UNFIT, Code.DENIED, Code.UNAVAILABLE):
        assert not CATALOGUE[code].detailed


def test_no_code_is_a_success_and_only_one_says_that_a_retry_is_safe() -> None:
    statuses = [entry.status for entry in CATALOGUE.values()]
    assert grpc.StatusCode.OK not in statuses
    assert statuses.count(grpc.StatusCode.UNAVAILABLE) == 1


def test_faults_are_listed_under_the_message() -> None:
    fault = errors.ConfigurationFault("it cannot be used", ("first", "second"))
    assert str(fault) == "it cannot be used\n  - first\n  - second"
    assert fault.faults == ("first", "second")
