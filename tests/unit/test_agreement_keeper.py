"""A service adopts version 1 and each amendment in turn, on either store, and remembers who suspends."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from linkage_core.agreement.doors import AgreementState, Door
from linkage_core.agreement.signatures import verify_agreement
from linkage_core.errors import InputFault, Refused
from linkage_core.types import PartyName
from services.common.agreements import AgreementKeeper, is_party
from services.common.database import transact
from services.common.identity import Caller, Role, realm_of
from tests.support.documents import amended, parsed, signed_by_all, small_document
from tests.support.parties import NOW, REALM
from tests.support.stores import opened, url_of

FIRST = parsed(small_document())
SECOND = amended(FIRST, title="Second")
THIRD = amended(SECOND, title="Third")
FILES = {agreement.version: signed_by_all(agreement).to_bytes() for agreement in (FIRST, SECOND, THIRD)}
TAX, BORDER = PartyName("tax"), PartyName("border")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with opened(url_of(request.param, request, tmp_path), tmp_path) as engine:
        yield engine


@pytest.fixture
def keeper(engine: Engine) -> AgreementKeeper:
    return AgreementKeeper(engine, lambda: NOW)


def refused_clause(keeper: AgreementKeeper, file: bytes) -> str:
    before = keeper.current().hash
    with pytest.raises(Refused) as refusal:
        keeper.adopt(file)
    assert keeper.current().hash == before
    return refusal.value.clause


def test_versions_are_adopted_one_after_the_other(engine: Engine, keeper: AgreementKeeper) -> None:
    for version, file in FILES.items():
        assert keeper.adopt(file).document.version == version
        assert keeper.current() == verify_agreement(file)
    assert AgreementKeeper(engine, lambda: NOW).current().document == THIRD


def test_the_version_in_force_is_adopted_again_at_every_start(engine: Engine, keeper: AgreementKeeper) -> None:
    for _ in range(3):
        keeper.adopt(FILES[1])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM agreements")).scalar_one() == 1


def test_a_service_does_not_begin_with_a_later_version(keeper: AgreementKeeper) -> None:
    with pytest.raises(Refused) as refusal:
        keeper.adopt(FILES[2])
    assert refusal.value.clause == "version"


def test_going_back_or_leaving_a_version_out_is_refused(keeper: AgreementKeeper) -> None:
    keeper.adopt(FILES[1])
    assert refused_clause(keeper, FILES[3]) == "version"
    keeper.adopt(FILES[2])
    assert refused_clause(keeper, FILES[1]) == "version"


def test_another_second_version_than_the_one_in_force_is_refused(keeper: AgreementKeeper) -> None:
    keeper.adopt(FILES[1])
    keeper.adopt(FILES[2])
    rival = signed_by_all(amended(FIRST, title="Another second")).to_bytes()
    assert refused_clause(keeper, rival) == "version"


@pytest.mark.parametrize(
    ("changes", "clause"), [({"lineage": "00" * 16}, "lineage"), ({"project": "another"}, "project")]
)
def test_a_foreign_lineage_or_project_is_refused(
    keeper: AgreementKeeper, changes: dict[str, object], clause: str
) -> None:
    keeper.adopt(FILES[1])
    assert refused_clause(keeper, signed_by_all(amended(FIRST, **changes)).to_bytes()) == clause
    assert refused_clause(keeper, signed_by_all(parsed(small_document(**changes))).to_bytes()) == clause


def test_an_amendment_that_one_party_did_not_sign_is_refused(keeper: AgreementKeeper) -> None:
    keeper.adopt(FILES[1])
    signed = signed_by_all(SECOND)
    del signed.signatures["border"]
    assert refused_clause(keeper, signed.to_bytes()) == "signatures.border"


def test_an_agreement_changed_in_the_store_is_not_believed(engine: Engine, keeper: AgreementKeeper) -> None:
    keeper.adopt(FILES[1])
    forged = FILES[1].replace(b"Small agreement", b"Large agreement")
    transact(engine, lambda c: c.execute(text("UPDATE agreements SET file = :file"), {"file": forged}))
    with pytest.raises(Refused):
        keeper.current()
    with pytest.raises(Refused):
        keeper.adopt(FILES[2])


def test_what_is_no_agreement_is_not_stored(engine: Engine, keeper: AgreementKeeper) -> None:
    with pytest.raises(InputFault):
        keeper.adopt(b"{}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM agreements")).scalar_one() == 0


def test_a_suspension_shuts_every_door_through_restarts_and_may_be_repeated(
    engine: Engine, keeper: AgreementKeeper
) -> None:
    agreement = keeper.adopt(FILES[1])
    assert keeper.state(agreement) is AgreementState.IN_FORCE
    for party in (TAX, TAX, BORDER):
        keeper.suspend(agreement, party, b"notice")
    again = AgreementKeeper(engine, lambda: NOW)
    again.adopt(FILES[1])
    assert again.suspended_by(agreement) == {TAX, BORDER}
    assert again.state(agreement) is AgreementState.SUSPENDED
    for door in Door:
        with pytest.raises(Refused, match="suspended by border, tax"):
            again.check_door(agreement, door)


def test_a_newly_signed_version_ends_a_suspension(keeper: AgreementKeeper) -> None:
    first = keeper.adopt(FILES[1])
    keeper.suspend(first, TAX, b"notice")
    second = keeper.adopt(FILES[2])
    assert keeper.state(second) is AgreementState.IN_FORCE
    keeper.check_door(second, Door.UPLOAD)
    assert keeper.state(first) is AgreementState.SUSPENDED


def test_the_state_follows_the_clock_that_is_passed_in(engine: Engine) -> None:
    moment = [datetime(2025, 12, 31, 23, tzinfo=UTC)]
    keeper = AgreementKeeper(engine, lambda: moment[0])
    agreement = keeper.adopt(FILES[1])
    assert keeper.state(agreement) is AgreementState.PENDING
    moment[0] += timedelta(hours=1)
    assert keeper.state(agreement) is AgreementState.IN_FORCE
    moment[0] = datetime(2036, 1, 1, tzinfo=UTC)
    with pytest.raises(Refused, match="expired on 2035-12-31"):
        keeper.check_door(agreement, Door.MATCH)


def test_a_party_is_one_in_its_own_role_only() -> None:
    agreement = verify_agreement(FILES[1])
    assert realm_of(agreement) == REALM
    assert is_party(agreement, Caller(Role.PROVIDER, TAX))
    for caller in (
        Caller(Role.LINKAGE_UNIT, TAX),
        Caller(Role.ANALYST, TAX),
        Caller(Role.PROVIDER, PartyName("customs")),
        Caller(Role.PROVIDER, PartyName("linkage")),
    ):
        assert not is_party(agreement, caller)
