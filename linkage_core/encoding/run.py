"""Encoding in steps: a chunk of standardised records in, what may be uploaded out.

    1. every CLK's schema is checked before a key is used (`reference.compile_schema`)
    2. each CLK: clkhash's bits under its own key, then diffusion under another (`clk`)
    3. each match key: an HMAC under its own key, absent when any part is missing (`match_keys`)

Chunks are independent and deterministic given the keys. Two checks need the whole file and are the caller's: the cap
on match keys (`match_keys.within_cap`) and the measured hardening (`hardening.require_hardening`).
"""

from linkage_core.encoding.clk import encode_clk
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import encode_match_key
from linkage_core.encoding.records import EncodedRecords
from linkage_core.encoding.reference import compile_schema, forget
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import ClkName, MatchKeyName


def encode(records: StandardisedRecords, schema: LinkageSchema, keys: LinkageKeys) -> EncodedRecords:
    """Encode a chunk of records; raises `InputFault` if a CLK's schema asks for what cannot be encoded."""
    for spec in schema.clks:
        compile_schema(spec)
    variables = {variable.name: variable for variable in schema.variables}
    try:
        return EncodedRecords(
            rows=records.rows,
            clks={ClkName(spec.name): encode_clk(spec, variables, records, keys) for spec in schema.clks},
            match_keys={
                MatchKeyName(spec.name): encode_match_key(spec, variables, records, keys) for spec in schema.match_keys
            },
        )
    finally:
        forget()
