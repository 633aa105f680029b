"""Invented persons obey the agreement's clauses, are known for what they are, and answer as the service does."""

import dataclasses
import json
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from disclosure.errors import BudgetRefused, PolicyRefused
from disclosure.query.parsing import parse_question
from disclosure.terms import Terms
from linkage_core.agreement.clauses import Period
from linkage_core.agreement.payload import PayloadTable
from linkage_core.errors import InputFault
from linkage_core.tokens import TOKEN_BYTES
from services.analysis.dummy import KEY_PREFIX, invent_tables
from services.analysis.opening import TableOpener
from services.analysis.trial import DESCRIPTION_FILE, Trial, dummy_truncation_key, write_dummy
from services.cli import query
from services.common.errors import ConfigurationFault
from services.wire.messages import PayloadChunk, PayloadColumn
from tests import disclosure_cases as cases
from tests import disclosure_world as world
from tests.disclosure_reference import reference_vectors
from tests.support.parties import Parties, make_parties

EPOCH = date(1970, 1, 1)
AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_TYPE = PayloadTable.model_validate(
    {
        "provider": "tax",
        "name": "jobs",
        "kind": "spell",
        "start": "from",
        "end": "until",
        "rows_per_person": 3,
        "columns": (
            {"name": "from", "type": "date", "required": True},
            {"name": "until", "type": "date", "required": True},
            {"name": "born-in", "type": "category", "code_list": "countries"},
            {"name": "wage", "type": "integer", "minimum": -5, "maximum": 900},
            {"name": "born", "type": "year", "minimum": 1900, "maximum": 2000, "required": True},
            {"name": "hired", "type": "date"},
            {"name": "single", "type": "integer", "minimum": 7, "maximum": 7, "required": True},
        ),
    }
)


def terms(**changes: Any) -> Terms:
    wide = dataclasses.replace(world.terms(), payload=(*world.PAYLOAD, EVERY_TYPE))
    return dataclasses.replace(wide, **changes)


def chunk_of(table: PayloadTable, rows: pa.Table, terms: Terms) -> PayloadChunk:
    """The rows as their provider would deliver them, a person's number in its token."""
    tokens = b"".join(key[8:].rjust(12, b"\0").ljust(TOKEN_BYTES, b"\0") for key in rows["synthetic_key"].to_pylist())
    columns = []
    for column in table.columns:
        values = rows[column.name].to_pylist()
        kind = {"category": "categories", "date": "dates"}.get(column.type, "integers")
        if column.code_list is not None:
            listed = next(item.codes for item in terms.statistics.code_lists if item.name == column.code_list)
            values = [None if value is None else listed.index(value) for value in values]
        elif column.type == "date":
            values = [None if value is None else (value - EPOCH).days for value in values]
        present = bytes(value is not None for value in values)
        columns.append(PayloadColumn(column.name, kind, present, tuple(value or 0 for value in values)))
    return PayloadChunk(table.name, tokens, tuple(columns))


@pytest.mark.parametrize("seed", [1, 2])
def test_intake_finds_no_fault_in_invented_rows(seed: int) -> None:
    world_terms = terms()
    for table in world_terms.payload:
        rows = invent_tables(world_terms, 300, seed)[table.provider, table.name]
        opener = TableOpener(
            table,
            world_terms.statistics,
            open_tokens=lambda tokens: (
                np.ones(len(tokens) // TOKEN_BYTES, dtype=np.uint8),
                np.zeros((len(tokens) // TOKEN_BYTES, 16), dtype=np.uint8),
            ),
            batch_rows=300,
            keep_class_0=True,
        )
        opened = opener.open(chunk_of(table, rows, world_terms))
        assert opener.faults(rows.num_rows) == []
        assert rows.num_rows > 100
        assert opened.schema == rows.schema


def test_spells_of_a_person_follow_one_another_and_events_lie_in_the_period() -> None:
    tables = invent_tables(terms(), 1_000, 3)
    for name, start, end in [(("register", "spells"), "start", "end"), (("tax", "jobs"), "from", "until")]:
        last: dict[bytes, date] = {}
        for row in tables[name].to_pylist():
            assert row[start] <= (row[end] or date.max)
            assert row[start] > last.get(row["synthetic_key"], date.min)
            last[row["synthetic_key"]] = row[end] or date.max
        assert len(last) < tables[name].num_rows
    days = tables["border", "crossings"]["day"].to_pylist()
    assert world.DAY_ZERO <= min(days) <= max(days) <= world.LAST_DAY
    assert set(tables["tax", "years"]["year"].to_pylist()) == set(range(2015, 2023))
    assert None in tables["register", "spells"]["end"].to_pylist()
    assert None not in tables["tax", "jobs"]["until"].to_pylist()


def test_years_outside_the_period_are_those_of_the_column() -> None:
    early = terms(period=Period(start=date(1990, 1, 1), end=date(1995, 12, 31)))
    years = invent_tables(early, 100, 1)["tax", "years"]["year"].to_pylist()
    assert set(years) <= set(range(2000, 2031))


def test_border_crossings_go_in_and_out_by_turns_with_some_that_do_not() -> None:
    rows = invent_tables(terms(), 1_000, 3)["border", "crossings"].to_pylist()
    pairs = [
        (one["direction"], next_one["direction"])
        for one, next_one in pairwise(rows)
        if one["synthetic_key"] == next_one["synthetic_key"] and None not in (one["direction"], next_one["direction"])
    ]
    by_turns = sum(one != next_one for one, next_one in pairs)
    assert 0.9 * len(pairs) < by_turns < len(pairs)
    assert {"in", "out"} == {direction for pair in pairs for direction in pair}


def test_every_code_occurs_and_so_do_missing_values_and_conflicts_between_sources() -> None:
    tables = invent_tables(terms(), 2_000, 4)
    assert set(tables["register", "people"]["born-in"].to_pylist()) == {"aa", "bb", "cc", None}
    sexes = [
        dict(zip(rows["synthetic_key"].to_pylist(), rows["sex"].to_pylist(), strict=True))
        for rows in (tables["register", "people"], tables["border", "people"])
    ]
    both = [(sexes[0][key], sexes[1][key]) for key in sexes[0].keys() & sexes[1].keys()]
    disagree = sum(None not in pair and pair[0] != pair[1] for pair in both)
    assert 0 < disagree < len(both) / 10


def test_some_persons_are_in_one_source_only_where_such_rows_are_kept() -> None:
    def classes(kept: bool) -> set[int]:
        tables = invent_tables(terms(unmatched_rows_kept=kept), 500, 5)
        return {value for rows in tables.values() for value in rows["quality_class"].to_pylist()}

    assert classes(True) == {0, 1, 2, 3}
    assert classes(False) == {1, 2, 3}


def test_the_same_seed_invents_the_same_persons_and_their_keys_say_that_they_are_invented() -> None:
    first, again, other = (invent_tables(terms(), 200, seed) for seed in (6, 6, 7))
    for name, rows in first.items():
        assert rows.equals(again[name])
        assert not rows.equals(other[name])
        assert all(key.startswith(KEY_PREFIX) for key in rows["synthetic_key"].to_pylist())


def test_another_table_changes_nothing_in_those_that_were_there() -> None:
    with_one_more, before = invent_tables(terms(), 200, 8), invent_tables(world.terms(), 200, 8)
    assert all(with_one_more[name].equals(rows) for name, rows in before.items())


@pytest.mark.parametrize("persons", [0, -1, 5_000_001])
def test_a_number_of_persons_out_of_range_is_refused(persons: int) -> None:
    with pytest.raises(InputFault, match="persons"):
        invent_tables(terms(), persons, 1)


# ------------------------------------------------------------------------------------------------------- questions


def rows_of(trial: Trial) -> dict[tuple[str, str], list[world.Row]]:
    return {name: table.to_pylist() for name, table in trial.tables.items()}


@pytest.mark.parametrize(
    "document",
    [
        cases.document("stock", by=["sex", "country"], at=["2016-01-01", "2020-06-30"]),
        cases.document("inflow", by=["country"]),
        cases.document("outflow", where=[{"dimension": "sex", "in": ["f"]}]),
        cases.document("overlap", by=["sex"]),
        cases.document("duration", by=["age"]),
        cases.document("events", by=["age"]),
        cases.document("sum"),
    ],
)
def test_a_question_about_invented_persons_counts_what_the_definitions_say(document: dict[str, Any]) -> None:
    trial = Trial.invent(world.terms(), persons=200, seed=9)
    release = trial.answer(document, AT).release
    key = dummy_truncation_key(9)
    expected = reference_vectors(parse_question(document), trial.terms, rows_of(trial), key)[0]
    assert tuple(cell.value for cell in release.cells) == expected
    assert any(expected)


def test_noise_comes_when_it_is_asked_for() -> None:
    trial = Trial.invent(world.terms(), persons=200, seed=9)
    question = cases.document("stock", by=["sex", "country"])
    exact, noisy, again = (trial.answer(question, AT, with_noise=noise).release for noise in (False, True, True))
    assert exact.nano_rho == noisy.nano_rho
    assert len({tuple(cell.value for cell in release.cells) for release in (exact, noisy, again)}) == 3


def test_cell_keys_perturb_invented_persons_as_they_would_real_ones() -> None:
    trial = Trial.invent(world.terms(cell_keys=world.CELL_KEYS), persons=400, seed=3)
    asked = cases.document("stock", by=["sex", "country"], accuracy={"cell_key": True})
    exact = trial.answer(cases.document("stock", by=["sex", "country"]), AT).release
    shown = [trial.answer(asked, AT, with_noise=noise).release for noise in (False, True)]
    assert shown[0].cells == shown[1].cells
    assert not shown[0].is_private
    deviations = [(a.value or 0) - (b.value or 0) for a, b in zip(shown[0].cells, exact.cells, strict=True)]
    assert 0 < max(map(abs, deviations)) <= world.CELL_KEYS.maximum_deviation


def test_what_the_agreement_forbids_is_refused_here_too() -> None:
    trial = Trial.invent(world.terms(per_release_nano_rho=1_000), persons=10, seed=1)
    with pytest.raises(PolicyRefused, match="dimension"):
        trial.answer(cases.document("stock", by=["shoe-size"]), AT)
    with pytest.raises(BudgetRefused, match="per_release"):
        trial.answer(cases.document("stock"), AT)


# ----------------------------------------------------------------------------------------------------------- folders


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.fixture
def config(parties: Parties, tmp_path: Path) -> Path:
    file = tmp_path / "analyst.toml"
    file.write_text(f'agreement = "{parties.agreement_file}"\nkeys = "keys"\nanalysis_service = "localhost:1"\n')
    return file


def told(*arguments: object) -> None:
    query.app([str(argument) for argument in arguments], standalone_mode=False)


def test_an_analyst_invents_persons_and_tries_a_question_without_any_service(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, question = tmp_path / "dummy", tmp_path / "stock.toml"
    question.write_text('measure = "stock"\nat = 2023-01-01\nby = ["sex"]\naccuracy = { half_width = 10 }\n')
    told("dummy", "-c", config, "--persons", 400, "-o", folder, "--csv")
    files = capsys.readouterr().out.split()
    assert len(files) == 2 * len(list(folder.glob("*.parquet")))
    assert "invented" in bytes.fromhex(Path(files[1]).read_text().splitlines()[1].split(",")[0].strip('"')).decode()
    told("try", "--dummy", folder, question)
    table = capsys.readouterr().out
    assert "exact values" in table
    assert "a real answer costs rho" in table
    told("try", "--dummy", folder, question, "--format", "csv")
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "date,sex,value,low,high,noise_sd,flags"
    told("try", "--dummy", folder, question, "--format", "json", "--noise")
    assert json.loads(capsys.readouterr().out)["noised"][0]["half_width"] == 10
    frame = Trial.open(folder).run(
        {"measure": "stock", "at": "2023-01-01", "by": ["sex"], "accuracy": {"half_width": 10}}
    )
    assert list(frame["value"]) == [int(row.split(",")[2]) for row in rows[1:]]
    assert set(Trial.open(folder).frames) == {Path(file).stem for file in files}


def test_a_folder_that_is_there_is_not_written_over(config: Path, tmp_path: Path) -> None:
    (tmp_path / "dummy").mkdir()
    with pytest.raises(FileExistsError):
        told("dummy", "-c", config, "-o", tmp_path / "dummy")


def test_a_folder_that_does_not_fit_its_agreement_is_refused(parties: Parties, tmp_path: Path) -> None:
    folder = tmp_path / "dummy"
    files = write_dummy(parties.agreement_file, folder, persons=20, seed=1)
    Trial.open(folder)
    description = (folder / DESCRIPTION_FILE).read_text()
    for wrong in ("", "{}", description.replace('"agreement": "', '"agreement": "0')):
        (folder / DESCRIPTION_FILE).write_text(wrong)
        with pytest.raises(ConfigurationFault, match="no dummy data set"):
            Trial.open(folder)
    (folder / DESCRIPTION_FILE).write_text(description)
    files[0].write_bytes(b"no Parquet")
    with pytest.raises(ConfigurationFault, match="no dummy data set"):
        Trial.open(folder)
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        Trial.open(tmp_path)
