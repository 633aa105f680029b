"""What a wave of the same size costs as the registry grows, added to it or linked with everybody anew."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import LinkageTask, country
from benchmarks.linking import encoded_file
from benchmarks.record_level import across_files
from benchmarks.table import Figure, Growth, Row, Table
from linkage_core.crypto.secret import Secret
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.pool import pool_records
from linkage_core.linking.registry import WaveRows, added_rows, first_rows, handles_of
from linkage_core.linking.run import LinkageResult, link
from linkage_core.linking.what_to_search import every_pair
from linkage_core.types import IDENTIFIER_BYTES

SEED: Final = 7
SECRET: Final = Secret(b"benchmark".ljust(32))


def table(quick: bool = False) -> Table:
    """Return both kinds of wave for registries of 5,000 to 40,000 people; quick, to 5,000."""
    return at_size((2_500, 5_000), 250) if quick else at_size((5_000, 10_000, 20_000, 40_000), 1_000)


def at_size(people: Sequence[int], new_rows: int) -> Table:
    """Return what a wave of so many new rows of each agency costs, after all others of countries of some sizes."""
    rows: list[Row] = []
    for count in people:
        task = country(count)
        files = [encoded_file(provider, task, records, SECRET) for provider, records in task.records.items()]
        before = [_rows(file, slice(0, file.row_count - new_rows)) for file in files]
        wave = [_rows(file, slice(file.row_count - new_rows, file.row_count)) for file in files]
        first = [first_rows(_handles(file, 0), file) for file in before]
        result = link([part.file for part in first], task.schema, task.matching, SEED)
        kept = [part.registered(result.groups.files[part.file.provider], result.groups.ways) for part in first]
        brought = [(_handles(file, start.row_count), file) for file, start in zip(wave, before, strict=True)]
        added = added_rows(brought, kept, _group_ids(first, result), task.matching.passes)
        registry = sum(file.row_count for file in before)
        rows.append(_row(task, "added", registry, [part.file for part in added], brought_first=new_rows))
        rows.append(_row(task, "everybody anew", registry, files, brought_first=0))
    return Table(
        f"Waves: {new_rows:,} new rows of each of three agencies, after registries of growing size",
        ("wave", "rows in the registry", "rows of the wave", "pairs compared", "seconds", "F1 of all rows"),
        tuple(rows),
        (
            "Default schema and matching clause; every pair that counts is compared exactly, or tables propose them "
            "where that is cheaper. Seconds are those of linking, encodings in memory.",
            "`added`: rows of the registry are compared with new rows only, and keep their groups.",
        ),
        chart=Growth("rows in the registry", "pairs compared", "wave"),
    )


def _row(task: LinkageTask, name: str, registry: int, files: Sequence[EncodedFile], *, brought_first: int) -> Row:
    pool = pool_records(files, task.schema, SEED)
    allowed = pool.duplicates_allowed(task.matching.sources_with_duplicates)
    pairs = every_pair(pool, task.schema, task.matching, allowed, SEED).pairs()
    start = time.perf_counter()
    result = link(files, task.schema, task.matching, SEED)
    seconds = time.perf_counter() - start
    groups = {}
    for file in files:
        found = result.groups.files[file.provider].group
        groups[file.provider] = np.concatenate([found[brought_first:], found[:brought_first]])
    quality = across_files(groups, task.persons)
    return (name, registry, pool.size - registry, pairs, seconds, Figure(quality.f1, ".4f"))


def _rows(file: EncodedFile, rows: slice) -> EncodedFile:
    clks = {name: ClkColumn(clk.bits[rows], clk.present[rows]) for name, clk in file.clks.items()}
    keys = {name: MatchKeyColumn(key.keys[rows], key.present[rows]) for name, key in file.match_keys.items()}
    return EncodedFile(file.provider, len(range(file.row_count)[rows]), clks, keys)


def _handles(file: EncodedFile, first: int) -> NDArray[np.uint8]:
    names = (hashlib.sha256(f"{file.provider} {row}".encode()).digest() for row in range(first, first + file.row_count))
    raw = b"".join(name[:IDENTIFIER_BYTES] for name in names)
    return np.frombuffer(raw, np.uint8).reshape(-1, IDENTIFIER_BYTES)


def _group_ids(rows: Sequence[WaveRows], result: LinkageResult) -> Mapping[tuple[str, bytes], bytes]:
    return {
        (str(part.file.provider), handle): number.to_bytes(IDENTIFIER_BYTES, "big")
        for part in rows
        for handle, number in zip(
            handles_of(part.handles), result.groups.files[part.file.provider].group.tolist(), strict=True
        )
    }
