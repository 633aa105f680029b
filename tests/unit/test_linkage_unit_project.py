"""What a wave's state allows: key checks, the begin of an upload, the start of a run, tokens, retention."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from linkage_core.agreement.clauses import Retention, Wave
from linkage_core.agreement.doors import AgreementState
from services.common.errors import Conflict, NotReady
from services.linkage_unit.project import (
    Begin,
    RunState,
    Upload,
    UploadState,
    agreed_key_check,
    encodings_are_due,
    judge_begin,
    judge_key_checks,
    require_all_committed,
    tokens_may_be_fetched,
)
from services.wire.messages import KeyCheck

ALIKE = KeyCheck(b"k" * 16, b"c" * 16)
OTHER_SECRET = KeyCheck(b"x" * 16, b"c" * 16)
OTHER_RULES = KeyCheck(b"k" * 16, b"x" * 16)
MEMBERS = ("border", "register", "tax")
DUE = datetime(2026, 6, 1, tzinfo=UTC)
WAVE = Wave(name="w1", tokens_not_before=DUE)
OPEN = Upload(b"u" * 16, "agreement", "w1", "tax", "key", b"manifest", 10, 2, 1, UploadState.OPEN)
COMMITTED = replace(OPEN, state=UploadState.COMMITTED, next_chunk=2)


def begin(
    existing: Upload | None, key: str, manifest: bytes = b"manifest", run: RunState = RunState.COLLECTING
) -> Begin:
    return judge_begin(existing, idempotency_key=key, manifest=manifest, run=run)


def test_key_checks_agree_when_all_are_there_and_equal() -> None:
    assert judge_key_checks(MEMBERS, dict.fromkeys(MEMBERS, ALIKE), "tax").agreed


def test_key_checks_wait_for_those_who_have_not_submitted() -> None:
    state = judge_key_checks(MEMBERS, {"tax": ALIKE, "border": ALIKE}, "tax")
    assert (state.agreed, state.waiting_for) == (False, ("register",))


def test_another_secret_and_other_rules_are_told_apart() -> None:
    state = judge_key_checks(MEMBERS, {"tax": ALIKE, "border": OTHER_SECRET, "register": OTHER_RULES}, "tax")
    assert not state.agreed
    assert state.key_check_differs_from == ("border",)
    assert state.canary_differs_from == ("register",)


@pytest.mark.parametrize("checks", [{}, {"tax": ALIKE}, {"tax": ALIKE, "border": ALIKE, "register": OTHER_RULES}])
def test_uploads_wait_until_key_checks_agree(checks: dict[str, KeyCheck]) -> None:
    with pytest.raises(NotReady):
        agreed_key_check(MEMBERS, checks, "tax")


def test_the_same_key_and_manifest_resume_even_after_commit() -> None:
    assert begin(OPEN, "key") is Begin.RESUME
    assert begin(COMMITTED, "key") is Begin.RESUME


def test_the_same_key_with_another_manifest_contradicts() -> None:
    with pytest.raises(Conflict, match="idempotency key"):
        begin(OPEN, "key", b"other")


def test_an_open_upload_gives_way_to_one_with_a_new_key() -> None:
    assert begin(OPEN, "new", b"other") is Begin.REPLACE


def test_a_committed_upload_never_gives_way_in_the_same_words_whatever_became_of_the_run() -> None:
    refusals = set()
    for run in RunState:
        with pytest.raises(Conflict, match="committed") as refusal:
            begin(COMMITTED, "new", b"other", run)
        refusals.add(str(refusal.value))
    assert len(refusals) == 1


def test_nobody_enters_a_wave_whose_tokens_are_made() -> None:
    with pytest.raises(Conflict, match="closed"):
        begin(None, "key", run=RunState.READY)


def test_linking_waits_for_every_provider_and_names_who_is_missing() -> None:
    uploads = [COMMITTED, replace(OPEN, provider="border")]
    with pytest.raises(NotReady, match="border, register"):
        require_all_committed(MEMBERS, uploads, "agreement")


def test_linking_does_not_count_files_of_a_superseded_agreement() -> None:
    with pytest.raises(NotReady, match="tax"):
        require_all_committed(("tax",), [COMMITTED], "amended")


@pytest.mark.parametrize("run", [RunState.COLLECTING, RunState.LINKING, RunState.FAILED])
def test_tokens_are_not_handed_out_before_they_are_made(run: RunState) -> None:
    assert not tokens_may_be_fetched(WAVE, run, DUE + timedelta(days=1))


def test_tokens_are_handed_out_from_their_time_on() -> None:
    assert not tokens_may_be_fetched(WAVE, RunState.READY, DUE - timedelta(seconds=1))
    assert tokens_may_be_fetched(WAVE, RunState.READY, DUE)


def due(days: int, run: RunState, now: datetime, state: AgreementState = AgreementState.IN_FORCE) -> bool:
    retention = Retention(clks_days=days, registry_days=1, payload_days=1)
    return encodings_are_due(WAVE, retention, run, state, now)


def test_encodings_of_zero_days_go_as_soon_as_tokens_are_made() -> None:
    assert due(0, RunState.READY, DUE - timedelta(days=10))
    assert not due(0, RunState.LINKING, DUE + timedelta(days=10))


def test_encodings_stay_for_the_agreed_days_after_tokens_are_due() -> None:
    assert not due(3, RunState.READY, DUE + timedelta(days=3, seconds=-1))
    assert due(3, RunState.READY, DUE + timedelta(days=3))


def test_encodings_go_when_the_agreement_is_over_linked_or_not() -> None:
    assert due(3, RunState.COLLECTING, DUE, AgreementState.EXPIRED)
