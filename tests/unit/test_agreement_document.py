"""An agreement is well formed or refused with everything that is wrong with it."""

import json
from typing import Any

import pytest

from linkage_core.agreement.document import Agreement, parse_agreement
from linkage_core.errors import InputFault
from tests.support.documents import parsed, small_document


def faults_of(document: dict[str, Any]) -> str:
    with pytest.raises(InputFault) as refusal:
        parsed(document)
    return "\n".join(refusal.value.faults)


def test_a_document_keeps_its_hash_through_its_json_form() -> None:
    agreement = parsed(small_document())
    assert parsed(json.loads(json.dumps(agreement.model_dump(mode="json"), indent=7))).hash == agreement.hash


def test_allowing_cell_keys_is_signed_for_and_not_allowing_them_changes_no_hash() -> None:
    document = small_document()
    assert "cell_keys" not in document["statistics"]
    clause = {"maximum_deviation": 5, "variance_thousandths": 2_000, "tables": 9}

    def with_clause(value: object) -> Agreement:
        return parsed(document | {"statistics": {**document["statistics"], "cell_keys": value}})

    assert with_clause(None).hash == parsed(document).hash
    allowed = with_clause(clause)
    assert allowed.hash != parsed(document).hash
    assert parsed(allowed.model_dump(mode="json")) == allowed
    with pytest.raises(InputFault, match=r"statistics\.cell_keys.*below 5000 only"):
        with_clause(clause | {"variance_thousandths": 5_000})


def test_approvers_are_signed_for_two_at_least_with_keys_of_their_own_and_naming_none_changes_no_hash() -> None:
    document = small_document()
    assert "approvers" not in document["budget"]

    def naming(*approvers: tuple[str, str]) -> dict[str, Any]:
        named = [{"name": name, "identity_key": key} for name, key in approvers]
        return document | {"budget": document["budget"] | {"approvers": named}}

    assert parsed(naming()).hash == parsed(document).hash
    two = parsed(naming(("auer", "0a" * 32), ("berger", "0b" * 32)))
    assert two.hash != parsed(document).hash
    assert parsed(two.model_dump(mode="json")) == two
    assert "two must approve" in faults_of(naming(("auer", "0a" * 32)))
    assert "share one identity_key" in faults_of(naming(("auer", "0a" * 32), ("berger", "0a" * 32)))
    assert "share one name" in faults_of(naming(("auer", "0a" * 32), ("auer", "0b" * 32)))
    service = next(party for party in document["parties"] if party["role"] == "analysis-service")
    own = naming(("auer", "0a" * 32), ("berger", service["identity_key"]))
    assert f"budget.approvers.berger: has the key of {service['name']}" in faults_of(own)


def test_every_clause_enters_the_hash() -> None:
    agreement = parsed(small_document())
    changes: list[dict[str, object]] = [
        {"title": "Another"},
        {"lineage": "00" * 16},
        {"certificate_authority": "another"},
        {"unmatched_rows": "drop"},
        {"minimum_cell_count": 6},
        {"destroyed_at_end": ["CLKs"]},
        {"epoch": 2},
    ]
    hashes = {parsed(small_document(**change)).hash for change in changes}
    assert len({*hashes, agreement.hash}) == len(changes) + 1


def test_members_are_ordered_by_name_however_they_are_listed() -> None:
    document = small_document()
    document["parties"].reverse()
    assert [p.name for p in parsed(document).providers] == ["border", "register", "tax"]


def test_all_faults_are_told_together() -> None:
    document = small_document(title="", epoch=0, lineage="xyz", unknown_clause=1)
    del document["purpose"]
    document["budget"]["total_nano_rho"] = 1.5
    document["parties"][0]["identity_key"] = "ab"
    told = faults_of(document)
    for clause in (
        "title",
        "epoch",
        "lineage",
        "unknown_clause",
        "purpose",
        "total_nano_rho",
        "parties.0.identity_key",
    ):
        assert clause in told


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"format": "symbolon-agreement/1"', b"\xff\xfe"])
def test_what_is_no_document_is_an_input_fault(content: bytes) -> None:
    with pytest.raises(InputFault, match="not well formed"):
        parse_agreement(content)


@pytest.mark.parametrize(
    ("clause", "value"),
    [
        ("version", True),
        ("version", "1"),
        ("epoch", 1.0),
        ("epoch", 2**32),
        ("format", "symbolon-agreement/2"),
        ("minimum_cell_count", -1),
        ("unmatched_rows", "sell"),
        ("waves", []),
        ("payload", []),
        ("id", "Small Agreement"),
        ("trust_domain", "Test.Example"),
        ("supersedes", "00"),
    ],
)
def test_a_clause_of_another_type_or_range_is_refused(clause: str, value: object) -> None:
    assert faults_of(small_document(**{clause: value})).startswith(clause)


def test_a_wrap_key_belongs_to_providers_alone() -> None:
    document = small_document()
    provider, service = document["parties"][2], document["parties"][0]
    service["wrap_key"], provider["wrap_key"] = provider["wrap_key"], None
    assert faults_of(document).count("wrap_key belongs to every provider and to no other role") == 2


def test_payload_has_no_type_for_free_text() -> None:
    document = small_document()
    document["payload"][0]["columns"].append({"name": "notes", "type": "text"})
    assert "payload.0.columns.1.type" in faults_of(document)


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ({"type": "category"}, "names a code_list"),
        ({"type": "date", "code_list": "sex"}, "names a code_list"),
        ({"type": "integer"}, "has minimum and maximum"),
        ({"type": "integer", "minimum": 1}, "has minimum and maximum"),
        ({"type": "date", "minimum": 1, "maximum": 2}, "has minimum and maximum"),
        ({"type": "year", "minimum": 2, "maximum": 1}, "minimum is above maximum"),
    ],
)
def test_a_payload_column_has_the_bounds_of_its_type(column: dict[str, object], fault: str) -> None:
    document = small_document()
    document["payload"][0]["columns"].append({"name": "extra", **column})
    assert fault in faults_of(document)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"time": None}, "a event table needs time"),
        ({"start": "date"}, "a event table has no start"),
        ({"time": "direction"}, "time must name a date column"),
        ({"time": "nothing"}, "time must name a date column"),
        ({"rows_per_person": 0}, "rows_per_person"),
        ({"kind": "person", "time": None}, "one row per person"),
    ],
)
def test_a_payload_table_has_the_columns_of_its_kind(change: dict[str, object], fault: str) -> None:
    document = small_document()
    document["payload"][2] |= change
    assert fault in faults_of(document)


def test_the_time_of_an_event_is_never_missing() -> None:
    document = small_document()
    document["payload"][2]["columns"][0]["required"] = False
    assert "column date must be required" in faults_of(document)


@pytest.mark.parametrize("codes", [["f", "f"], ["f", "unknown"]])
def test_codes_are_distinct_and_apart_from_the_unknown_one(codes: list[str]) -> None:
    document = small_document()
    document["statistics"]["code_lists"][0]["codes"] = codes
    assert "codes must be distinct" in faults_of(document)


def test_a_party_or_wave_that_is_not_there_is_an_input_fault() -> None:
    agreement = parsed(small_document())
    for missing in (lambda: agreement.party("nobody"), lambda: agreement.wave("w9")):
        with pytest.raises(InputFault, match="small version 1"):
            missing()
