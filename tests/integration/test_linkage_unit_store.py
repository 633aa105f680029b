"""One suite over both stores: what the linkage unit remembers is the same on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError

from linkage_core.linking.events import Event, EventKind
from linkage_core.types import GroupId, Handle
from services.common.database import open_database
from services.common.errors import Conflict
from services.linkage_unit.project import Begin, RunState, Upload, UploadState
from services.linkage_unit.store.history import EventCount, HistoryStore, KeptEncodings
from services.linkage_unit.store.mailbox import MailboxStore
from services.linkage_unit.store.runs import RunStore, TokenBatch
from services.linkage_unit.store.tables import METADATA, REGISTRY
from services.linkage_unit.store.uploads import UploadStore
from services.linkage_unit.unit import MIGRATIONS
from services.wire.messages import KeyCheck
from tests.support.stores import url_of

AGREEMENT = "a" * 64
CHECK = KeyCheck(b"k" * 16, b"c" * 16)
UPLOAD = Upload(b"u" * 16, AGREEMENT, "w1", "tax", "key", b"manifest", 10, 2, 0, UploadState.OPEN)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(str(request.param), request, tmp_path)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url, MIGRATIONS)
    yield engine
    engine.dispose()


def create(_: Upload | None, __: RunState) -> Begin:
    return Begin.CREATE


def replace_it(_: Upload | None, __: RunState) -> Begin:
    return Begin.REPLACE


def test_migrations_make_exactly_the_declared_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_what_is_stored_survives_a_restart(url: str) -> None:
    first = open_database(url, MIGRATIONS)
    MailboxStore(first).put_share(AGREEMENT, "tax", "border", b"share")
    UploadStore(first).begin(UPLOAD, create)
    UploadStore(first).add_chunks(UPLOAD, 0, [b"d" * 32])
    first.dispose()
    second = open_database(url, MIGRATIONS)
    assert MailboxStore(second).shares_to(AGREEMENT, "border") == [b"share"]
    found = UploadStore(second).find(UPLOAD.id, "tax")
    assert found == replace(UPLOAD, next_chunk=1)
    second.dispose()


def test_a_share_is_kept_for_its_recipient_and_version_only(engine: Engine) -> None:
    store = MailboxStore(engine)
    store.put_share(AGREEMENT, "tax", "border", b"share")
    store.put_share(AGREEMENT, "tax", "border", b"share")
    assert store.shares_to(AGREEMENT, "border") == [b"share"]
    assert store.shares_to(AGREEMENT, "tax") == []
    assert store.shares_to("b" * 64, "border") == []


def test_a_second_different_share_contradicts_even_after_deletion(engine: Engine) -> None:
    store = MailboxStore(engine)
    store.put_share(AGREEMENT, "tax", "border", b"share")
    with pytest.raises(Conflict):
        store.put_share(AGREEMENT, "tax", "border", b"other")
    store.delete_shares(AGREEMENT)
    assert store.shares_to(AGREEMENT, "border") == []
    store.put_share(AGREEMENT, "tax", "border", b"share")
    assert store.shares_to(AGREEMENT, "border") == []
    with pytest.raises(Conflict):
        store.put_share(AGREEMENT, "tax", "border", b"other")


def test_a_key_check_may_be_replaced_until_uploads_begin(engine: Engine) -> None:
    store = MailboxStore(engine)
    other = KeyCheck(b"x" * 16, b"c" * 16)
    assert store.put_key_check(AGREEMENT, "tax", other, b"signed") == {"tax": other}
    assert store.put_key_check(AGREEMENT, "tax", CHECK, b"signed") == {"tax": CHECK}
    UploadStore(engine).begin(UPLOAD, create)
    assert store.put_key_check(AGREEMENT, "tax", CHECK, b"signed") == {"tax": CHECK}
    with pytest.raises(Conflict):
        store.put_key_check(AGREEMENT, "tax", other, b"signed")


def test_an_upload_is_found_by_its_provider_only(engine: Engine) -> None:
    store = UploadStore(engine)
    store.begin(UPLOAD, create)
    assert store.find(UPLOAD.id, "tax") == UPLOAD
    assert store.find(UPLOAD.id, "border") is None


def test_a_replaced_upload_takes_its_chunks_along(engine: Engine) -> None:
    store = UploadStore(engine)
    store.begin(UPLOAD, create)
    store.add_chunks(UPLOAD, 0, [b"d" * 32])
    new = replace(UPLOAD, id=b"v" * 16, idempotency_key="new")
    decision, upload, replaced = store.begin(new, replace_it)
    assert (decision, upload) == (Begin.REPLACE, new)
    assert replaced == replace(UPLOAD, next_chunk=1)
    assert store.digests(UPLOAD.id) == []
    with pytest.raises(Conflict, match="replaced"):
        store.add_chunks(UPLOAD, 1, [b"e" * 32])


def test_uploads_of_a_wave_are_listed_by_provider(engine: Engine) -> None:
    store = UploadStore(engine)
    store.begin(UPLOAD, create)
    other = replace(UPLOAD, id=b"v" * 16, provider="border")
    store.begin(other, create)
    assert [upload.provider for upload in store.of_wave("w1")] == ["border", "tax"]


def test_chunks_count_once_and_in_order(engine: Engine) -> None:
    store = UploadStore(engine)
    store.begin(UPLOAD, create)
    assert store.add_chunks(UPLOAD, 1, [b"e" * 32]) == 0
    assert store.add_chunks(UPLOAD, 0, [b"d" * 32]) == 1
    assert store.add_chunks(UPLOAD, 0, [b"d" * 32]) == 1
    with pytest.raises(Conflict, match="another content"):
        store.add_chunks(UPLOAD, 0, [b"x" * 32])
    assert store.add_chunks(UPLOAD, 1, [b"e" * 32]) == 2
    assert store.digests(UPLOAD.id) == [b"d" * 32, b"e" * 32]


def test_an_upload_is_committed_once_and_takes_no_more_chunks(engine: Engine) -> None:
    store = UploadStore(engine)
    store.begin(UPLOAD, create)
    assert store.commit(UPLOAD.id)
    assert not store.commit(UPLOAD.id)
    with pytest.raises(Conflict, match="closed"):
        store.add_chunks(UPLOAD, 0, [b"d" * 32])


def test_a_run_begun_again_keeps_its_version_and_seed(engine: Engine) -> None:
    store = RunStore(engine)
    first = store.start("w1", AGREEMENT, 2**64 - 1)
    store.fail("w1", "Unfit")
    failed = store.run("w1")
    assert failed is not None
    assert (failed.state, failed.failure) == (RunState.FAILED, "Unfit")
    again = store.start("w1", AGREEMENT, 7)
    assert (again.version, again.seed) == (first.version, 2**64 - 1)
    assert store.start("w2", AGREEMENT, 7).version == first.version + 1


def complete(
    store: RunStore,
    wave: str,
    registry: dict[tuple[str, bytes], bytes],
    pseudonyms: dict[bytes, bytes],
    model: bytes | None = None,
) -> None:
    run = store.start(wave, AGREEMENT, 1)
    batch = TokenBatch(wave, "tax", wave.encode().ljust(16, b"b"), b"header", 3)
    store.complete(
        run,
        project="migration",
        changed=registry,
        pseudonyms=pseudonyms,
        batches=[batch],
        uploads={},
        manifest=b"manifest",
        model=model,
    )


def test_a_completed_run_shows_registry_pseudonyms_and_batches(engine: Engine) -> None:
    store = RunStore(engine)
    complete(store, "w1", {("tax", b"h" * 16): b"g" * 16}, {b"g" * 16: b"y" * 16})
    assert store.state("w1") is RunState.READY
    assert store.registry() == {("tax", b"h" * 16): b"g" * 16}
    assert store.token_batch("w1", "tax") == TokenBatch("w1", "tax", b"w1".ljust(16, b"b"), b"header", 3)
    assert store.token_batch("w1", "border") is None


def test_the_registry_keeps_every_version_and_answers_with_the_newest(engine: Engine) -> None:
    store = RunStore(engine)
    complete(store, "w1", {("tax", b"h" * 16): b"g" * 16, ("tax", b"i" * 16): b"g" * 16}, {b"g" * 16: b"y" * 16})
    complete(store, "w2", {("tax", b"h" * 16): b"f" * 16}, {b"g" * 16: b"y" * 16, b"f" * 16: b"z" * 16})
    assert store.registry() == {("tax", b"h" * 16): b"f" * 16, ("tax", b"i" * 16): b"g" * 16}
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(REGISTRY)).scalar_one() == 3


def test_many_entries_come_back_each_with_its_newest_group(engine: Engine) -> None:
    store = RunStore(engine)
    handles = [number.to_bytes(16, "big") for number in range(3_000)]
    groups = {handle: handle[::-1] for handle in handles}
    complete(store, "w1", {("tax", h): groups[h] for h in handles}, {g: g for g in groups.values()})
    moved = {("tax", h): groups[handles[0]] for h in handles[::7]}
    complete(store, "w2", moved, {g: g for g in groups.values()})
    assert store.registry() == {("tax", h): groups[h] for h in handles} | moved


def test_two_groups_with_one_pseudonym_are_impossible_and_leave_nothing_behind(engine: Engine) -> None:
    store = RunStore(engine)
    with pytest.raises(IntegrityError):
        complete(store, "w1", {("tax", b"h" * 16): b"g" * 16}, {b"g" * 16: b"y" * 16, b"f" * 16: b"y" * 16})
    assert store.state("w1") is RunState.LINKING
    assert store.registry() == {}
    assert store.batch_ids() == set()


def test_a_runs_model_survives_a_restart_and_a_run_without_one_has_none(url: str) -> None:
    first = open_database(url, MIGRATIONS)
    complete(RunStore(first), "w1", {}, {}, model=b"{}")
    complete(RunStore(first), "w2", {}, {})
    first.dispose()
    second = open_database(url, MIGRATIONS)
    assert [RunStore(second).model(wave) for wave in ("w1", "w2", "w3")] == [b"{}", None, None]
    second.dispose()


def test_a_run_that_is_not_completed_leaves_no_model(engine: Engine) -> None:
    store = RunStore(engine)
    twice = {b"g" * 16: b"y" * 16, b"f" * 16: b"y" * 16}
    with pytest.raises(IntegrityError):
        complete(store, "w1", {}, twice, model=b"{}")
    assert store.model("w1") is None


def test_a_run_whose_upload_was_replaced_meanwhile_is_not_completed(engine: Engine) -> None:
    store = RunStore(engine)
    UploadStore(engine).begin(UPLOAD, create)
    with pytest.raises(Conflict, match="replaced"):
        complete(store, "w1", {}, {})
    assert store.state("w1") is RunState.LINKING


def kept(version: int, provider: str, snapshot: bytes) -> KeptEncodings:
    return KeptEncodings(version, provider, snapshot, epoch=1, row_count=3, root=b"r" * 32)


def test_a_runs_events_are_counted_by_kind_and_reason_and_come_with_the_run(engine: Engine) -> None:
    runs, history = RunStore(engine), HistoryStore(engine)
    group, other, handle = GroupId(b"g" * 16), GroupId(b"o" * 16), b"h" * 16
    events = [
        (Event(EventKind.CREATED, "new", group), None),
        (Event(EventKind.CREATED, "new", other), None),
        (Event(EventKind.MERGED, "by-key/names-date", other, group), None),
        (Event(EventKind.WITHDRAWN, "complete-wave", group, handle=Handle(b"tax/" + handle)), ("tax", handle)),
    ]
    run = runs.start("w1", AGREEMENT, 1)
    nothing: Any = {"project": "p", "changed": {}, "pseudonyms": {}, "batches": (), "uploads": {}, "manifest": b""}
    with pytest.raises(Conflict):
        runs.complete(run, **nothing | {"uploads": {"tax": b"other"}}, events=events)
    assert history.counts() == []
    runs.complete(run, **nothing, events=events)
    assert history.counts() == [
        EventCount(1, "created", "new", 2),
        EventCount(1, "merged", "by-key/names-date", 1),
        EventCount(1, "withdrawn", "complete-wave", 1),
    ]
    assert history.withdrawn() == {("tax", handle)}
    back = [(Event(EventKind.RETURNED, "delivery", group, handle=Handle(b"tax/" + handle)), ("tax", handle))]
    runs.complete(runs.start("w2", AGREEMENT, 2), **nothing, events=back)
    assert history.withdrawn() == set()
    assert runs.waves() == ["w1", "w2"]


def test_the_newest_encodings_count_and_older_ones_are_named_until_they_are_forgotten(engine: Engine) -> None:
    runs, history = RunStore(engine), HistoryStore(engine)
    nothing: Any = {"project": "p", "changed": {}, "pseudonyms": {}, "batches": (), "uploads": {}, "manifest": b""}
    assert history.kept_encodings() == []
    first = [kept(1, "border", b"a" * 16), kept(1, "tax", b"a" * 16)]
    second = [kept(2, "border", b"b" * 16), kept(2, "tax", b"b" * 16)]
    runs.complete(runs.start("w1", AGREEMENT, 1), **nothing, kept=first)
    assert (history.kept_encodings(), history.older_snapshots()) == (first, [])
    runs.complete(runs.start("w2", AGREEMENT, 2), **nothing, kept=second)
    assert (history.kept_encodings(), history.older_snapshots()) == (second, [b"a" * 16])
    assert history.forget_encodings(before=2) == 2
    assert (history.kept_encodings(), history.older_snapshots()) == (second, [])
    assert history.forget_encodings() == 2
    assert history.kept_encodings() == []


def test_handles_are_told_by_the_run_that_first_brought_them(engine: Engine) -> None:
    runs, history = RunStore(engine), HistoryStore(engine)
    nothing: Any = {"project": "p", "pseudonyms": {}, "batches": (), "uploads": {}, "manifest": b""}
    old, new = ("tax", b"1" * 16), ("tax", b"2" * 16)
    runs.complete(runs.start("w1", AGREEMENT, 1), **nothing, changed={old: b"g" * 16})
    runs.complete(runs.start("w2", AGREEMENT, 2), **nothing, changed={old: b"o" * 16, new: b"g" * 16})
    assert (history.first_brought(1), history.first_brought(2)) == ({old}, {new})


def test_a_wave_that_failed_and_is_linked_after_a_later_one_counts_after_it(engine: Engine) -> None:
    runs = RunStore(engine)
    nothing: Any = {"project": "p", "pseudonyms": {}, "batches": (), "uploads": {}, "manifest": b""}
    first = runs.start("w1", AGREEMENT, 1)
    assert runs.start("w1", AGREEMENT, 5) == first
    runs.fail("w1", "Unfit")
    handle = ("tax", b"h" * 16)
    runs.complete(runs.start("w2", AGREEMENT, 2), **nothing, changed={handle: b"2" * 16})
    again = runs.start("w1", AGREEMENT, 3)
    assert (again.version, again.seed) == (3, 1)
    runs.complete(again, **nothing, changed={handle: b"1" * 16})
    assert runs.registry() == {handle: b"1" * 16}
    assert runs.waves() == ["w2", "w1"]
