"""Encoding in steps: a file's chunks of standardised records in, what may be uploaded out.

    1. every CLK's schema is checked before a key is used (`agreeable`)
    2. each CLK: clkhash's bits under its own key (`columns`), then diffusion under another (`clk`)
    3. each match key: an HMAC under its own key, absent when any part is missing (`match_keys`)

What a chunk gives does not depend on the chunks before. Two checks need the whole file and are the caller's: the cap
on match keys (`match_keys.within_cap`) and the measured hardening (`hardening.require_hardening`).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self

from linkage_core.encoding.agreeable import require_agreeable
from linkage_core.encoding.clk import ClkHardener
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import MatchKeyEncoder
from linkage_core.encoding.records import EncodedRecords
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import ClkName, MatchKeyName


class Encoder:
    """Encodes a file, chunk by chunk; what it remembers of names between chunks is forgotten when it is closed.

    Use it as a context manager, from one thread; it encodes CLKs in threads of its own, as far as there are cores.
    Raises `InputFault` if a CLK may not be agreed or cannot be encoded.
    """

    def __init__(self, schema: LinkageSchema, keys: LinkageKeys) -> None:
        require_agreeable(schema.clks)
        variables = {variable.name: variable for variable in schema.variables}
        threads = min(len(schema.clks), len(os.sched_getaffinity(0)))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoding")
        self._columns = ColumnEncoder([(spec, keys.clk(spec.name)) for spec in schema.clks], self._pool)
        self._hardeners = {ClkName(spec.name): ClkHardener(spec, variables, keys) for spec in schema.clks}
        self._match_keys = {
            MatchKeyName(spec.name): MatchKeyEncoder(spec, variables, keys) for spec in schema.match_keys
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        self._columns.forget()

    def encode(self, records: StandardisedRecords) -> EncodedRecords:
        """Encode a chunk of records, in their order."""
        bits = self._columns.encode(records.values, records.rows)
        hardened = self._pool.map(partial(ClkHardener.harden, records=records), self._hardeners.values(), bits)
        clks = dict(zip(self._hardeners, hardened, strict=True))
        match_keys = {name: match_key.encode(records) for name, match_key in self._match_keys.items()}
        return EncodedRecords(records.rows, clks, match_keys)
