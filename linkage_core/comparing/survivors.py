"""What both search kernels do alike: the bound that decides which pairs survive their first words, and their end."""

from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped] # ships no types
from numba.core import cgutils

from linkage_core.native import inlined, instruction

WORD_STEP: Final = 8
"""Rows are padded with zeros to a multiple of this many words: the width of the widest vector registers."""

NUMBER, COUNT, REST, LEAN = range(4)
"""Columns of facts about a row, int64 (rows, 4): its number, its set bits, those beyond the first words, and its lean.

The first words of two rows must have at least (lean + lean - slack) / 2048 bits in common: what a statistical exit
asks, in 1/1024 of a bit. Without one the slack is so large that this is below zero.
"""

LEAN_UNITS: Final = 1024
"""What a lean and a slack count a bit as."""

_LEAN_SHIFT: Final = 11
_ROUND_UP: Final = (1 << _LEAN_SHIFT) - 1
_NUMBER_BITS: Final = np.uint64(32)


@inlined
def least_in_common(needed: np.int64, most_rest: np.int64, leans: np.int64, slack: np.int64) -> np.int64:
    """Return how many bits the first words must share, at least, for a pair to be found.

    `needed` in all, of which `most_rest` at most can lie beyond the first words; `leans`: of both rows together.
    """
    return max(needed - most_rest, (leans - slack + _ROUND_UP) >> _LEAN_SHIFT)


@inlined
def stays(common: np.int64, leans: np.int64, slack: np.int64) -> bool:
    """Return whether the statistical exit lets a pair stay that has `common` bits in its first words."""
    return bool(common << _LEAN_SHIFT >= leans - slack)


@inlined
def as_pair(number: np.int64, other: np.int64, within: bool) -> np.uint64:
    """Return two numbers as number << 32 | number, the lower first if `within`."""
    if within and other < number:
        number, other = other, number
    return np.uint64(number) << _NUMBER_BITS | np.uint64(other)


@instruction
def common_bits(_context: Any, row: Any, column: Any, words: Any) -> Any:
    """Return how many bits are set in both of two rows, given by address; `words` is a multiple of `WORD_STEP`.

    By address, because arrays that are handed on in a hot loop have their references counted, which takes longer.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at_row, at_column, words = arguments
        untyped: Any = cgutils
        vector = ir.VectorType(words.type, WORD_STEP)
        count, add = (
            untyped.get_or_insert_function(builder.module, ir.FunctionType(result, [vector]), f"llvm.{name}.v8i64")
            for name, result in (("ctpop", vector), ("vector.reduce.add", words.type))
        )
        sums = untyped.alloca_once_value(builder, vector(None))
        with cgutils.for_range(builder, builder.udiv(words, words.type(WORD_STEP))) as step:
            offset = builder.mul(step.index, words.type(WORD_STEP * 8))
            left, right = (
                builder.load(builder.inttoptr(builder.add(at, offset), vector.as_pointer()), align=8)
                for at in (at_row, at_column)
            )
            shared = builder.call(count, [builder.and_(left, right)])
            builder.store(builder.add(builder.load(sums), shared), sums)
        return builder.call(add, [builder.load(sums)])

    return words(row, column, words), generate


@instruction
def places_reaching(_context: Any, at_counts: Any, counts: Any, cut: Any, at_places: Any) -> Any:
    """Write the places of those of `counts` counts that are >= `cut`, in their order, and return how many they are.

    Counts and places are of the type of `cut`, given by address, and a multiple of a vector of 64 bytes; what lies
    behind the last place written, up to such a vector, is overwritten. Without a branch, so that none is mispredicted.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at_counts, counts, cut, at_places = arguments
        untyped: Any = cgutils
        lanes = 512 // cut.type.width
        vector, mask = ir.VectorType(cut.type, lanes), ir.VectorType(ir.IntType(1), lanes)
        squeeze = untyped.get_or_insert_function(
            builder.module,
            ir.FunctionType(vector, [vector, mask, vector]),
            f"llvm.experimental.vector.compress.v{lanes}i{cut.type.width}",
        )

        def everywhere(value: Any) -> Any:
            whole = vector(ir.Undefined)
            for lane in range(lanes):
                whole = builder.insert_element(whole, value, ir.IntType(32)(lane))
            return whole

        bound, step_on = everywhere(cut), everywhere(cut.type(lanes))
        places = untyped.alloca_once_value(builder, vector(list(range(lanes))))
        size = untyped.alloca_once_value(builder, counts.type(0))
        with cgutils.for_range(builder, builder.udiv(counts, counts.type(lanes))) as step:
            address = builder.add(at_counts, builder.mul(step.index, step.index.type(64)))
            here = builder.load(builder.inttoptr(address, vector.as_pointer()), align=8)
            reaches = builder.icmp_signed(">=", here, bound)
            offset = builder.mul(builder.load(size), counts.type(cut.type.width // 8))
            out = builder.inttoptr(builder.add(at_places, offset), vector.as_pointer())
            now = builder.load(places)
            builder.store(builder.call(squeeze, [now, reaches, vector(ir.Undefined)]), out, align=cut.type.width // 8)
            more = builder.ctpop(builder.bitcast(reaches, ir.IntType(lanes)))
            builder.store(builder.add(builder.load(size), builder.zext(more, counts.type)), size)
            builder.store(builder.add(now, step_on), places)
        return builder.load(size)

    return counts(at_counts, counts, cut, at_places), generate
