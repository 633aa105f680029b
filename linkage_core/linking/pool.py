"""All records of all files under one numbering, in an order that depends on the seed and on what the records hold.

The order in which files and rows arrive must not decide anything. So files are taken by provider name, the spine
first, and rows by a keyed digest of their content; every later step breaks ties by this order, which makes it the
recorded, seeded shuffle that anonlink's solver needs. Only rows of one file with equal content are interchangeable.
Rows that the registry has settled come after the others of their file.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.files import ClkColumn, EncodedFile, KnownRows, MatchKeyColumn
from linkage_core.schema import LinkageSchema
from linkage_core.types import ClkName, MatchKeyName, PartyName, VariableName

SEED_BYTES = 8
DIGEST_BYTES = 16
ROWS_AT_ONCE = 65_536

SPINE: Final = 0
"""The spine's place among the providers of a pool that has one."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassColumn:
    """The frequency class of every record: uint8, (records,), 1 (rarest) to `classes`, 0 for none.

    `clks`: those that encode the name which the classes are of.
    """

    of: NDArray[np.uint8]
    classes: int
    clks: tuple[ClkName, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RecordPool:
    """Every record under one number, 0 to `size` - 1; the records of one file are consecutive.

    `first`: the first number of each provider's records, and `size` at the end. `file_of`: uint32, (size,), index into
    `providers`. `row_of`: uint32, (size,), the record's row in its provider's file as it came. `digest`: 32 bytes that
    differ as soon as any record, its place or the seed does. `known`: what the registry knows of each record.
    `has_spine`: whether the first file is the spine, to which all others are linked. `frequency_classes`: of variables.
    """

    providers: tuple[PartyName, ...]
    first: tuple[int, ...]
    file_of: NDArray[np.uint32]
    row_of: NDArray[np.uint32]
    clks: dict[ClkName, ClkColumn]
    match_keys: dict[MatchKeyName, MatchKeyColumn]
    digest: bytes
    known: KnownRows
    has_spine: bool = False
    frequency_classes: dict[VariableName, ClassColumn] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many records there are."""
        return self.first[-1]

    @property
    def group(self) -> NDArray[np.int64]:
        """The smallest record number of each record's group as the registry has it: its own for one not settled.

        With a spine also its own where the spine record has left the group, or was corrected: nothing else held it.
        """
        settled = np.flatnonzero(self.known.group >= 0)
        _, first, place = np.unique(self.known.group[settled], return_index=True, return_inverse=True)
        group = np.arange(self.size, dtype=np.int64)
        group[settled] = settled[first][place]
        if self.has_spine:
            group = np.where(self.file_of[group] == SPINE, group, np.arange(self.size))
        return group

    def settled_of_files(self) -> list[int]:
        """Return how many records of each file are settled: they are its last ones."""
        bounds = zip(self.first[:-1], self.first[1:], strict=True)
        return [int(np.count_nonzero(self.known.group[start:stop] >= 0)) for start, stop in bounds]

    def duplicates_allowed(self, sources_with_duplicates: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each provider may hold several records of one person; bool, (providers,)."""
        return np.array([name in sources_with_duplicates for name in self.providers], dtype=np.bool_)


def pool_records(
    files: Sequence[EncodedFile], schema: LinkageSchema, seed: int, spine: str | None = None
) -> RecordPool:
    """Return the records of all files in the seed's order; the files must fit the schema, the seed 64 bits.

    `spine`: the provider whose file comes first, if all others are linked to it.
    """
    files = sorted(files, key=lambda file: (file.provider != spine, file.provider))
    sorted_rows = [_content_order(file, schema, seed) for file in files]
    orders = [order for order, _ in sorted_rows]
    first = np.cumsum([0, *(file.row_count for file in files)])

    clks = {
        name: ClkColumn(
            bits=np.concatenate([file.clks[name].bits[order] for file, order in zip(files, orders, strict=True)]),
            present=np.concatenate([file.clks[name].present[order] for file, order in zip(files, orders, strict=True)]),
        )
        for name in (ClkName(clk.name) for clk in schema.clks)
    }
    match_keys = {
        name: MatchKeyColumn(
            keys=np.concatenate([file.match_keys[name].keys[o] for file, o in zip(files, orders, strict=True)]),
            present=np.concatenate([file.match_keys[name].present[o] for file, o in zip(files, orders, strict=True)]),
        )
        for name in (MatchKeyName(key.name) for key in schema.match_keys)
    }
    frequency_classes = {
        name: ClassColumn(
            of=np.concatenate([file.frequency_classes[name][o] for file, o in zip(files, orders, strict=True)]),
            classes=item.classes,
            clks=tuple(ClkName(clk.name) for clk in schema.clks_with(item)),
        )
        for item in schema.frequency_classes
        for name in (VariableName(item.variable),)
    }
    return RecordPool(
        providers=tuple(file.provider for file in files),
        first=tuple(int(number) for number in first),
        file_of=np.repeat(np.arange(len(files), dtype=np.uint32), [file.row_count for file in files]),
        row_of=np.concatenate([order.astype(np.uint32) for order in orders]),
        clks=clks,
        match_keys=match_keys,
        digest=_digest([(file.provider, digests) for file, (_, digests) in zip(files, sorted_rows, strict=True)]),
        known=KnownRows(
            *(
                np.concatenate([getattr(file.knowledge, name)[o] for file, o in zip(files, orders, strict=True)])
                for name in KnownRows.__slots__
            )
        ),
        has_spine=spine is not None,
        frequency_classes=frequency_classes,
    )


def _content_order(file: EncodedFile, schema: LinkageSchema, seed: int) -> tuple[NDArray[np.intp], bytes]:
    """Return the file's rows, the settled ones last, sorted by a digest of all that each holds; and the sorted digests.

    The digest is keyed by the seed. Rows are brought together a few at a time: a file's content is never copied as a
    whole.
    """
    key_bytes = seed.to_bytes(SEED_BYTES, "big")
    digests = b"".join(
        hashlib.blake2b(row, digest_size=DIGEST_BYTES, key=key_bytes).digest()
        for start in range(0, file.row_count, ROWS_AT_ONCE)
        for row in _content(file, schema, slice(start, start + ROWS_AT_ONCE))
    )
    halves = np.frombuffer(digests, dtype=">u8").reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0], file.knowledge.group >= 0))
    return order, halves[order].tobytes()


def _content(file: EncodedFile, schema: LinkageSchema, rows: slice) -> NDArray[np.uint8]:
    """Return all that some rows hold, one line of bytes a row."""
    columns: list[NDArray[np.uint8]] = []
    for clk_spec in schema.clks:
        clk = file.clks[ClkName(clk_spec.name)]
        present = clk.present[rows, None]
        columns += [clk.bits[rows] * present, present.astype(np.uint8)]
    for key_spec in schema.match_keys:
        key = file.match_keys[MatchKeyName(key_spec.name)]
        present = key.present[rows, None]
        columns += [key.keys[rows] * present, present.astype(np.uint8)]
    columns += [file.frequency_classes[VariableName(item.variable)][rows, None] for item in schema.frequency_classes]
    if file.known is not None:
        groups = np.stack([file.known.group[rows], file.known.was[rows]], axis=1)
        columns.append(np.ascontiguousarray(groups.astype("<i8")).view(np.uint8))
    return np.concatenate(columns, axis=1) if columns else np.zeros((file.row_count, 1), np.uint8)[rows]


def _digest(files: Sequence[tuple[PartyName, bytes]]) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    for provider, rows in files:
        digest.update(f"{provider} {len(rows)}\n".encode())
        digest.update(rows)
    return digest.digest()
