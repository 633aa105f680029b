"""Whether the rows of a whole file are what its manifest states, judged from counts alone: nothing is decoded.

A code that was diffused with t has each bit set with a chance of (1 - (1 - 2p)^t) / 2, where p is the share of bits set
before. The manifest states p as measured over the file; single rows have less or more, short names above all. So rows
are given a wide range and the file's mean a narrow one: a file that was not diffused, or with a lower t than agreed, is
found by its mean, garbage by its rows. Were this wrong, a faulty agent could upload codes that its people are known by.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import InputFault
from linkage_core.schema import LEAST_CLASS_PER_MILLE, MOST_FREQUENCY_BOUNDS
from linkage_core.types import IDENTIFIER_BYTES
from services.wire.messages import ClkColumn, ClkStatement, EncodedChunk, UploadManifest

DEVIATIONS: Final = 8
"""Standard deviations of a binomial count that a row, or a file's mean, may lie off its range of chances."""
ROW_FILL: Final = (0.25, 2.0)
"""Share of bits set before diffusion in one row, as multiples of the file's: measured on FEBRL4, .36 is the least."""
FILE_FILL: Final = (0.7, 1.3)
"""As above, for the file's mean: the mean over rows of a convex function of their shares."""
INDEPENDENT_ROWS: Final = 1_000
"""Rows beyond these narrow the mean's range no more: people share names, so their codes are not independent draws."""
_BROKEN: Final = (
    "the upload does not keep what its manifest says; encode the file anew with an agent that works as agreed"
)


@dataclass(frozen=True, slots=True)
class BitRange:
    """Set bits that a code may have, both ends included."""

    least: float
    most: float


def row_range(statement: ClkStatement) -> BitRange:
    """Return the counts of set bits that one row's code may have; never none, never all."""
    around = _range(statement, ROW_FILL, 1)
    return BitRange(max(around.least, 1), min(around.most, statement.length_bits - 1))


def mean_range(statement: ClkStatement, rows: int) -> BitRange:
    """Return the mean counts of set bits that a file may have over the `rows` that have the CLK."""
    return _range(statement, FILE_FILL, min(rows, INDEPENDENT_ROWS))


def judge_rows(manifest: UploadManifest, chunks: Iterable[EncodedChunk]) -> None:
    """Return if the rows of a whole file are as many as stated, distinct, and as hard as stated.

    A repeated handle would be one local person twice; a repeated row id would give one row two tokens. Raises one
    `InputFault` with every fault, in counts and names of columns, and what to do. Reads on no further, and tells that
    fault alone, once there are more rows than stated: a manifest bounds what its file may take of memory.
    """
    tallies = [_Tally(statement) for statement in manifest.clks]
    row_ids, handles = bytearray(), bytearray()
    keys_present, stray_keys = 0, 0
    in_class: dict[str, NDArray[np.int64]] = {}
    for chunk in chunks:
        if len(row_ids) + len(chunk.row_ids) > manifest.row_count * IDENTIFIER_BYTES:
            raise InputFault(_BROKEN, (f"more rows came than the {manifest.row_count} that the manifest states",))
        row_ids += chunk.row_ids
        handles += chunk.handles
        for tally in tallies:
            tally.add(chunk.clks[tally.statement.name])
        for key in chunk.match_keys.values():
            present = _mask(key.present)
            keys_present += int(present.sum())
            stray_keys += int(_words(key.keys, len(present))[~present].any(axis=1).sum())
        for variable, classes in chunk.frequency_classes.items():
            counts = np.bincount(np.frombuffer(classes, dtype=np.uint8), minlength=MOST_FREQUENCY_BOUNDS + 2)
            in_class[variable] = in_class.get(variable, 0) + counts
    rows = len(row_ids) // IDENTIFIER_BYTES
    faults = [fault for tally in tallies for fault in tally.faults()]
    if rows != manifest.row_count:
        faults.append(f"{rows} rows came, the manifest states {manifest.row_count}")
    if stray_keys:
        faults.append(f"{stray_keys} match keys are marked absent and have a value")
    faults += [fault for variable, counts in in_class.items() for fault in _small_classes(variable, counts)]
    if not keys_present and not any(tally.present for tally in tallies):
        faults.append("no row has any CLK or match key, so none could be linked: check which columns the mapping names")
    faults += [f"{repeats} repeated {what}" for what, repeats in _repeats(row_ids, handles) if repeats]
    if faults:
        raise InputFault(_BROKEN, tuple(faults))


def _small_classes(variable: str, counts: NDArray[np.int64]) -> Iterator[str]:
    """Yield which frequency classes fewer people share than agents may tell; `counts`: rows of each class, from 0."""
    with_one = int(counts[1:].sum())
    for number, rows in enumerate(counts[1:].tolist(), start=1):
        if 0 < rows * 1000 < LEAST_CLASS_PER_MILLE * with_one:
            yield (
                f"frequency class {number} of {variable}: {rows} of {with_one} rows, fewer than "
                f"{LEAST_CLASS_PER_MILLE} per mille"
            )


class _Tally:
    """What one CLK's column comes to over a file."""

    def __init__(self, statement: ClkStatement) -> None:
        self.statement = statement
        self.present = 0
        self._range = row_range(statement)
        self._bits = 0
        self._outside = 0
        self._stray = 0

    def add(self, column: ClkColumn) -> None:
        """Count a chunk's rows."""
        present = _mask(column.present)
        bits = np.bitwise_count(_words(column.bits, len(present))).sum(axis=1, dtype=np.int64)
        self._stray += int((bits[~present] > 0).sum())
        bits = bits[present]
        self.present += len(bits)
        self._bits += int(bits.sum())
        self._outside += int(((bits < self._range.least) | (bits > self._range.most)).sum())

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the column."""
        name, length, t = self.statement.name, self.statement.length_bits, self.statement.diffusion_t
        if self._stray:
            yield f"CLK {name}: {self._stray} rows are marked as having none and have bits set"
        if self.statement.fill_ppm == 0:
            if self.present:
                yield f"CLK {name}: stated as absent, but some rows have it"
            return
        if not self.present:
            yield f"CLK {name}: stated as measured, but no row has it"
            return
        if self._outside:
            yield (
                f"CLK {name}: {self._outside} of {self.present} rows have a number of bits set that no code with "
                f"t = {t} and the stated fill has: {self._range.least:.0f} to {self._range.most:.0f} of {length}"
            )
        mean, expected = self._bits / self.present, mean_range(self.statement, self.present)
        if not expected.least <= mean <= expected.most:
            yield (
                f"CLK {name}: {mean:.1f} of {length} bits are set on average, expected {expected.least:.1f} to "
                f"{expected.most:.1f}; it was not encoded with t = {t} and the stated fill"
            )


def _range(statement: ClkStatement, fills: tuple[float, float], rows: int) -> BitRange:
    length, t = statement.length_bits, statement.diffusion_t
    low, high = (min(factor * statement.fill_ppm / 1_000_000, 1.0) for factor in fills)
    chances = [(1 - (1 - 2 * fill) ** t) / 2 for fill in (low, min(max(low, 0.5), high), high)]
    slack = DEVIATIONS * (length / 4 / rows) ** 0.5
    return BitRange(length * min(chances) - slack, length * max(chances) + slack)


def _mask(present: bytes) -> NDArray[np.bool_]:
    return np.frombuffer(present, dtype=np.bool_)


def _words(values: bytes, rows: int) -> NDArray[np.uint64]:
    return np.frombuffer(values, dtype=np.uint64).reshape(rows, -1)


def _repeats(row_ids: bytearray, handles: bytearray) -> Iterator[tuple[str, int]]:
    for what, column in (("row ids", row_ids), ("handles", handles)):
        yield what, _repeated(column)


def _repeated(column: bytearray) -> int:
    """Return how many identifiers are those of an earlier row. Sorts half of each, and the few whose halves agree."""
    values = np.frombuffer(column, dtype=np.uint64).reshape(-1, 2)
    halves = np.sort(values[:, 0])
    doubtful = halves[1:][halves[1:] == halves[:-1]]
    if not len(doubtful):
        return 0
    suspects = np.ascontiguousarray(values[np.isin(values[:, 0], doubtful)]).view(f"V{IDENTIFIER_BYTES}")
    return len(suspects) - len(np.unique(suspects))
