"""What lies on the analysis service's disk and in its logs: no payload, no token, no key; and what a copy is worth."""

import io
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from disclosure.errors import LedgerCorrupt
from linkage_core.errors import Tampered
from services.analysis.operating import status
from services.analysis.store.cells import locked_connection
from services.analysis.store.payload import data_key_name
from services.common.logs import configure_logs
from tests.support.analysis import (
    asking,
    config_of,
    deliverers,
    enrol,
    make_batch,
    opened,
    pseudonym_of,
    served,
    small_tables,
)
from tests.support.parties import make_parties

CANARY = "zq-canary-category"
STOCK: dict[str, Any] = {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"half_width": 10}}


def statistics_with_canary(folder: Path) -> dict[str, Any]:
    """The small agreement's statistics, with one code that occurs nowhere else."""
    statistics = make_parties(folder).verified.document.statistics.model_dump(mode="json")
    statistics["code_lists"][0]["codes"] = ["f", "m", CANARY]
    return statistics


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_file_and_no_log_holds_payload_tokens_or_pseudonyms(tmp_path: Path) -> None:
    logged = io.StringIO()
    configure_logs(logged)
    parties = make_parties(tmp_path / "parties", statistics=statistics_with_canary(tmp_path / "first"))
    config = config_of(parties, tmp_path / "home")
    config.roster.parent.mkdir(exist_ok=True)
    analysts = enrol(parties, config, "ana")
    people, tables = small_tables()["register"]
    tables["persons"] = [{"person": i, "sex": CANARY} for i in range(len(people))]
    during: dict[str, bytes] = {}
    with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
        for name, (others, theirs) in small_tables().items():
            rows = tables if name == "register" else theirs
            keys = providers[name].wave_keys()
            batch = make_batch(parties, name, keys, people if name == "register" else others)
            prepared = providers[name].prepare(batch, rows, keys)
            state = providers[name].begin(prepared)
            providers[name].put(prepared.as_chunks(state.transfer_id))
            during |= {f"{name} {place}": content for place, content in files_below(tmp_path / "home").items()}
            providers[name].commit(state.transfer_id, prepared.root)
            for token in batch.tokens:
                assert not any(token in content for content in files_below(tmp_path / "home").values())
        with asking(parties, analysts["ana"], address) as ana:
            ana.run(STOCK)
        persons = service.payload.dataset(service.deliveries.files("w1")[("register", "persons")]).to_table()
        assert set(persons.column("sex").to_pylist()) == {CANARY}
        synthetic_keys = persons.column("synthetic_key").to_pylist()
    kept = {
        place: content
        for place, content in (during | files_below(tmp_path / "home")).items()
        if "analysis.sqlite" not in place  # the agreement's code lists are public, and so are released tables
    }
    assert any(place.endswith(".parquet") for place in kept)
    assert any("incoming" in place for place in kept)
    forbidden = [CANARY.encode(), *synthetic_keys, *map(pseudonym_of, people)]
    for place, content in kept.items():
        for value in forbidden:
            assert value not in content, place
            assert value.hex().encode() not in content, place
    database = b"".join(content for place, content in files_below(tmp_path / "home").items() if ".sqlite" in place)
    for value in (*synthetic_keys, *map(pseudonym_of, people)):
        assert value not in database
        assert value.hex().encode() not in database
    for place, content in kept.items():
        assert not place.endswith(".parquet") or b"synthetic_key" not in content, place  # nor the columns' names
    told = logged.getvalue()
    assert "delivery committed" in told
    for secret in (CANARY, *(key.hex() for key in synthetic_keys)):
        assert secret not in told


def test_payload_cannot_be_read_once_its_data_key_is_destroyed(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
        people, tables = small_tables()["tax"]
        providers["tax"].deliver(people, tables)
        file = service.deliveries.files("w1")[("tax", "activity")]
        copied = (config.data / "payload" / file).read_bytes()
        name = data_key_name(parties.verified.document.lineage, "w1", "tax", "activity")
        service.payload.destroy(file, name)
        (config.data / "payload" / file).write_bytes(copied)
        with pytest.raises(Tampered, match="destroyed"):
            service.payload.dataset(file).to_table()


def test_a_changed_payload_file_does_not_open(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path)
    with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
        people, tables = small_tables()["tax"]
        providers["tax"].deliver(people, tables)
        file = config.data / "payload" / service.deliveries.files("w1")[("tax", "activity")]
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        with pytest.raises(OSError, match=r"(?i)decrypt|corrupt|tag|finalize"):
            service.payload.dataset(file.name).to_table()


def test_a_question_beyond_its_memory_fails_and_spills_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with locked_connection("32MB") as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(
            "CREATE TABLE t AS SELECT range AS a, repeat('canary', 20) AS b FROM range(3000000) ORDER BY b"
        )
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SET temp_directory = '/tmp'",
        "SET enable_external_access = true",
        "SET memory_limit = '64GB'",
        "SET enable_progress_bar = true",
        "COPY (SELECT 1) TO 'out.csv'",
        "SELECT * FROM read_csv('/etc/hostname')",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
    ],
)
def test_no_statement_opens_the_store_to_the_outside(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with locked_connection("64MB") as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)
    assert list(tmp_path.iterdir()) == []


def test_a_restored_backup_of_the_database_refuses_to_start(tmp_path: Path) -> None:
    parties = make_parties(tmp_path / "parties")
    config = config_of(parties, tmp_path / "home")
    config.roster.parent.mkdir()
    analysts = enrol(parties, config, "ana")
    backup = tmp_path / "backup"
    with opened(config) as service, served(service) as address, deliverers(parties, address) as providers:
        for name, (people, tables) in small_tables().items():
            providers[name].deliver(people, tables)
    shutil.copytree(config.data, backup)
    with opened(config) as service, served(service) as address, asking(parties, analysts["ana"], address) as ana:
        ana.run(STOCK)
    assert status(config)["releases"] == 1
    shutil.rmtree(config.data)
    shutil.copytree(backup, config.data)
    with pytest.raises(LedgerCorrupt, match="anchored"), opened(config):
        pass
    with pytest.raises(LedgerCorrupt):
        status(config)
