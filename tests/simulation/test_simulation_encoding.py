"""The fast encoder on the records of an invented country: bit for bit what clkhash gives."""

import csv
from pathlib import Path

import numpy as np

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import encode_reference, forget
from linkage_core.standardise.run import standardise
from simulation.country import generate
from simulation.error_profiles import POPULATION_REGISTER

PEOPLE = 27_000
LEAST_RECORDS = 20_000


def test_twenty_thousand_records_of_a_register_are_encoded_as_clkhash_encodes_them(tmp_path: Path) -> None:
    schema, keys = people_schema(), LinkageKeys(Secret(b"S" * 32))
    path = generate(PEOPLE, 11, tmp_path).agencies[POPULATION_REGISTER]["identities"]
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= LEAST_RECORDS
    records, _ = standardise(schema, {q.name: [row[q.name] for row in rows] for q in schema.quasi_identifiers})
    fast = ColumnEncoder([(spec, keys.clk(spec.name)) for spec in schema.clks]).encode(records.values, records.rows)
    for spec, bits in zip(schema.clks, fast, strict=True):
        slow = encode_reference(spec, keys.clk(spec.name), [records.values[name] for name in spec.features])
        assert np.array_equal(slow, bits), spec.name
    forget()
