"""A value that is missing is missing all the way: however it is written, and in whatever form it would be encoded."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedRecords
from linkage_core.encoding.run import Encoder
from linkage_core.schema import (
    FORMS_OF_DATES,
    ClkSpec,
    LinkageSchema,
    MatchKeySpec,
    QuasiIdentifier,
    QuasiIdentifierKind,
    Variable,
)
from linkage_core.standardise import addresses, countries, dates, identifiers, names, sex
from linkage_core.standardise.formats import ColumnFormat
from linkage_core.standardise.run import standardise
from linkage_core.standardise.variables import FORMS
from linkage_core.types import ClkName, MatchKeyName

NAME_STAND_INS = sorted(names.STAND_INS)
PLACE_STAND_INS = sorted(addresses.STAND_INS)
NOTHING: Final[dict[QuasiIdentifierKind, list[str]]] = {
    "given-name": [*NAME_STAND_INS, "-", "’", "van unknown", "Mr. N/A", "\u200b"],
    "family-name": [*NAME_STAND_INS, "...", "de la unknown", "n.n.", "ʼ", "XXX Jr."],
    "date": [
        *sorted(s for s in dates.SENTINELS if len(s) in (4, 10)), *sorted(dates.STAND_INS), "1900-01-01T00:00:00",
        "2999-12-31", "2999-02-30",
    ],
    "sex": [*sorted(sex.MISSING), " 9 "],
    "country": [*sorted(countries.MISSING), "Atlantis", "Korea", "CS", "-"],
    "municipality": [*PLACE_STAND_INS, "12345", "(unknown)", "3a", ",", "g. unknown"],
    "identifier": [*sorted(identifiers.STAND_INS), "0000000000", "99999999999", "1", "36805280108", "not a number",
        "not known", "n/a", "no number"],
    "address": [*PLACE_STAND_INS, "--"],
    "postcode": [*PLACE_STAND_INS, "00000", "0", " ", "n/a"],
}  # fmt: skip
KNOWN: Final[dict[QuasiIdentifierKind, str]] = {
    "given-name": "Nino", "family-name": "Kapanadze", "date": "1987-05-12", "sex": "f", "country": "GEO",
    "municipality": "Gori", "identifier": "36805280109", "address": "5 Vale St", "postcode": "0105",
}  # fmt: skip


def of_all_kinds() -> LinkageSchema:
    """Every kind of quasi-identifier in every form that it can have, all in one CLK and in a match key each."""
    kinds: list[QuasiIdentifierKind] = list(KNOWN)
    variables = [
        Variable(name=f"{kind}_{form}", of=(kind,), form=form)
        for kind in kinds
        for form in FORMS
        if form == "value"
        or (form in FORMS_OF_DATES if kind == "date" else kind.endswith("name") and form not in FORMS_OF_DATES)
    ]
    people = people_schema()
    feature: dict[str, Any] = people.clks[0].clkhash["features"][0]
    features = [
        {**feature, "identifier": v.name, "hashing": {**feature["hashing"], "strategy": {"bitsPerFeature": 20}}}
        for v in variables
    ]
    return LinkageSchema(
        standardisation=people.standardisation,
        quasi_identifiers=tuple(
            QuasiIdentifier(name=kind, kind=kind, scheme="ee.ik" if kind == "identifier" else None) for kind in kinds
        ),
        variables=tuple(variables),
        match_keys=tuple(
            MatchKeySpec(name=f"{v.name}-and-sex", variables=(v.name, "sex_value"), entropy_bits=40, max_occurrences=5)
            for v in variables
        ),
        clks=(ClkSpec(name="all", clkhash={**people.clks[0].clkhash, "features": features}, diffusion_t=8, weight=1),),
    )


SCHEMA = of_all_kinds()


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    with Encoder(SCHEMA, LinkageKeys(Secret(b"S" * 32))) as of_all:
        yield of_all


def encoded(encoder: Encoder, columns: dict[QuasiIdentifierKind, str]) -> EncodedRecords:
    records, _ = standardise(SCHEMA, {str(kind): [value] for kind, value in columns.items()})
    return encoder.encode(records)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sets(st.sampled_from(list(KNOWN)), min_size=1, max_size=7))
def test_a_record_without_a_value_has_the_bits_of_a_file_without_the_column(
    encoder: Encoder, data: st.DataObject, missing: set[QuasiIdentifierKind]
) -> None:
    known = {kind: value for kind, value in KNOWN.items() if kind not in missing}
    nothing = {kind: data.draw(st.sampled_from(NOTHING[kind])) for kind in sorted(missing)}
    with_stand_ins, without_columns = encoded(encoder, known | nothing), encoded(encoder, known)
    clk = ClkName("all")
    assert np.array_equal(with_stand_ins.clks[clk].bits, without_columns.clks[clk].bits)
    assert with_stand_ins.clks[clk].fill == without_columns.clks[clk].fill
    for name, key in with_stand_ins.match_keys.items():
        kind = name.split("_")[0]
        assert bool(key.present[0]) == (kind not in missing and "sex" not in missing)
    assert MatchKeyName("date_year-and-sex") in with_stand_ins.match_keys


@pytest.mark.parametrize("kind", list(NOTHING))
def test_every_stand_in_gives_nothing_in_every_form_and_is_not_present(kind: QuasiIdentifierKind) -> None:
    records, _ = standardise(SCHEMA, {kind: NOTHING[kind]})
    assert not records.present[kind].any()
    assert not records.complete[kind].any()
    assert {value for column in records.values.values() for value in column} == {""}


@pytest.mark.parametrize("impossible", ["1987-02-30", "1987-13-01", "1987-00-00"])
def test_a_day_that_cannot_be_gives_its_year_and_nothing_that_needs_a_day(impossible: str) -> None:
    records, _ = standardise(SCHEMA, {"date": [impossible]})
    assert records.present["date"].all()
    assert not records.complete["date"].any()
    given = {name for name, column in records.values.items() if column != [""]}
    year, _ = standardise(SCHEMA, {"date": ["1987"]})
    assert records.values == year.values
    assert given == {name for name, column in year.values.items() if column != [""]} != set()


def test_a_name_that_a_whole_name_does_not_have_is_missing() -> None:
    formats = {"given-name": ColumnFormat(name_order="family-comma-given")}
    records, _ = standardise(SCHEMA, {"given-name": ["Kapanadze", "Kapanadze,", "Kapanadze, -"]}, formats=formats)
    assert not records.present["given-name"].any()


def test_records_that_both_lack_a_value_share_no_more_bits_than_their_other_values_do(encoder: Encoder) -> None:
    both = {"family-name": ["Kapanadze", "Müller"], "date": ["1987-05-12", "1960-11-30"]}
    lacking: tuple[dict[str, list[str]], ...] = (
        {},
        {"given-name": ["unknown"] * 2, "country": ["XXX"] * 2},
        {"given-name": ["N/A", ""], "sex": ["9", ""]},
    )
    shared = []
    for nothing in lacking:
        records, _ = standardise(SCHEMA, both | nothing)
        one, other = encoder.encode(records).clks[ClkName("all")].bits
        shared.append(int(np.bitwise_count(one & other).sum()))
    assert shared[0] == shared[1] == shared[2]
