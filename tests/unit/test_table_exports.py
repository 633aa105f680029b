"""Released tables as files: the same values in every format, with all that belongs to them."""

import csv
import datetime
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.breaks import breaks_between
from disclosure.errors import QueryFault
from disclosure.table import Cell, Corrected, Release
from services.analysis.export.files import Format, write_table
from services.analysis.export.frames import csv_description, csv_text, frame, parquet
from services.analysis.export.observations import TOTAL, Publication, publication, rows, time_period
from services.analysis.export.sdmx_structure import code_of
from services.analysis.export.simplified import simplified_frame
from services.common.errors import ConfigurationFault
from tests.support.releases import made_up

BY = {"age": ["0-14", "15-64", "65+"], "sex": ["f", "m", "unknown"]}


def stocks() -> Release:
    values = np.array([[400, -3, 0, 7, 12, 90, 31, 2, 5], [410, 1, 2, 9, 15, 80, 33, 0, 4]])
    dates = ("2024-01-01", "2025-01-01")
    made = made_up(BY, values, 3.5, own={"date": dates}, at=list(dates), bound_cells=2)
    late = [replace(c, flags=(*c.flags, "P")) if c.coordinates[0] == dates[1] else c for c in made.cells]
    return replace(made, cells=tuple(late))


def quantiles() -> Release:
    """A table with decimals, a cell above the last bin, and one without a figure."""
    made = made_up(
        {"sex": ["f", "m"]}, np.array([5, 9, 11, 4]), 3.0, own={"year": ("2024",), "quantile": ("0.5", "0.9")}
    )
    found = [
        (20500, 19000, 21250, ()),
        (None, 30000, None, ("A",)),
        (None, None, None, ("N",)),
        (10125, 9000, 12000, ("U",)),
    ]
    cells = tuple(
        Cell(cell.coordinates, value, low, high, 250_000, flags)  # type: ignore[arg-type]  # flags are literals
        for cell, (value, low, high, flags) in zip(made.cells, found, strict=True)
    )
    return replace(made, cells=cells, totals=cells[:2], decimals=3, unit="months")


PERIOD = (datetime.date(2020, 1, 1), datetime.date(2025, 12, 31))


def published(release: Release) -> Publication:
    return publication(release, "2026", period=PERIOD)


def test_statuses_say_what_flags_mean_and_missing_figures_say_why() -> None:
    found = published(quantiles()).observations
    assert [each.status for each in found] == ["A", "O", "O", "U"]
    assert [each.value for each in found] == [20.5, None, None, 10.125]
    assert "above the last bin" in found[1].reason
    assert "no figure" in found[2].reason
    late = published(stocks()).observations[9:]
    assert {each.status for each in late if "U" not in each.flags} == {"P"}
    assert {each.status for each in late if "U" in each.flags} == {"U"}


def test_totals_stand_at_the_code_of_totals_in_every_dimension_summed_over() -> None:
    totals = published(stocks()).totals
    assert [each.coordinates for each in totals] == [("2024-01-01", TOTAL, TOTAL), ("2025-01-01", TOTAL, TOTAL)]
    assert [each.value for each in totals] == [544, 554]


def test_a_frame_has_the_full_grid_with_intervals_and_carries_the_facts() -> None:
    found = frame(published(stocks()))
    assert found.columns.tolist() == [
        "date", "age", "sex", "value", "low", "high", "noise_sd", "obs_status", "flags", "reason",
    ]  # fmt: skip
    assert len(found) == 18
    assert found["value"].dtype == "Int64"
    assert found.attrs["nano_rho"] == 1_000_000
    assert found.attrs["cells_per_person"] == 2
    assert found.attrs["wave"] == "2026"
    assert [total["value"] for total in found.attrs["totals"]] == [544, 554]
    missing = frame(published(quantiles()))
    assert missing["value"].isna().tolist() == [False, True, True, False]
    assert missing["low"].isna().tolist() == [False, False, True, False]


def test_figures_corrected_for_linkage_stand_beside_the_raw_ones() -> None:
    found = frame(published(corrected()))
    assert found["value"].tolist() == [410, 390]
    assert found["corrected_value"].isna().tolist() == [False, True]
    assert found["corrected_low"][0] == 401
    assert found.attrs["covers"] == "noise and linkage"
    assert published(corrected()).facts["LINKAGE_RATES"] == '{"wave": "2026", "pairs": []}'
    assert "corrected_value" not in frame(published(stocks()))


def test_csv_reads_back_to_the_same_values_and_its_description_names_every_column() -> None:
    for release in (stocks(), quantiles(), corrected()):
        table = published(release)
        text = csv_text(table)
        read = list(csv.DictReader(io.StringIO(text)))
        expected = rows(table)
        assert [row["value"] for row in read] == ["" if v is None else str(v) for v in expected["value"]]
        described = json.loads(csv_description(table, "table.csv"))
        assert [column["name"] for column in described["tableSchema"]["columns"]] == list(read[0])
        assert described["symbolon:RELEASE_ID"] == release.release_id
        assert described["url"] == "table.csv"


def test_parquet_reads_back_to_the_same_frame_with_the_facts_in_its_schema() -> None:
    for release in (stocks(), quantiles(), corrected()):
        table = published(release)
        read = pq.read_table(io.BytesIO(parquet(table)))
        expected = frame(table)
        for column in expected.columns:
            assert read[column].to_pylist() == [None if pd.isna(v) else v for v in expected[column]]
        facts = json.loads(read.schema.metadata[b"symbolon"])
        assert facts == {**table.facts, "CONF_STATUS": "F"}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=6), unique=True, max_size=8))
def test_codes_are_spelled_as_sdmx_allows(categories: list[str]) -> None:
    import re

    assert all(re.fullmatch(r"[A-Za-z0-9_@$\-]+", code_of(category)) for category in categories)


def test_bands_and_odd_signs_have_codes_that_can_be_read() -> None:
    assert [code_of(category) for category in ("15-64", "65+", "0.5", "AT", "é")] == [
        "15-64", "GE65", "0_x2e_5", "AT", "_xe9_",
    ]  # fmt: skip


def test_a_break_in_the_series_is_named_with_its_cause() -> None:
    first = stocks()
    assert breaks_between((first, "2026"), (first, "2026")) == ()
    later = replace(first, data_version="ef" * 32, question={**first.question, "rule": {"kind": "window"}, "at": []})
    found = breaks_between((first, "2025"), (later, "2026"))
    assert found == (
        "linkage: wave 2026 after 2025",
        "data version: payload, linkage or public concepts are others",
        "the residence rule is another",
    )
    assert publication(later, "2026", previous=(first, "2025")).facts["BREAK_IN_SERIES"] == "; ".join(found)


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("json", ["t.out", "t.provenance.json"]),
        ("csv", ["t.out", "t.out-metadata.json", "t.release.json", "t.provenance.json"]),
        ("parquet", ["t.out", "t.release.json", "t.provenance.json"]),
    ],
)
def test_every_export_has_the_release_and_its_provenance_beside_it(
    form: Format, names: list[str], tmp_path: Path
) -> None:
    written = write_table(published(stocks()), tmp_path / "t.out", form, agency="XY", provenance=b"{}")
    assert [path.name for path in written] == names
    release = written[0] if form == "json" else tmp_path / "t.release.json"
    assert Release.from_json(release.read_bytes()) == stocks()
    with pytest.raises(ConfigurationFault, match="does not exist"):
        write_table(published(stocks()), tmp_path / "none" / "t", form, agency="XY")


def test_confidentiality_is_kept_apart_from_the_status() -> None:
    table = publication(stocks(), "2026", confidentiality="N")
    assert table.confidentiality == "N"
    assert [each.status for each in table.observations] == [each.status for each in published(stocks()).observations]


def test_an_agency_that_sdmx_cannot_name_is_refused() -> None:
    pytest.importorskip("pysdmx", reason="the extra `sdmx` is not installed: SDMX is NOT tried")
    from services.analysis.export.sdmx import sdmx_csv

    with pytest.raises(QueryFault, match="agency"):
        sdmx_csv(published(stocks()), "1 office")


def corrected() -> Release:
    """A table that was corrected for declared errors of linkage, in all cells but one."""
    rates: dict[str, Any] = {"wave": "2026", "pairs": []}
    made = made_up({"sex": ["f", "m"]}, np.array([410, 390]), 4.0)
    first, second = made.cells
    cells = (replace(first, corrected=Corrected(417, 401, 433)), second)
    return replace(made, cells=cells, covers="noise and linkage", explanation="as declared", declared_rates=rates)


SDMX: list[Any] = [stocks, quantiles, corrected, lambda: overlap(), lambda: conflicts(), lambda: plain()]


def overlap() -> Release:
    """A table without an axis of time, and with a dimension that is called as one of SDMX's attributes is."""
    seen = {"seen": ("both", "border_only", "tax_only")}
    over = {"start": "2024-02-01", "end": "2024-03-31"}
    made = made_up(
        {"wave": ["it's", 'a "b" & <c>']}, np.arange(6) * 40, 2.0, own=seen, measure="overlap", of=["border", "tax"]
    )
    question: dict[str, Any] = {name: part for name, part in made.question.items() if name != "at"}
    return replace(made, question=question | {"over": over})


def conflicts() -> Release:
    """A table about all rows, whenever: its question has no time at all."""
    own = {"values": ("agreeing", "conflicting", "single", "none")}
    made = made_up({}, np.arange(4) * 40, 2.0, own=own, measure="conflicts", of="sex")
    return replace(made, question={name: part for name, part in made.question.items() if name not in ("at", "rule")})


def plain() -> Release:
    return made_up({}, np.array([55]), 1.0)


@pytest.mark.parametrize("make", SDMX)
def test_sdmx_ml_fits_the_schemas_and_reads_back_to_the_same_values(make: Any, tmp_path: Path) -> None:
    pytest.importorskip("pysdmx", reason="the extra `sdmx` is not installed: SDMX is NOT tried")
    from pysdmx.io import get_datasets

    table = published(make())
    data, structure, *_ = write_table(table, tmp_path / "t.xml", "sdmx-ml", agency="XY.STAT")
    (read,) = get_datasets(data, structure)
    same_as(table, read.data)
    assert read.attributes["QUESTION"] == table.facts["QUESTION"]
    assert read.attributes["NANO_RHO"] == str(table.facts["NANO_RHO"])
    again = write_table(table, tmp_path / "u.xml", "sdmx-ml", agency="XY.STAT")
    assert again[0].read_bytes() == data.read_bytes()


@pytest.mark.parametrize("make", SDMX)
def test_sdmx_csv_reads_back_to_the_same_values(make: Any, tmp_path: Path) -> None:
    pytest.importorskip("pysdmx", reason="the extra `sdmx` is not installed: SDMX is NOT tried")
    from pysdmx.io import read_sdmx

    table = published(make())
    path, *_ = write_table(table, tmp_path / "t.csv", "sdmx-csv", agency="XY")
    (read,) = read_sdmx(path).get_datasets()
    same_as(table, read.data)
    assert set(read.data["QUESTION"]) == {table.facts["QUESTION"]}


@pytest.mark.parametrize(
    ("make", "times"),
    [
        (stocks, {"2024-01-01", "2025-01-01"}),
        (overlap, {"2024-02-01/P60D"}),
        (conflicts, {"2020-01-01/P2192D"}),
    ],
)
def test_every_observation_has_a_time_period_in_sdmx(make: Any, times: set[str], tmp_path: Path) -> None:
    pytest.importorskip("pysdmx", reason="the extra `sdmx` is not installed: SDMX is NOT tried")
    from pysdmx.io import get_datasets

    data, structure, *_ = write_table(published(make()), tmp_path / "t.xml", "sdmx-ml", agency="XY")
    (read,) = get_datasets(data, structure)
    assert set(read.data["TIME_PERIOD"]) == times


def test_conflicts_of_an_agreement_amended_since_are_no_sdmx_but_still_a_table() -> None:
    pytest.importorskip("pysdmx", reason="the extra `sdmx` is not installed: SDMX is NOT tried")
    from services.analysis.export.sdmx import sdmx_csv

    table = publication(conflicts(), "2026")
    assert len(rows(table)["value"]) == 4
    with pytest.raises(QueryFault, match="amended since"):
        sdmx_csv(table)
    assert published(conflicts()).facts["REFERENCE_PERIOD"] == "2020-01-01/2025-12-31"


@pytest.mark.parametrize(
    ("first", "last", "written"),
    [
        ("2024-01-01", "2024-12-31", "2024"),
        ("2024-07-01", "2024-09-30", "2024-Q3"),
        ("2024-02-01", "2024-02-29", "2024-02"),
        ("2024-02-01", "2024-02-28", "2024-02-01/P28D"),
        ("2024-05-05", "2024-05-05", "2024-05-05/P1D"),
    ],
)
def test_an_interval_is_a_time_period_as_sdmx_writes_it(first: str, last: str, written: str) -> None:
    assert time_period(datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)) == written


def same_as(table: Publication, read: Any) -> None:
    """Check values, interval ends, noise and both statuses of a table that was read from SDMX."""
    expected = rows(table, with_totals=True)
    for column, name in (
        ("value", "OBS_VALUE"),
        ("low", "INTERVAL_LOW"),
        ("high", "INTERVAL_HIGH"),
        ("noise_sd", "NOISE_SD"),
    ):
        found = pd.to_numeric(read[name].replace({"NaN": None, "": None}), errors="raise")
        assert [None if pd.isna(v) else float(v) for v in found] == [
            None if v is None else float(v) for v in expected[column]
        ]
    if "corrected_value" in expected:
        found = pd.to_numeric(read["CORRECTED_HIGH"].replace({"NaN": None, "": None}), errors="raise")
        assert [None if pd.isna(v) else int(v) for v in found] == expected["corrected_high"]
    assert read["OBS_STATUS"].tolist() == expected["obs_status"]
    assert set(read["CONF_STATUS"]) == {table.confidentiality}


def test_a_simplified_table_keeps_the_raw_values_and_says_what_it_does() -> None:
    found = simplified_frame(published(stocks()), 5, suppress=True, round_to=10)
    assert found["value"].equals(frame(published(stocks()))["value"])
    assert found["shown"][0] == 400
    assert found["shown"].isna().tolist() == ["U" in flags for flags in found["flags"]]
    effects = found.attrs["effects"]
    assert effects["protection"].startswith("none")
    assert effects["rounding"]["base"] == 10
    assert effects["suppression"][0]["bias"] > effects["suppression"][-1]["bias"]
    plain = simplified_frame(published(stocks()), 5, suppress=False, round_to=1)
    assert plain["shown"].equals(plain["value"].rename("shown"))
    with pytest.raises(QueryFault, match="only tables of counts"):
        simplified_frame(published(quantiles()), 5, suppress=True, round_to=10)
