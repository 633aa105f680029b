"""Encoding in steps: a file's chunks of standardised records in, what may be uploaded out.

    1. every CLK's schema is checked before a key is used (`reference.compile_schema`)
    2. each CLK: clkhash's bits under its own key, then diffusion under another (`clk`)
    3. each match key: an HMAC under its own key, absent when any part is missing (`match_keys`)

Chunks are independent and deterministic given the keys. Two checks need the whole file and are the caller's: the cap
on match keys (`match_keys.within_cap`) and the measured hardening (`hardening.require_hardening`).
"""

from types import TracebackType

from linkage_core.encoding.clk import encode_clk
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import encode_match_key
from linkage_core.encoding.records import EncodedRecords
from linkage_core.encoding.reference import compile_schema, forget
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import ClkName, MatchKeyName


class Encoder:
    """Encodes a file, chunk by chunk; what it remembers of names between chunks is forgotten when it is closed.

    Use it as a context manager. Raises `InputFault` if a CLK's schema asks for what cannot be encoded.
    """

    def __init__(self, schema: LinkageSchema, keys: LinkageKeys) -> None:
        for spec in schema.clks:
            compile_schema(spec)
        self._schema = schema
        self._keys = keys
        self._variables = {variable.name: variable for variable in schema.variables}

    def __enter__(self) -> "Encoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        forget()

    def encode(self, records: StandardisedRecords) -> EncodedRecords:
        """Encode a chunk of records, in their order."""
        return EncodedRecords(
            rows=records.rows,
            clks={
                ClkName(spec.name): encode_clk(spec, self._variables, records, self._keys) for spec in self._schema.clks
            },
            match_keys={
                MatchKeyName(spec.name): encode_match_key(spec, self._variables, records, self._keys)
                for spec in self._schema.match_keys
            },
        )
