"""A linkage schema whose parts do not fit together, or that is known to be weak, is refused with every fault."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from linkage_core.schema import LinkageSchema
from tests.support.parties import schema_with_classes, small_schema


def faults_of(schema: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refusal:
        LinkageSchema.model_validate_json(json.dumps(schema))
    return str(refusal.value)


def small() -> dict[str, Any]:
    return small_schema().model_dump(mode="json")


def test_names_that_nothing_has_and_names_that_occur_twice_are_told_together() -> None:
    schema = small()
    schema["variables"][0]["of"] = ["nothing"]
    schema["match_keys"][0]["variables"] = ["none"]
    schema["match_keys"].append(schema["match_keys"][0])
    schema["quasi_identifiers"].append(schema["quasi_identifiers"][0])
    schema["clks"][0]["clkhash"]["features"][0]["identifier"] = "nowhere"
    told = faults_of(schema)
    for fault in (
        "variable names: no quasi-identifier nothing; declare it, or name one of birth_date, family_name, given_name",
        "match key names-date: no variable none; declare it, or name one of date, day, names, year",
        "match_keys: names-date occurs twice",
        "quasi_identifiers: given_name occurs twice",
        "CLK names-year: no variable nowhere",
    ):
        assert fault in told


def test_a_form_of_dates_on_a_name_and_a_form_of_names_on_a_date_are_told_together() -> None:
    schema = small()
    schema["variables"] += [
        {"name": "a", "of": ["family_name", "birth_date"], "form": "sorted-date-digits"},
        {"name": "b", "of": ["birth_date"], "form": "skeleton"},
        {"name": "c", "of": ["given_name", "birth_date"], "form": "sorted-tokens"},
    ]
    told = faults_of(schema)
    assert "variable a: sorted-date-digits is a form of dates, and family_name is of kind family-name" in told
    assert "variable b: skeleton is a form of words, and birth_date is of kind date" in told
    assert "variable c" not in told


def test_only_an_identifier_has_a_numbering_scheme_and_only_one_of_persons() -> None:
    schema = small()
    schema["quasi_identifiers"][0]["scheme"] = "ee.ik"
    assert "only the kind identifier has a scheme" in faults_of(schema)
    schema["quasi_identifiers"][0]["scheme"] = "md.idno"
    assert "quasi_identifiers.0.scheme" in faults_of(schema)


def test_a_clk_of_one_quasi_identifier_is_a_code_book() -> None:
    schema = small()
    features = schema["clks"][0]["clkhash"]["features"]
    features[0]["identifier"] = "day"
    assert "CLK names-year: must mix at least two quasi-identifiers" in faults_of(schema)


def test_a_match_key_below_forty_bits_is_refused() -> None:
    schema = small()
    schema["match_keys"][0]["entropy_bits"] = 39
    told = faults_of(schema)
    assert "match key names-date: 39 bits of min-entropy are below 40" in told
    assert "add a variable to the key, or leave the key out" in told


def test_a_key_of_identifiers_alone_needs_fewer_bits_and_one_with_a_name_in_it_does_not() -> None:
    schema = small()
    schema["quasi_identifiers"].append({"name": "number", "kind": "identifier"})
    schema["variables"].append({"name": "number", "of": ["number"], "form": "value"})
    [key] = schema["match_keys"]
    key["variables"], key["entropy_bits"] = ["number"], 20
    parsed = LinkageSchema.model_validate_json(json.dumps(schema))
    assert parsed.is_identifier(parsed.match_keys[0])
    key["entropy_bits"] = 19
    assert "match key names-date: 19 bits of min-entropy are below 20" in faults_of(schema)
    key["variables"], key["entropy_bits"] = ["number", "names"], 39
    assert "match key names-date: 39 bits of min-entropy are below 40" in faults_of(schema)


@pytest.mark.parametrize("length", [0, -64, 100, 256.5, "256", True, None])
def test_a_length_is_a_positive_multiple_of_sixty_four(length: object) -> None:
    schema = small()
    schema["clks"][0]["clkhash"]["clkConfig"]["l"] = length
    assert "clkConfig.l must be a positive multiple of 64" in faults_of(schema)


def test_the_broken_double_hash_is_refused() -> None:
    schema = small()
    schema["clks"][0]["clkhash"]["features"][1]["hashing"]["hash"]["type"] = "doubleHash"
    assert "feature year: hash type must be blakeHash" in faults_of(schema)


@pytest.mark.parametrize(
    "clkhash",
    [
        {},
        {"version": 2},
        {"version": 3, "clkConfig": 1, "features": 2},
        {"version": 3, "clkConfig": {"l": 64}, "features": []},
        {"version": 3, "clkConfig": {"l": 64}, "features": ["names"]},
        {"version": 3, "clkConfig": {"l": 64}, "features": [{"identifier": 1}]},
    ],
)
def test_what_is_no_clkhash_schema_is_refused(clkhash: dict[str, object]) -> None:
    schema = small()
    schema["clks"][0]["clkhash"] = clkhash
    faults_of(schema)


@pytest.mark.parametrize("name", ["", "Names", "1st", "a b", "a/b", "ä", "a" * 41, "a\n"])
def test_names_are_short_and_plain(name: str) -> None:
    schema = small()
    schema["clks"][0]["name"] = name
    assert "clks.0.name" in faults_of(schema)


def test_faults_of_frequency_classes_are_told_together() -> None:
    schema = small()
    schema["variables"] += [
        {"name": "family", "of": ["family_name"], "form": "value"},
        {"name": "village", "of": ["village"], "form": "value"},
        {"name": "nickname", "of": ["nickname"], "form": "value"},
    ]
    schema["quasi_identifiers"] += [
        {"name": "village", "kind": "municipality"},
        {"name": "nickname", "kind": "given-name"},
    ]
    names = ("family", "family", "nowhere", "names", "village", "nickname")
    schema["frequency_classes"] = [{"variable": name, "bounds_per_million": [500, 2_000]} for name in names]
    told = faults_of(schema)
    for fault in (
        "frequency_classes: family occurs twice",
        "frequency classes of nowhere: no variable nowhere",
        "frequency classes of names: the variable must be of one given or family name, this is of given_name, family",
        "frequency classes of village: the variable must be of one given or family name, this is of village",
        "frequency classes of nickname: no CLK encodes nickname, so they would split nothing",
    ):
        assert fault in told


@pytest.mark.parametrize("bounds", [[], [500, 500], [2_000, 500], [0], [1_000_000], [1, 2, 3, 4]])
def test_bounds_of_frequency_classes_rise_and_are_three_at_most(bounds: list[int]) -> None:
    schema = small()
    schema["variables"].append({"name": "family", "of": ["family_name"], "form": "value"})
    schema["frequency_classes"] = [{"variable": "family", "bounds_per_million": bounds}]
    assert "frequency_classes" in faults_of(schema)


def test_a_schema_without_frequency_classes_is_written_and_hashed_as_before_there_were_any() -> None:
    assert "frequency_classes" not in small()
    assert "frequency_classes" in schema_with_classes(500).model_dump(mode="json")


def test_frequency_classes_split_the_clks_that_encode_their_name() -> None:
    schema = schema_with_classes(500, 2_000)
    [classes] = schema.frequency_classes
    assert (classes.classes, schema.named(classes)) == (3, "family_name")
    assert [clk.name for clk in schema.clks_with(classes)] == ["names-year", "names-day"]
