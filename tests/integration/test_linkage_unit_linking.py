"""A wave is linked and its tokens fetched: what each provider gets, and what a killed or failed run leaves behind."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linkage_core.errors import Refused, Tampered, Unfit
from linkage_core.types import PartyName
from services.common.audit import verify
from services.common.clock import system_random
from services.common.errors import NotReady, RemoteRefusal, Unavailable
from services.common.locks import only_process
from services.linkage_unit.config import LinkageUnitConfig
from services.linkage_unit.project import RunState, UploadState
from services.linkage_unit.retention import delete_due_encodings
from services.linkage_unit.runner import MASTER_KEY, link_wave
from services.linkage_unit.status import status_of
from services.linkage_unit.unit import open_unit
from services.wire import messages
from tests.support.linkage import (
    EncodedPeople,
    chunks_of,
    config_of,
    connected,
    encode_people,
    opened,
    served,
)
from tests.support.linking import KEYS, fetch, link, open_batch, pseudonym_of, upload_all
from tests.support.parties import LINKAGE_UNIT, NOW, Parties, make_parties

AFTER_W2 = datetime(2026, 12, 2, tzinfo=UTC)
OVERLAPPING = {"register": range(100), "border": range(50, 150), "tax": range(90, 170)}


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def config(parties: Parties, tmp_path: Path) -> LinkageUnitConfig:
    return config_of(parties, tmp_path)


@pytest.fixture
def files(parties: Parties, config: LinkageUnitConfig) -> dict[str, EncodedPeople]:
    with opened(config) as unit:
        return upload_all(parties, unit, OVERLAPPING)


# ------------------------------------------------------------------------------------------------------ what comes out


def test_every_row_has_one_token_and_shared_people_share_a_pseudonym(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    assert link(config)
    seen = {
        name: pseudonym_of(file, open_batch(parties, fetch(parties, config, name), name))
        for name, file in files.items()
    }
    for name, people in OVERLAPPING.items():
        assert sorted(seen[name]) == list(people)
        assert len({token.pseudonym for token in seen[name].values()}) == len(people)
    for left, right in (("register", "border"), ("border", "tax"), ("register", "tax")):
        shared = {token.pseudonym for token in seen[left].values()} & {t.pseudonym for t in seen[right].values()}
        expected = set(OVERLAPPING[left]) & set(OVERLAPPING[right])
        assert {p for p, token in seen[left].items() if token.pseudonym in shared} == expected
    alone = [token.quality for person, token in seen["register"].items() if person < 50]
    linked = [token.quality for person, token in seen["register"].items() if person >= 50]
    assert set(alone) == {0}
    assert 0 not in linked


def test_equal_match_keys_link_before_any_similarity(parties: Parties, config: LinkageUnitConfig) -> None:
    with opened(config) as unit:
        files = upload_all(parties, unit, OVERLAPPING, with_keys=True)
    link(config)
    tokens = pseudonym_of(files["border"], open_batch(parties, fetch(parties, config, "border"), "border"))
    assert {token.quality for person, token in tokens.items() if person in OVERLAPPING["register"]} == {1}


def test_tokens_come_in_an_order_that_is_not_the_uploads(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    link(config)
    row_ids = list(open_batch(parties, fetch(parties, config, "tax"), "tax"))
    uploaded = [files["tax"].row_ids[16 * row : 16 * row + 16] for row in range(len(row_ids))]
    assert sorted(row_ids) == sorted(uploaded)
    assert row_ids != uploaded


def test_a_batch_is_the_same_bytes_every_time(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    link(config)
    first = fetch(parties, config, "border")
    assert not link(config)
    assert fetch(parties, config, "border") == first


def test_the_size_of_a_batch_does_not_depend_on_who_matched(parties: Parties, tmp_path: Path) -> None:
    views = []
    for world, others in (("all", range(80)), ("none", range(1000, 1080))):
        config = config_of(parties, tmp_path / world)
        with opened(config) as unit:
            upload_all(parties, unit, {"tax": range(80), "border": others, "register": others})
        link(config)
        header, *chunks = fetch(parties, config, "tax")
        views.append((len(header.statement.body), [len(chunk) for chunk in chunks]))
    assert views[0] == views[1]


def test_a_batch_of_another_provider_does_not_open_as_ones_own(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    link(config)
    with pytest.raises(Tampered):
        open_batch(parties, fetch(parties, config, "border"), "tax")


# -------------------------------------------------------------------------------------------------------------- when


def test_linking_waits_for_every_file_and_names_who_is_missing(parties: Parties, config: LinkageUnitConfig) -> None:
    with opened(config) as unit:
        upload_all(parties, unit, {"tax": range(10)})
    with pytest.raises(NotReady, match="border, register"):
        link(config)


def test_linking_is_refused_when_the_agreement_is_over(
    config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    with pytest.raises(Refused, match=r"validity\.valid_until"):
        link(config, now=datetime(2036, 1, 1, tzinfo=UTC))


def test_two_runs_at_once_are_impossible(config: LinkageUnitConfig, files: dict[str, EncodedPeople]) -> None:
    with only_process(config.data, "link"), pytest.raises(NotReady, match="another `link` process"):
        link(config)
    assert link(config)


def test_tokens_that_are_made_but_not_due_look_like_a_wave_that_is_not_linked(
    parties: Parties, config: LinkageUnitConfig
) -> None:
    with opened(config) as unit:
        upload_all(parties, unit, OVERLAPPING, "w2")
    with pytest.raises(NotReady) as not_linked:
        fetch(parties, config, "tax", "w2")
    link(config, "w2")
    with pytest.raises(NotReady) as not_due:
        fetch(parties, config, "tax", "w2")
    assert str(not_due.value) == str(not_linked.value)
    assert fetch(parties, config, "tax", "w2", AFTER_W2)


# ------------------------------------------------------------------------------------------ killed, failed, done again


@contextmanager
def killed_at(config: LinkageUnitConfig, draws: int) -> Iterator[Callable[[int], bytes]]:
    """A source of randomness that ends the run, as a kill would, after so many draws."""
    left = draws

    def random(size: int) -> bytes:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return system_random(size)

    yield random


@pytest.mark.parametrize("draws", [0, 1, 2, 150, 172, 175, 177])
def test_a_killed_run_shows_nothing_and_is_simply_run_again(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople], draws: int
) -> None:
    with killed_at(config, draws) as random:
        unit = open_unit(config, "link", lambda: NOW, random)
        with pytest.raises(KeyboardInterrupt):
            link_wave(unit, "w1", lambda wave: KEYS.public)
        assert unit.runs.batch_ids() == set()
        assert unit.runs.registry() == {}
        unit.close()
    with pytest.raises(NotReady):
        fetch(parties, config, "tax")
    assert link(config)
    assert len(open_batch(parties, fetch(parties, config, "tax"), "tax")) == len(files["tax"].people)
    with opened(config) as unit:
        left = {path.name for path in (config.data / "sealed" / "tokens").iterdir()}
        assert left == {batch.hex() for batch in unit.runs.batch_ids()}


def test_a_failed_run_looks_like_one_that_is_not_ready(parties: Parties, tmp_path: Path) -> None:
    matching = parties.verified.document.matching.model_dump(mode="json")
    strict = make_parties(
        tmp_path / "parties", matching=matching | {"candidate_per_mille": 1, "maximum_candidates_per_record": 1}
    )
    config = config_of(strict, tmp_path)
    with opened(config) as unit:
        upload_all(strict, unit, OVERLAPPING)
    with pytest.raises(NotReady) as before:
        fetch(strict, config, "tax")
    with pytest.raises(Unfit):
        link(config)
    with opened(config) as unit:
        run = unit.runs.run("w1")
        assert run is not None
        assert (run.state, run.failure) == (RunState.FAILED, "Unfit")
    with pytest.raises(NotReady) as after:
        fetch(strict, config, "tax")
    assert str(after.value) == str(before.value)


def test_a_chunk_changed_at_rest_stops_the_run(config: LinkageUnitConfig, files: dict[str, EncodedPeople]) -> None:
    chunk = next((config.data / "sealed" / "encodings").rglob("*.00000000"))
    content = chunk.read_bytes()
    chunk.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Tampered, match="at rest"):
        link(config)


def test_without_the_analysis_services_keys_nothing_begins(
    config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    def unreachable(wave: str) -> messages.WaveKeys:
        raise Unavailable("the analysis service did not answer")

    with pytest.raises(Unavailable):
        link(config, fetch=unreachable)
    with opened(config) as unit:
        assert unit.runs.state("w1") is RunState.COLLECTING


# ----------------------------------------------------------------------------------------------------- over time


def test_people_keep_their_pseudonym_in_the_next_wave_and_under_an_amendment(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    with opened(config) as unit:
        first = upload_all(parties, unit, OVERLAPPING)
    link(config)
    before = pseudonym_of(first["tax"], open_batch(parties, fetch(parties, config, "tax"), "tax"))
    parties.amend(title="Amended")
    with opened(config, lambda: AFTER_W2) as unit:
        second = upload_all(parties, unit, OVERLAPPING | {"tax": range(90, 180)}, "w2")
    link(config, "w2", AFTER_W2)
    parts = fetch(parties, config, "tax", "w2", AFTER_W2)
    after = pseudonym_of(second["tax"], open_batch(parties, parts, "tax", "w2"))
    assert {person: after[person].pseudonym for person in before} == {p: t.pseudonym for p, t in before.items()}
    assert len({token.pseudonym for token in after.values()}) == 90


def test_a_lost_master_key_stops_the_next_wave_instead_of_making_everybody_another(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    link(config)
    (config.data / "master-key" / f"{MASTER_KEY}.wrap").unlink()
    with opened(config) as unit:
        upload_all(parties, unit, OVERLAPPING, "w2")
    with pytest.raises(Tampered, match=MASTER_KEY):
        link(config, "w2")


def test_encodings_are_destroyed_once_tokens_are_made(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    assert list((config.data / "sealed" / "encodings").iterdir())
    link(config)
    assert list((config.data / "sealed" / "encodings").iterdir()) == []
    assert not list(config.wraps.glob("encodings.*"))
    with opened(config) as unit:
        assert {upload.state for upload in unit.uploads.of_wave("w1")} == {UploadState.DELETED}


def test_encodings_stay_as_long_as_agreed_and_no_longer(tmp_path: Path) -> None:
    retention = {"clks_days": 30, "registry_days": 3650, "payload_days": 365}
    parties = make_parties(tmp_path / "parties", retention=retention)
    config = config_of(parties, tmp_path)
    with opened(config) as unit:
        upload_all(parties, unit, OVERLAPPING)
    link(config)
    assert len(list((config.data / "sealed" / "encodings").iterdir())) == 3
    assert not link(config, now=datetime(2026, 7, 1, tzinfo=UTC))
    assert list((config.data / "sealed" / "encodings").iterdir()) == []


def test_a_committed_upload_answers_alike_before_and_after_the_run(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    other = chunks_of(encode_people("tax", range(500, 540)))[:1]
    answers = []
    for _ in range(2):
        with opened(config) as unit, served(unit) as address, connected(parties, address) as providers:
            upload = next(upload for upload in unit.uploads.of_wave("w1") if upload.provider == "tax")
            for chunks in (chunks_of(files["tax"])[:1], other):
                with pytest.raises(RemoteRefusal) as refusal:
                    providers["tax"].put(upload.id, chunks)
                answers.append(str(refusal.value))
        link(config)
    assert len(set(answers)) == 1


def test_encodings_of_an_agreement_that_is_over_go_even_if_it_was_suspended(
    config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    with opened(config) as unit:
        unit.keeper.suspend(unit.agreement, PartyName("border"), b"notice")
        assert delete_due_encodings(unit) == 0
    with opened(config, lambda: datetime(2036, 1, 1, tzinfo=UTC)) as unit:
        assert delete_due_encodings(unit) == 3
    assert list((config.data / "sealed" / "encodings").iterdir()) == []


def test_the_operator_sees_counts_and_a_signed_manifest(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    link(config)
    with opened(config) as unit:
        wave = status_of(unit).waves[0]
        run = unit.runs.run("w1")
    assert wave.state == "ready"
    assert [(p.provider, p.key_check, p.upload, p.rows) for p in wave.providers] == [
        ("border", "agrees", "deleted", 100),
        ("register", "agrees", "deleted", 100),
        ("tax", "agrees", "deleted", 80),
    ]
    assert wave.counts["groups"] == 170
    assert run is not None
    assert wave.counts["seed"] == run.seed.to_bytes(8, "big").hex()
    assert wave.counts["schema"] == parties.verified.document.schema_hash.hex()


def test_every_change_of_state_is_in_the_signed_audit_logs(
    parties: Parties, config: LinkageUnitConfig, files: dict[str, EncodedPeople]
) -> None:
    link(config)
    key = parties.verified.identity_key(LINKAGE_UNIT)
    events: dict[str, list[str]] = {}
    for process in ("serve", "link"):
        path = config.data / f"audit-{process}.jsonl"
        lines, _ = verify(path, key)
        events[process] = [json.loads(line)["event"] for line in path.read_text().splitlines()]
        assert lines == len(events[process])
    assert events["serve"] == [*["key check stored"] * 3, "key checks agree", *["upload begun", "upload committed"] * 3]
    assert events["link"] == ["linking started", "tokens made", *["encodings deleted"] * 3]
