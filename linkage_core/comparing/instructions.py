"""What kernels do with whole vectors, written out for LLVM; it takes the widest registers of the processor at hand.

Rows and tiles are given by address: numba counts the references of arrays that are handed on in a loop, and checks
whether arrays overlap, which together would take longer than the work itself. Vectors are of 64 bytes; where a
processor's registers are narrower, LLVM takes several.
"""

from typing import Any, Final

from llvmlite import ir  # type: ignore[import-untyped] # ships no types
from numba.core import cgutils

from linkage_core.native import instruction

TILE: Final = 128
"""Columns of a tile: with 16 words of 64 bits 16 KiB, a third to a half of a core's nearest cache."""

WORD_STEP: Final = 8
"""Rows are filled up with zeros to a multiple of this many words: a vector of 64 bytes."""

_VECTOR_BYTES: Final = 64
_COLUMNS_AT_ONCE: Final = 32


@instruction
def compare_with_tile(_context: Any, at_row: Any, at_tile: Any, words: Any, cut: Any, at_sums: Any) -> Any:
    """Write a row's common bits with each column of a tile in the first words, less `cut`; return the AND of them all.

    That is below zero if each of them is. The tile is (words, 128) and begins, like the sums, at a whole cache line.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at_row, at_tile, words, cut, at_sums = arguments
        vector = ir.VectorType(cut.type, WORD_STEP)
        start = _everywhere(builder, builder.neg(cut), WORD_STEP)
        all_below = _variable(builder, vector([-1] * WORD_STEP))
        for column in range(0, TILE, _COLUMNS_AT_ONCE):
            places = [8 * first for first in range(column, column + _COLUMNS_AT_ONCE, WORD_STEP)]
            sums = [_variable(builder, start) for _ in places]
            with cgutils.for_range(builder, words) as step:
                word = builder.load(_at(builder, at_row, builder.mul(step.index, words.type(8)), words.type))
                row = _everywhere(builder, word, WORD_STEP)
                line = builder.add(at_tile, builder.mul(step.index, words.type(8 * TILE)))
                for place, total in zip(places, sums, strict=True):
                    shared = builder.and_(row, _load(builder, line, words.type(place), vector, _VECTOR_BYTES))
                    shared = _call(builder, f"ctpop.v{WORD_STEP}i64", vector, shared)
                    builder.store(builder.add(builder.load(total), shared), total)
            for place, total in zip(places, sums, strict=True):
                done = builder.load(total)
                builder.store(done, _at(builder, at_sums, words.type(place), vector), align=_VECTOR_BYTES)
                builder.store(builder.and_(builder.load(all_below), done), all_below)
        return _call(builder, f"vector.reduce.and.v{WORD_STEP}i64", cut.type, builder.load(all_below))

    return cut(at_row, at_tile, words, cut, at_sums), generate


@instruction
def common_bits(_context: Any, at_row: Any, at_column: Any, words: Any) -> Any:
    """Return how many bits are set in both of two rows; `words` is a multiple of `WORD_STEP`."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at_row, at_column, words = arguments
        vector = ir.VectorType(words.type, WORD_STEP)
        total = _variable(builder, vector(None))
        with cgutils.for_range(builder, builder.udiv(words, words.type(WORD_STEP))) as step:
            offset = builder.mul(step.index, words.type(_VECTOR_BYTES))
            row = _load(builder, at_row, offset, vector, _VECTOR_BYTES)
            shared = builder.and_(row, _load(builder, at_column, offset, vector, _VECTOR_BYTES))
            shared = _call(builder, f"ctpop.v{WORD_STEP}i64", vector, shared)
            builder.store(builder.add(builder.load(total), shared), total)
        return _call(builder, f"vector.reduce.add.v{WORD_STEP}i64", words.type, builder.load(total))

    return words(at_row, at_column, words), generate


@instruction
def places_reaching(_context: Any, at_counts: Any, counts: Any, cut: Any, at_places: Any) -> Any:
    """Write the places of those of `counts` counts that are >= `cut`, in their order, and return how many they are.

    Counts and places are of the type of `cut`; there is a multiple of a vector of them, and room for a vector behind
    the places. Without a branch, since none could be predicted.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        at_counts, counts, cut, at_places = arguments
        width = cut.type.width // 8
        lanes = _VECTOR_BYTES // width
        vector = ir.VectorType(cut.type, lanes)
        bound, onwards = _everywhere(builder, cut, lanes), _everywhere(builder, cut.type(lanes), lanes)
        places = _variable(builder, vector(list(range(lanes))))
        size = _variable(builder, counts.type(0))
        with cgutils.for_range(builder, builder.udiv(counts, counts.type(lanes))) as step:
            offset = builder.mul(step.index, counts.type(_VECTOR_BYTES))
            reaches = builder.icmp_signed(">=", _load(builder, at_counts, offset, vector, _VECTOR_BYTES), bound)
            here, before = builder.load(places), builder.load(size)
            squeezed = _call(
                builder,
                f"experimental.vector.compress.v{lanes}i{8 * width}",
                vector,
                here,
                reaches,
                vector(ir.Undefined),
            )
            builder.store(
                squeezed, _at(builder, at_places, builder.mul(before, before.type(width)), vector), align=width
            )
            more = builder.ctpop(builder.bitcast(reaches, ir.IntType(lanes)))
            builder.store(builder.add(before, builder.zext(more, before.type)), size)
            builder.store(builder.add(here, onwards), places)
        return builder.load(size)

    return counts(at_counts, counts, cut, at_places), generate


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Emit one of LLVM's own functions."""
    untyped: Any = cgutils
    shape = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(untyped.get_or_insert_function(builder.module, shape, f"llvm.{name}"), arguments)


def _variable(builder: Any, value: Any) -> Any:
    """Emit a variable that begins with a value, again each time the code before the loop runs."""
    untyped: Any = cgutils
    place = untyped.alloca_once(builder, value.type)
    builder.store(value, place)
    return place


def _everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """Emit a vector with a value in every lane."""
    number = ir.IntType(32)
    vector = ir.VectorType(value.type, lanes)(ir.Undefined)
    first = builder.insert_element(vector, value, number(0))
    return builder.shuffle_vector(first, vector, ir.VectorType(number, lanes)(None))


def _at(builder: Any, address: Any, offset: Any, kind: Any) -> Any:
    """Emit a pointer to what lies so many bytes behind an address."""
    return builder.inttoptr(builder.add(address, offset), kind.as_pointer())


def _load(builder: Any, address: Any, offset: Any, vector: Any, align: int) -> Any:
    """Emit the reading of a vector so many bytes behind an address."""
    return builder.load(_at(builder, address, offset, vector), align=align)
