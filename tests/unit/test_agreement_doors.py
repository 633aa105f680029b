"""An agreement opens its doors on its days only, in UTC, and never while any party suspends it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from linkage_core.agreement.doors import AgreementState, Door, check_door, state_of
from linkage_core.errors import Refused
from linkage_core.types import PartyName
from tests.support.documents import parsed, small_document

AGREEMENT = parsed(small_document(validity={"valid_from": "2026-01-01", "valid_until": "2026-12-31"}))
NOBODY: frozenset[PartyName] = frozenset()
EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-12))


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), AgreementState.PENDING),
        (datetime(2026, 1, 1, tzinfo=UTC), AgreementState.IN_FORCE),
        (datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), AgreementState.IN_FORCE),
        (datetime(2027, 1, 1, tzinfo=UTC), AgreementState.EXPIRED),
        # Days are counted in UTC wherever the clock hangs.
        (datetime(2026, 1, 1, 13, 59, tzinfo=EAST), AgreementState.PENDING),
        (datetime(2026, 1, 1, 14, 0, tzinfo=EAST), AgreementState.IN_FORCE),
        (datetime(2026, 12, 31, 11, 59, tzinfo=WEST), AgreementState.IN_FORCE),
        (datetime(2026, 12, 31, 12, 0, tzinfo=WEST), AgreementState.EXPIRED),
    ],
)
def test_the_state_turns_at_midnight_utc_with_both_days_included(now: datetime, state: AgreementState) -> None:
    assert state_of(AGREEMENT, now, NOBODY) is state


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize(
    ("now", "suspended_by", "clause", "says"),
    [
        (datetime(2025, 12, 31, tzinfo=UTC), NOBODY, "validity.valid_from", "not valid before 2026-01-01"),
        (datetime(2027, 1, 1, tzinfo=UTC), NOBODY, "validity.valid_until", "expired on 2026-12-31"),
        (datetime(2026, 6, 1, tzinfo=UTC), frozenset({PartyName("tax")}), "suspension", "suspended by tax"),
        (datetime(2027, 1, 1, tzinfo=UTC), frozenset({PartyName("tax")}), "suspension", "suspended by tax"),
    ],
    ids=["pending", "expired", "suspended", "suspended and expired"],
)
def test_a_shut_door_names_the_clause_and_itself(
    door: Door, now: datetime, suspended_by: frozenset[PartyName], clause: str, says: str
) -> None:
    with pytest.raises(Refused, match=says) as refusal:
        check_door(AGREEMENT, door, now=now, suspended_by=suspended_by)
    assert refusal.value.clause == clause
    assert str(door) in str(refusal.value)


@pytest.mark.parametrize("door", Door)
def test_every_door_is_open_while_the_agreement_is_in_force(door: Door) -> None:
    check_door(AGREEMENT, door, now=datetime(2026, 6, 1, tzinfo=UTC), suspended_by=NOBODY)


def test_everyone_who_suspends_is_named() -> None:
    both = frozenset({PartyName("tax"), PartyName("border")})
    with pytest.raises(Refused, match="suspended by border, tax"):
        check_door(AGREEMENT, Door.QUERY, now=datetime(2026, 6, 1, tzinfo=UTC), suspended_by=both)
