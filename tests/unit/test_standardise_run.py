import numpy as np
import pytest

from linkage_core.default_schema import people_schema
from linkage_core.errors import InputFault, Refused
from linkage_core.schema import LinkageSchema, QuasiIdentifier, Standardisation, Variable
from linkage_core.standardise import names, rules
from linkage_core.standardise.canary import CANARY_VALUES, canary_records
from linkage_core.standardise.columns import standardise_column
from linkage_core.standardise.findings import Finding, Reason
from linkage_core.standardise.run import standardise


def schema() -> LinkageSchema:
    people = people_schema()
    return people.model_copy(
        update={
            "quasi_identifiers": (
                QuasiIdentifier(name="given_name", kind="given-name"),
                QuasiIdentifier(name="family_name", kind="family-name", required=True),
                QuasiIdentifier(name="birth_date", kind="date"),
            ),
            "variables": (
                *(variable for variable in people.variables if variable.name != "place"),
                Variable(name="plain-day", of=("birth_date",), form="month-day"),
            ),
        }
    )


COLUMNS: dict[str, list[str | None]] = {
    "given_name": ["Anna María", "NOWAK", None],
    "family_name": ["Nowak", "Maria Anna", "de Souza"],
    "birth_date": ["12.05.1987", "05.12.1987", "1990"],
}


def test_variables_are_formed_from_standardised_columns() -> None:
    records, findings = standardise(schema(), COLUMNS, date_formats={"birth_date": "DD.MM.YYYY"})
    assert findings == ()
    assert records.values["names"] == ["anna maria nowak", "anna maria nowak", "souza"]
    assert records.values["given"] == ["anna", "nowak", ""]
    assert records.values["date"] == ["19870512", "19871205", "1990"]
    assert records.values["year"] == ["1987", "1987", "1990"]
    assert records.values["day"] == ["0512", "0512", ""]
    assert records.values["plain-day"] == ["0512", "1205", ""]
    assert records.present["given_name"].tolist() == [True, True, False]
    assert records.present["birth_date"].tolist() == [True, True, True]
    assert records.complete["birth_date"].tolist() == [True, True, False]


def test_findings_name_field_row_and_reason_and_never_the_value() -> None:
    columns = {
        "given_name": ["Secretgiven", "b", "c"],
        "family_name": ["Nowak", "", "unknown"],
        "birth_date": ["31.02.1987", "7 May 1987", ""],
    }
    records, findings = standardise(schema(), columns, date_formats={"birth_date": "DD.MM.YYYY"})
    assert findings == (
        Finding("family_name", 1, Reason.REQUIRED_MISSING),
        Finding("family_name", 2, Reason.REQUIRED_MISSING),
        Finding("birth_date", 0, Reason.IMPOSSIBLE_DATE),
        Finding("birth_date", 1, Reason.UNPARSABLE_DATE),
    )
    assert [f.row for f in findings if f.reason.refuses] == [1, 2, 1]
    shown = repr(findings) + repr(records) + "".join(reason.advice for reason in Reason)
    assert not any(value in shown for value in ("Secretgiven", "secretgiven", "May", "31.02", "1987"))


def test_a_column_that_the_provider_does_not_have_is_missing_in_every_row() -> None:
    records, _ = standardise(schema(), {"family_name": ["a", "b"]})
    assert records.values["date"] == ["", ""]
    assert not records.present["birth_date"].any()
    assert records.values["names"] == ["a", "b"]


def test_all_misfits_of_columns_and_schema_are_reported_together() -> None:
    with pytest.raises(InputFault) as caught:
        standardise(schema(), {"given_name": ["a"], "birth_date": [], "shoe_size": ["9"]})
    assert len(caught.value.faults) == 3
    assert "shoe_size" in str(caught.value)
    assert "family_name is required" in str(caught.value)


def test_other_rules_than_the_agreed_ones_are_refused_by_clause() -> None:
    agreed = schema()
    for clause, other in {
        "linkage.standardisation.version": Standardisation(version=rules.VERSION + 1, digest=rules.digest()),
        "linkage.standardisation.digest": Standardisation(version=rules.VERSION, digest="0" * 64),
    }.items():
        with pytest.raises(Refused) as caught:
            standardise(agreed.model_copy(update={"standardisation": other}), COLUMNS)
        assert caught.value.clause == clause


def test_a_changed_rule_table_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rules.digest()
    rules.digest.cache_clear()
    try:
        monkeypatch.setattr(names, "PARTICLES", names.PARTICLES | {"o"})
        assert rules.digest() != before
    finally:
        rules.digest.cache_clear()


def test_nan_and_none_are_missing_and_numbers_are_a_programming_error() -> None:
    assert standardise_column("given-name", [None, float("nan"), np.nan, "A"]).values == ["", "", "", "a"]
    with pytest.raises(TypeError, match="read as text, not as int") as caught:
        standardise_column("identifier", [19870512])
    assert "19870512" not in str(caught.value)


def test_the_canary_exercises_every_kind_with_records_that_fill_a_chunk() -> None:
    assert {len(values) for values in CANARY_VALUES.values()} == {20}
    records = canary_records(people_schema())
    assert records.rows == 20
    assert set(records.values) == {variable.name for variable in people_schema().variables}
