"""The same search on a processor's matrix unit (Intel AMX): common bits of 32 × 32 pairs as products of bytes.

Each bit becomes a byte, 0 or 1, and a dot product of bytes counts common bits: twice as many a second as AND, count,
add on vectors. The unit holds eight tiles of 16 × 64 bytes: two of rows, two of columns and four of counts, so that
each tile that is read serves twice. Where a processor or system has no such unit, `kernels` does the same.
"""

import ctypes
import functools
import platform
import sys
from typing import Any, Final

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped] # ships no types
from numba.core import cgutils, config
from numpy.typing import NDArray

from linkage_core.comparing.instructions import common_bits, places_reaching
from linkage_core.comparing.sides import aligned
from linkage_core.comparing.survivors import COUNT, LEAN, NUMBER, as_pair, least_in_common, stays
from linkage_core.native import inlined, instruction, kernel

SQUARE: Final = 32
"""Rows, and columns, of a block of pairs."""

PANEL: Final = 32
"""Blocks of columns whose bytes are kept at hand: with 16 words of 64 bits 1 MiB, half of a core's second cache."""

_TILE_BYTES: Final = 1024
_ROW_BYTES: Final = 64
_ONE: Final = np.uint64(1)
_EIGHT: Final = np.uint64(8)
_SIDE: Final = np.uint64(SQUARE)
_TILE_SIDE: Final = np.uint64(16)
_NIBBLE: Final = np.uint64(4)
_LOW_FOUR: Final = np.uint64(15)
_TO_BYTES: Final = np.uint64(0x00204081)
_BYTES: Final = np.uint64(0x01010101)
_PANEL: Final = np.uint64(PANEL)
_COUNT_BYTES: Final = np.uint64(4 * SQUARE * SQUARE)
_STEP_BYTES: Final = np.uint64(2 * _TILE_BYTES)

_BYTE: Final = ir.IntType(8)
_WORD: Final = ir.IntType(64)
_ADDRESS: Final = _BYTE.as_pointer()
_NOTHING: Final = ir.VoidType()

_ARCH_PRCTL: Final = 158
_REQUEST_PERMISSION: Final = 0x1023
_TILE_DATA: Final = 18


@functools.cache
def has_matrix_unit() -> bool:
    """Return whether kernels may use the unit: the processor has it, and the system grants it to this process."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    settings: Any = config
    features = (settings.CPU_FEATURES or "").split(",")
    if "+amx-tile" not in features or "+amx-int8" not in features:
        return False
    return bool(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


def scratch(words: int) -> NDArray[np.uint8]:
    """Return memory for a search that compares `words` first words: uint8, from a whole cache line on.

    It holds the bytes of a block of rows, those of a panel of columns, the counts of a block of pairs, and the unit's
    configuration: with 16 words about 1.1 MiB.
    """
    size = (PANEL + 1) * 2 * words * _TILE_BYTES + 4 * SQUARE * SQUARE + _ROW_BYTES
    memory = aligned((size // 8,)).view(np.uint8)
    settings = memory[-_ROW_BYTES:]
    settings[0] = 1  # the only layout there is
    settings[16:32].view(np.uint16)[:] = _ROW_BYTES
    settings[48:56] = 16
    return memory


@kernel
def find_in_squares(
    rows: NDArray[np.uint64],
    row_facts: NDArray[np.int64],
    row_bounds: NDArray[np.int64],
    columns: NDArray[np.uint64],
    column_facts: NDArray[np.int64],
    column_bounds: NDArray[np.int64],
    need: NDArray[np.int64],
    first: np.uint64,
    slack: np.int64,
    within: bool,
    memory: NDArray[np.uint8],
    found: NDArray[np.uint64],
    place: NDArray[np.uint64],
) -> int:
    """Write pairs from `place` on into `found` until all are done or it is full; return how many.

    As `kernels.find_in_tiles`, but rows and columns both come in blocks of 32, the last ones filled up with zeros, and
    both have bounds. `memory` as `scratch` makes it. `found` has
    room for at least 1024 pairs. `place` uint64 (3,): panel, block of rows and block of columns to go on with; the
    panel begins at `len(column_bounds)` when all are done. Only where `has_matrix_unit()`: elsewhere the process dies.
    """
    panel_bytes = _PANEL * first * _STEP_BYTES
    block_bytes = first * _STEP_BYTES
    panel_words = memory[:panel_bytes].view(np.uint32)
    counts_start = panel_bytes + block_bytes
    counts = memory[counts_start : counts_start + _COUNT_BYTES].view(np.int32)
    at_columns = np.uint64(memory.ctypes.data)
    at_rows = at_columns + panel_bytes
    at_counts = at_rows + block_bytes
    survivors = np.empty(SQUARE * SQUARE + 16, np.int32)
    at_survivors = np.uint64(survivors.ctypes.data)
    words = np.uint64(rows.shape[1])
    all_rows = np.uint64(rows.ctypes.data)
    all_columns = np.uint64(columns.ctypes.data)
    blocks = np.uint64(len(row_bounds))
    size = 0
    _configure(at_counts + _COUNT_BYTES)
    while place[0] < np.uint64(len(column_bounds)):
        stop = min(place[0] + _PANEL, np.uint64(len(column_bounds)))
        for block in range(stop - place[0]):
            _spread_columns(columns, place[0] + block, first, panel_words[block * block_bytes // _NIBBLE :])
        last = min(blocks, stop) if within else blocks
        while place[1] < last:
            i = place[1]
            _spread_rows(rows, i, first, at_rows)
            if within:
                place[2] = max(place[2], i)
            while place[2] < stop:
                j = place[2]
                if size + SQUARE * SQUARE > len(found):
                    _release()
                    return size
                _multiply(at_rows, at_columns + (j - place[0]) * block_bytes, at_counts, np.int64(first))
                needed = need[row_bounds[i, 0] + column_bounds[j, 0]]
                rest = min(row_bounds[i, 1], column_bounds[j, 1])
                cut = np.int32(least_in_common(needed, rest, row_bounds[i, 2] + column_bounds[j, 2], slack))
                for survivor in range(places_reaching(at_counts, _SIDE * _SIDE, cut, at_survivors)):
                    pair = np.uint64(survivors[survivor])
                    a, b = i * _SIDE + pair // _SIDE, j * _SIDE + pair % _SIDE
                    shared = np.int64(counts[pair])
                    if (within and b <= a) or not stays(shared, row_facts[a, LEAN] + column_facts[b, LEAN], slack):
                        continue
                    if first < words:
                        shared = np.int64(
                            common_bits(all_rows + a * words * _EIGHT, all_columns + b * words * _EIGHT, words)
                        )
                    if shared >= need[row_facts[a, COUNT] + column_facts[b, COUNT]]:
                        found[size] = as_pair(row_facts[a, NUMBER], column_facts[b, NUMBER], within)
                        size += 1
                place[2] += _ONE
            place[1] += _ONE
            place[2] = place[0]
        place[0] = stop
        place[1] = np.uint64(0)
        place[2] = stop
    _release()
    return size


@inlined
def _spread_rows(rows: NDArray[np.uint64], block: np.uint64, first: np.uint64, at: np.uint64) -> None:
    """Write a block's first words as bytes: word by word, two tiles of 16 rows of 64 bytes."""
    for word in range(first):
        for row in range(_SIDE):
            _spread(rows[block * _SIDE + row, word], at + (word * _SIDE + row) * np.uint64(_ROW_BYTES))


@inlined
def _spread_columns(columns: NDArray[np.uint64], block: np.uint64, first: np.uint64, out: NDArray[np.uint32]) -> None:
    """Write a block's first words as bytes: word by word, two tiles of 16 rows that hold 4 bytes of each column."""
    for word in range(first):
        for half in range(np.uint64(2)):
            for row in range(_TILE_SIDE):
                start = ((word * np.uint64(2) + half) * _TILE_SIDE + row) * _TILE_SIDE
                for column in range(_TILE_SIDE):
                    bits = columns[block * _SIDE + half * _TILE_SIDE + column, word] >> (_NIBBLE * row) & _LOW_FOUR
                    out[start + column] = np.uint32(bits * _TO_BYTES & _BYTES)


@instruction
def _spread(_context: Any, word: Any, address: Any) -> Any:
    """Write the bits of a word as 64 bytes of 0 or 1, the lowest first."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], ir.VectorType(ir.IntType(1), 64))
        spread = builder.zext(bits, ir.VectorType(_BYTE, 64))
        builder.store(spread, builder.inttoptr(arguments[1], spread.type.as_pointer()), align=_ROW_BYTES)
        return context.get_dummy_value()

    return numba.types.void(word, address), generate


@instruction
def _configure(_context: Any, address: Any) -> Any:
    """Take the unit into use with the configuration at an address."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _emit(builder, "ldtilecfg", builder.inttoptr(arguments[0], _ADDRESS))
        return context.get_dummy_value()

    return numba.types.void(address), generate


@instruction
def _release(_context: Any) -> Any:
    """Give the unit back, so that the system need not keep its tiles for this thread."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        _emit(builder, "tilerelease")
        return context.get_dummy_value()

    return numba.types.void(), generate


@instruction
def _multiply(_context: Any, rows: Any, columns: Any, counts: Any, steps: Any) -> Any:
    """Write the common bits of 32 × 32 pairs, int32 by row, over `steps` words; all places are addresses."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at_rows, at_columns, at_counts, steps = arguments
        left, right = (4, 5), (6, 7)
        sums = {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3}

        def move(name: str, tile: int, base: Any, offset: int, stride: int) -> None:
            address = builder.inttoptr(builder.add(base, _WORD(offset)), _ADDRESS)
            _emit(builder, name, _BYTE(tile), address, _WORD(stride))

        for tile in sums.values():
            _emit(builder, "tilezero", _BYTE(tile))
        with cgutils.for_range(builder, steps) as step:
            offset = builder.mul(step.index, _WORD(2 * _TILE_BYTES))
            rows_here, columns_here = builder.add(at_rows, offset), builder.add(at_columns, offset)
            for half in (0, 1):
                move("tileloadd64", left[half], rows_here, half * _TILE_BYTES, _ROW_BYTES)
                move("tileloadd64", right[half], columns_here, half * _TILE_BYTES, _ROW_BYTES)
            for (row_half, column_half), tile in sums.items():
                _emit(builder, "tdpbuud", _BYTE(tile), _BYTE(left[row_half]), _BYTE(right[column_half]))
        for (row_half, column_half), tile in sums.items():
            offset = 4 * (row_half * 16 * SQUARE + column_half * 16)
            move("tilestored64", tile, at_counts, offset, 4 * SQUARE)
        return context.get_dummy_value()

    return numba.types.void(rows, columns, counts, steps), generate


def _emit(builder: Any, name: str, *arguments: Any) -> None:
    """Emit one of LLVM's instructions for the unit."""
    untyped: Any = cgutils
    shape = ir.FunctionType(_NOTHING, [argument.type for argument in arguments])
    builder.call(untyped.get_or_insert_function(builder.module, shape, f"llvm.x86.{name}"), arguments)
