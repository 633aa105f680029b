"""Stores: durable and serialisable on SQLite and PostgreSQL alike; who loses to another is run again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from services.common.database import open_database, sqlite_url, transact
from services.common.errors import Unavailable
from tests.support.stores import migrations_in, opened, url_of


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with opened(url_of(request.param, request, tmp_path), tmp_path) as engine:
        transact(engine, lambda c: c.execute(text("INSERT INTO counters VALUES ('steps', 0)")))
        yield engine


def value(connection: Connection) -> int:
    return int(connection.execute(text("SELECT value FROM counters WHERE name = 'steps'")).scalar_one())


def increment(connection: Connection) -> int:
    """Read, then write what was read: two of them that overlap would lose a step."""
    found = value(connection)
    connection.execute(text("UPDATE counters SET value = :value WHERE name = 'steps'"), {"value": found + 1})
    return found + 1


def test_sqlite_writes_ahead_synchronously_and_keeps_references(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path / "store.sqlite"), tmp_path) as engine, engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_postgresql_is_serialisable(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with opened(url_of("postgresql", request, tmp_path), tmp_path) as engine, engine.connect() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "serializable"


def test_a_store_is_migrated_once_and_opens_again(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    for kind in ("sqlite", "postgresql"):
        url = url_of(kind, request, tmp_path)
        with opened(url, tmp_path) as engine:
            transact(engine, lambda c: c.execute(text("INSERT INTO counters VALUES ('kept', 7)")))
        with opened(url, tmp_path) as engine, engine.connect() as connection:
            assert connection.execute(text("SELECT value FROM counters")).scalar_one() == 7


def test_two_writers_serialise(engine: Engine) -> None:
    ready = threading.Barrier(4)
    failures: list[BaseException] = []

    def write() -> None:
        ready.wait()
        try:
            for _ in range(10):
                transact(engine, increment)
        except (OperationalError, Unavailable) as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with engine.connect() as connection:
        assert value(connection) == 40


def test_who_loses_is_run_again_on_what_the_winner_left(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with opened(url_of("postgresql", request, tmp_path), tmp_path) as engine:
        transact(engine, lambda c: c.execute(text("INSERT INTO counters VALUES ('steps', 0)")))
        attempts: list[int] = []

        def overtaken(connection: Connection) -> int:
            attempts.append(value(connection))
            if len(attempts) == 1:  # somebody else commits between our read and our write
                transact(engine, increment)
            return increment(connection)

        assert transact(engine, overtaken) == 2
    assert attempts == [0, 1]


def test_who_keeps_losing_is_told_to_try_again(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with opened(url_of("postgresql", request, tmp_path), tmp_path) as engine:
        transact(engine, lambda c: c.execute(text("INSERT INTO counters VALUES ('steps', 0)")))

        def always_overtaken(connection: Connection) -> int:
            value(connection)
            transact(engine, increment)
            return increment(connection)

        with pytest.raises(Unavailable, match="try again"):
            transact(engine, always_overtaken)


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    def half(connection: Connection) -> None:
        increment(connection)
        raise LookupError("stopped half way")

    with pytest.raises(LookupError):
        transact(engine, half)
    with engine.connect() as connection:
        assert value(connection) == 0


def test_a_fault_that_is_no_race_is_not_tried_again(engine: Engine) -> None:
    attempts = []

    def wrong(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(text("INSERT INTO counters VALUES ('steps', 1)"))

    with pytest.raises(IntegrityError):
        transact(engine, wrong)
    assert len(attempts) == 1


def test_references_are_kept(engine: Engine) -> None:
    with pytest.raises(IntegrityError):
        transact(engine, lambda c: c.execute(text("INSERT INTO steps VALUES (1, 'nothing')")))


def test_a_reader_sees_one_state_while_a_writer_commits(engine: Engine) -> None:
    with engine.connect() as reader, reader.begin():
        before = value(reader)
        transact(engine, increment)
        assert value(reader) == before
    with engine.connect() as connection:
        assert value(connection) == before + 1


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        open_database(sqlite_url(tmp_path / "nothing" / "store.sqlite"), migrations_in(tmp_path))
