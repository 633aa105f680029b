"""Many spenders at once over real connections, restored backups, who inherits what, refusals that depend on no data."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import grpc
import pytest
from sqlalchemy import create_engine, make_url, text

from disclosure.errors import LedgerCorrupt
from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis, question_text
from services.analysis.config import AnalysisConfig
from services.common.errors import Code, RemoteRefusal
from services.wire import messages
from services.wire.convert import queries
from services.wire.convert.signed import sign_message
from services.wire.v1 import queries_pb2_grpc
from tests.support.analysis import (
    asking,
    config_of,
    connect,
    deliverers,
    enrol,
    opened,
    served,
    small_tables,
)
from tests.support.parties import ANALYSIS, Parties, make_parties
from tests.support.stores import url_of

STOCK: dict[str, Any] = {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"half_width": 10}}


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, parties: Parties, tmp_path: Path) -> AnalysisConfig:
    return config_of(parties, tmp_path, database=url_of(request.param, request, tmp_path))


@contextmanager
def delivered(parties: Parties, config: AnalysisConfig, key: str = "first") -> Iterator[tuple[AnalysisService, str]]:
    """A serving service with a complete wave, and its address; another delivery of the wave takes another key."""
    with opened(config) as service, served(service) as address:
        with deliverers(parties, address) as providers:
            for name, (people, tables) in small_tables().items():
                providers[name].deliver(people, tables, key=key)
        yield service, address


# -------------------------------------------------------------------------------------------------------- many at once


def test_of_fifty_analysts_at_once_exactly_ten_get_what_ten_can_pay(
    parties: Parties, config: AnalysisConfig, tmp_path: Path
) -> None:
    """Each on a connection of its own, with a question of its own at a tenth of the whole budget."""
    spenders, affordable = 50, 10
    keys = enrol(replace(parties, folder=tmp_path), config, *(f"ana-{n}" for n in range(spenders)))
    together = Barrier(spenders)
    with delivered(parties, config) as (service, address), ExitStack() as connections:
        clients = [connections.enter_context(asking(parties, own, address)) for own in keys.values()]

        def spend(number: int) -> str:
            day = f"2023-{1 + number // 28:02}-{1 + number % 28:02}"
            together.wait()
            try:
                clients[number].answer({**STOCK, "at": day, "accuracy": {"nano_rho": 100_000_000}})
            except RemoteRefusal as refused:
                return refused.code
            return "released"

        with ThreadPoolExecutor(spenders) as pool:
            outcomes = list(pool.map(spend, range(spenders)))
        entries = service.ledger.entries(parties.verified.document.lineage)
    assert outcomes.count("released") == affordable
    assert outcomes.count(Code.OVER_BUDGET) == spenders - affordable
    assert [entry.kind for entry in entries] == ["RESERVED", "RELEASED"] * affordable
    assert sum(entry.nano_rho for entry in entries) <= parties.verified.document.budget.total_nano_rho


# ---------------------------------------------------------------------------------------------------- restored backups


def backed_up(config: AnalysisConfig, place: Path) -> AnalysisConfig:
    """Copy the database as it is now; returns the configuration that uses the copy, and everything else as it is."""
    if config.database_url.startswith("sqlite"):
        source = config.database_url.removeprefix("sqlite:///")
        with create_engine(config.database_url).connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(source, place)
        return config.model_copy(update={"database": f"sqlite:///{place}"})
    url = make_url(config.database_url)
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {url.database}_backup TEMPLATE {url.database}"))
    engine.dispose()
    restored = url.set(database=f"{url.database}_backup").render_as_string(hide_password=False)
    return config.model_copy(update={"database": restored})


def test_a_service_on_a_restored_backup_refuses_to_start(
    parties: Parties, config: AnalysisConfig, tmp_path: Path
) -> None:
    ana = enrol(replace(parties, folder=tmp_path), config, "ana")["ana"]
    with delivered(parties, config) as (_, address), asking(parties, ana, address) as analysis:
        analysis.answer(STOCK)
    restored = backed_up(config, tmp_path / "backup.sqlite")
    with opened(restored):
        pass  # the backup is as good as the store, until more is spent
    with opened(config) as service, served(service) as address, asking(parties, ana, address) as analysis:
        analysis.answer({**STOCK, "at": "2023-02-01"})
    with pytest.raises(LedgerCorrupt, match="anchored entry 3"), opened(restored):
        pass
    with opened(config):
        pass


# --------------------------------------------------------------------------------------------------------- inheritance


def test_an_amendment_and_a_wave_that_is_linked_anew_inherit_what_was_spent(
    config: AnalysisConfig, tmp_path: Path
) -> None:
    own = make_parties(tmp_path / "own")
    config = config.model_copy(update={"agreement": own.agreement_file, "keys": own.keys_folder(ANALYSIS)})
    ana = enrol(own, config, "ana")["ana"]
    with delivered(own, config) as (_, address), asking(own, ana, address) as analysis:
        first = analysis.answer(STOCK)
    own.amend(minimum_cell_count=6)
    with delivered(own, config, key="linked anew") as (_, address), asking(own, ana, address) as analysis:
        again = analysis.answer(STOCK)
    assert again.charged  # the same persons under new links are other data, and cost anew
    assert again.release.data_version != first.release.data_version
    price = first.release.nano_rho
    assert (first.budget.total - first.budget.total_left, first.budget.wave - first.budget.wave_left) == (price, price)
    assert again.budget.total - again.budget.total_left == 2 * price
    assert again.budget.wave - again.budget.wave_left == 2 * price
    assert again.budget.analyst - again.budget.analyst_left == 2 * price


def test_another_projects_service_on_the_lineages_ledger_inherits_what_was_spent(
    parties: Parties, config: AnalysisConfig, tmp_path: Path
) -> None:
    health = make_parties(tmp_path / "health parties", project="health")
    other = config_of(health, tmp_path / "health", ledger=config.database_url)
    other.roster.parent.mkdir()
    ana = enrol(replace(parties, folder=tmp_path), config, "ana")["ana"]
    eva = enrol(health, other, "eva")["eva"]
    with (
        delivered(parties, config) as (_, address),
        delivered(health, other) as (_, health_address),
        asking(parties, ana, address) as first,
        asking(health, eva, health_address) as second,
    ):
        price = first.answer(STOCK).release.nano_rho
        inherited = second.answer(STOCK)
        assert inherited.charged
        assert inherited.budget.total - inherited.budget.total_left == 2 * price
        assert inherited.budget.analyst - inherited.budget.analyst_left == price
        assert first.preview(STOCK).budget.total_left == inherited.budget.total_left
    with opened(config), opened(other):
        pass  # each anchor fits the ledger of both


# ------------------------------------------------------------------------------------------------------------ refusals


def told(call: Any, request: Any) -> tuple[bytes, ...]:
    """Everything that a caller gets for a request, as bytes: answers, or status, sentence and trailing metadata."""
    try:
        answer = call(request, timeout=60)
        parts: Sequence[Any] = [answer] if hasattr(answer, "SerializeToString") else list(answer)
        return tuple(part.SerializeToString(deterministic=True) for part in parts)
    except grpc.RpcError as error:
        trailing = sorted((item[0], str(item[1])) for item in error.trailing_metadata())  # type: ignore[index] # a tuple
        return (str(error.code()).encode(), str(error.details()).encode(), str(trailing).encode())


def asked(parties: Parties, folder: Path, left_out: str | None) -> tuple[list[tuple[bytes, ...]], bytes]:
    """What a service says to previews and refused questions, and its anchor; `left_out` is in none of its sources."""
    config = config_of(parties, folder)
    config.roster.parent.mkdir(parents=True)
    ana = enrol(replace(parties, folder=folder), config, "ana")["ana"]
    dear = {**STOCK, "accuracy": {"nano_rho": 100_000_000}}
    refused: list[dict[str, Any]] = [
        {**STOCK, "by": ["shoe_size"]},
        {**STOCK, "at": "1999-01-01"},
        {**STOCK, "accuracy": {"half_width": 100_000}},
        {**STOCK, "where": [{"dimension": "sex", "in": ["x"]}]},
        {**STOCK, "accuracy": {"nano_rho": 100_000_001}},
        {**dear, "at": "2023-03-01"},
        {"measure": "rows"},
    ]
    with opened(config) as service, served(service) as address:
        with deliverers(parties, address) as providers:
            for name, (people, tables) in small_tables().items():
                kept = [place for place, person in enumerate(people) if person != left_out]
                rows = {
                    table: [{**row, "person": kept.index(row["person"])} for row in rows if row["person"] in kept]
                    for table, rows in tables.items()
                }
                providers[name].deliver([people[place] for place in kept], rows)
        with connect(ana, address) as channel:
            stub = queries_pb2_grpc.QueriesStub(channel)
            with Analysis(connect(ana, address), ana, parties.verified) as analysis:
                for day in range(1, 6):  # the analyst's share is spent but for a remainder
                    analysis.answer({**dear, "at": f"2023-02-0{day}"})
            before = service.ledger.entries(parties.verified.document.lineage), config.anchor.read_bytes()
            outcomes = []
            for place, question in enumerate([STOCK, *refused]):
                preview = queries.preview_query_request_to_wire(question_text(question), "w1")
                outcomes.append(told(stub.PreviewQuery, preview))
                if question is not STOCK:
                    body = messages.Question(question_text(question), f"asking-{place}")
                    signed = sign_message(ana.identity, ana.name, ANALYSIS, parties.verified.context("w1"), body)
                    outcomes.append(told(stub.RunQuery, queries.run_query_request_to_wire(signed)))
            after = service.ledger.entries(parties.verified.document.lineage), config.anchor.read_bytes()
    assert after == before
    return outcomes, b"".join(outcome[0] for outcome in outcomes)


def test_previews_and_refusals_are_the_same_bytes_for_neighbouring_data_and_change_nothing(
    parties: Parties, tmp_path: Path
) -> None:
    everybody, all_of_it = asked(parties, tmp_path / "everybody", None)
    without_one, _ = asked(parties, tmp_path / "without one", "p25")  # in the register, at the border and at work
    assert everybody == without_one
    for status in (b"INVALID_ARGUMENT", b"FAILED_PRECONDITION", b"RESOURCE_EXHAUSTED"):
        assert status in all_of_it
