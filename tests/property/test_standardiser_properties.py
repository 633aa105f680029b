"""A file standardised by columns and remembered values gives what each value by itself would give."""

import re
import unicodedata
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkage_core.default_schema import people_schema
from linkage_core.schema import LinkageSchema, QuasiIdentifier, Variable
from linkage_core.standardise import columns as columns_module
from linkage_core.standardise.canary import CANARY_VALUES
from linkage_core.standardise.columns import rule_of
from linkage_core.standardise.findings import Finding, Reason
from linkage_core.standardise.run import Standardiser
from linkage_core.standardise.text import DROPPED, fold
from linkage_core.standardise.transliteration import to_ascii
from linkage_core.standardise.variables import FORMS, joined, parts_of

SCHEMA = people_schema().model_copy(
    update={
        "quasi_identifiers": (
            QuasiIdentifier(name="given_name", kind="given-name"),
            QuasiIdentifier(name="family_name", kind="family-name", required=True),
            QuasiIdentifier(name="birth_date", kind="date"),
            QuasiIdentifier(name="sex", kind="sex"),
        ),
        "variables": (
            *(Variable(name=f"names-{form}", of=("given_name", "family_name"), form=form) for form in FORMS),
            *(Variable(name=f"date-{form}", of=("birth_date",), form=form) for form in FORMS),
            Variable(name="all", of=("family_name", "birth_date", "given_name"), form="sorted-tokens"),
        ),
    }
)
TEXTS = st.text(max_size=8) | st.sampled_from([v for values in CANARY_VALUES.values() for v in values])
DATES = st.dates().map(str) | st.sampled_from(["1987", "1987-05", "1987-13-01", "soon", "", "2999-01-02"])
ROWS = st.tuples(TEXTS | st.none(), TEXTS | st.none(), DATES, st.sampled_from(["m", "F", "?", "9", ""]))
CHUNKS = st.lists(st.lists(ROWS, min_size=1, max_size=6), min_size=1, max_size=4)


def by_value(schema: LinkageSchema, rows: list[tuple[str | None, ...]]) -> tuple[dict[str, list[str]], list[Finding]]:
    """Every value standardised by itself, every variable formed by itself: the definition."""
    columns, findings = {}, []
    for place, item in enumerate(schema.quasi_identifiers):
        of_column = [rule_of(item.kind)(row[place] or "") for row in rows]
        columns[item.name] = [value for value, _ in of_column]
        for row, (value, reason) in enumerate(of_column):
            if reason is None and item.required and not value:
                reason = Reason.REQUIRED_MISSING
            findings += [] if reason is None else [Finding(item.name, row, reason)]
    variables = {
        variable.name: [
            joined(variable.form, [tuple(part for value in of_row for part in parts_of(variable.form)(value))])[0]
            for of_row in zip(*(columns[name] for name in variable.of), strict=True)
        ]
        for variable in schema.variables
    }
    return columns | variables, findings


@pytest.mark.parametrize("most_remembered", [columns_module.MOST_REMEMBERED_BYTES, 0])
@given(CHUNKS)
def test_chunks_by_columns_are_what_every_value_by_itself_gives_also_when_all_is_forgotten_between_chunks(
    most_remembered: int, chunks: list[list[tuple[str | None, ...]]]
) -> None:
    names = [item.name for item in SCHEMA.quasi_identifiers]
    with (
        mock.patch.object(columns_module, "MOST_REMEMBERED_BYTES", most_remembered),
        Standardiser(SCHEMA) as standardiser,
    ):
        for rows in chunks:
            columns = standardiser.read(dict(zip(names, zip(*rows, strict=True), strict=True)))
            records = standardiser.form(columns)
            values, findings = by_value(SCHEMA, rows)
            assert list(columns.findings) == findings
            assert records.values == {variable.name: values[variable.name] for variable in SCHEMA.variables}
            for item in SCHEMA.quasi_identifiers:
                known = [bool(value) for value in values[item.name]]
                full = [len(value) == 10 for value in values[item.name]] if item.kind == "date" else known
                assert records.present[item.name].tolist() == known
                assert records.complete[item.name].tolist() == full


@given(TEXTS)
@example("\u212a \ufb01 'x\"`")
@example("A\x00B\x1fC\x7f")
def test_folding_of_plain_text_is_the_folding_of_any_text(text: str) -> None:
    folded = to_ascii(unicodedata.normalize("NFKC", text).casefold())
    without = folded.translate(str.maketrans("", "", DROPPED))
    assert fold(text) == re.sub(r"[^a-z0-9]+", " ", without).strip()


def test_dates_after_a_day_are_told_as_far_as_they_are_known() -> None:
    from datetime import date

    with Standardiser(SCHEMA) as standardiser:
        dates = ["2026-06-15", "2026-06-16", "2026-06", "2026-07", "2026", "2027", ""]
        columns = standardiser.read({"family_name": ["a"] * len(dates), "birth_date": dates})
        assert standardiser.later_than(columns, "birth_date", date(2026, 6, 15)).tolist() == [1, 3, 5]


def test_nothing_is_remembered_of_a_file_that_has_ended() -> None:
    import gc

    with Standardiser(SCHEMA) as standardiser:
        records = standardiser.form(standardiser.read({"given_name": ["Xqzcanary Xqz"], "family_name": ["xqzother"]}))
        assert records.values["all"] == ["xqz xqzcanary xqzother"]
        del records
    gc.collect()
    reachable, seen = [standardiser], set()
    while reachable:
        thing = reachable.pop()
        if id(thing) in seen or isinstance(thing, type) or callable(thing):
            continue
        seen.add(id(thing))
        assert not (isinstance(thing, str) and "xqz" in thing.lower())
        reachable += gc.get_referents(thing)


def test_what_is_remembered_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    monkeypatch.setattr(columns_module, "MOST_REMEMBERED_BYTES", 200_000)

    def peak(chunks: int) -> int:
        tracemalloc.start()
        try:
            with Standardiser(SCHEMA) as standardiser:
                for chunk in range(chunks):
                    names = [f"name{chunk}x{n}" for n in range(200)]
                    standardiser.form(standardiser.read({"given_name": names, "family_name": names}))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(60) < 1.2 * peak(15)
