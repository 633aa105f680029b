"""Candidate pairs as named arrays, with their Dice in every CLK; and what a task found, as an Arrow file.

A pair costs 8 bytes and 8 for each CLK. Python never holds pairs one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage_core.types import ClkName

_ROW_A, _ROW_B, _DICE = "row_a", "row_b", "dice/"
_SPLIT, _SKIPPED = b"split_blocks", b"skipped_pairs"


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of record numbers: `row_a` < `row_b`, uint32, (pairs,), each pair once, sorted.

    `dice`: of every CLK of the search, float64, (pairs,), not a number where one of the two records lacks the CLK.
    """

    row_a: NDArray[np.uint32]
    row_b: NDArray[np.uint32]
    dice: Mapping[ClkName, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.row_a)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What one task found. `split_blocks`: blocks that had grown too large and were split by further bits.

    `skipped_pairs`: pairs of blocks that nothing could split, passed over and not compared.
    """

    candidates: Candidates
    split_blocks: int = 0
    skipped_pairs: int = 0

    def to_bytes(self) -> bytes:
        """Return this as an Arrow IPC file."""
        columns: dict[str, NDArray[Any]] = {_ROW_A: self.candidates.row_a, _ROW_B: self.candidates.row_b}
        columns |= {f"{_DICE}{name}": values for name, values in self.candidates.dice.items()}
        table = pa.table(columns).replace_schema_metadata(
            {_SPLIT: str(self.split_blocks), _SKIPPED: str(self.skipped_pairs)}
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    @classmethod
    def from_bytes(cls, content: bytes) -> "Found":
        """Read what `to_bytes` wrote."""
        table = pa.ipc.open_file(pa.py_buffer(content)).read_all()
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        return cls(
            Candidates(
                row_a=columns.pop(_ROW_A),
                row_b=columns.pop(_ROW_B),
                dice={ClkName(name.removeprefix(_DICE)): values for name, values in columns.items()},
            ),
            split_blocks=int(table.schema.metadata[_SPLIT]),
            skipped_pairs=int(table.schema.metadata[_SKIPPED]),
        )


def unique_pairs(
    parts: Sequence[tuple[NDArray[np.uint32], NDArray[np.uint32]]],
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the pairs of all parts, each once, sorted by the first, then the second number."""
    packed = [first.astype(np.uint64) << np.uint64(32) | second for first, second in parts]
    pairs = np.unique(np.concatenate(packed)) if packed else np.zeros(0, np.uint64)
    return (pairs >> np.uint64(32)).astype(np.uint32), (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32)
