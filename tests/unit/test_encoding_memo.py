"""What the encoder remembers of names: bounded, without influence on the bits, and gone when it is closed."""

import gc
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding import columns, distinct, positions
from linkage_core.encoding.columns import BLOCK_ROWS, ColumnEncoder
from linkage_core.encoding.distinct import DistinctValues
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import encode_reference
from linkage_core.encoding.run import Encoder
from linkage_core.standardise.run import standardise

KEYS = LinkageKeys(Secret(b"S" * 32))
SCHEMA = people_schema()
SPEC = SCHEMA.clks[0]
NAME = "nowakowska"


def held_by(root: object) -> Iterator[Any]:
    """Everything that an object holds, modules and classes left out."""
    seen: set[int] = set()
    found = [root]
    while found:
        thing = found.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType):
            continue
        seen.add(id(thing))
        yield thing
        if not callable(thing) or isinstance(thing, _lru_cache_wrapper):
            found += gc.get_referents(thing)


def mentions(thing: object) -> bool:
    """Whether a name or a bigram's worth of it is readable in one object."""
    if isinstance(thing, np.ndarray):
        ngram = sum(ord(letter) << 21 * place for place, letter in enumerate(reversed(NAME[:2])))
        return NAME.encode("utf-32-le") in thing.tobytes() or (
            thing.dtype == np.uint64 and bool((thing == ngram).any())
        )
    return (isinstance(thing, str) and NAME in thing) or (isinstance(thing, bytes) and NAME.encode() in thing)


def test_a_name_is_remembered_between_chunks_and_forgotten_at_the_end() -> None:
    records, _ = standardise(
        SCHEMA, {"given_name": ["Ana"], "family_name": [NAME.title()], "birth_date": ["1987-05-12"]}
    )
    with Encoder(SCHEMA, KEYS) as encoder:
        first = encoder.encode(records)
        del records
        assert any(mentions(thing) for thing in held_by(encoder)), "the search below must be able to find a name"
    assert not [type(thing) for thing in held_by(encoder) if mentions(thing)]
    assert first.rows == 1


def test_an_interrupted_file_is_forgotten_too() -> None:
    records, _ = standardise(
        SCHEMA, {"given_name": ["Ana"], "family_name": [NAME.title()], "birth_date": ["1987-05-12"]}
    )
    encoder = Encoder(SCHEMA, KEYS)

    def interrupted() -> None:
        with encoder:
            encoder.encode(records)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(mentions(thing) for thing in held_by(encoder))


def people(rows: int, first: int = 0) -> dict[str, list[str]]:
    """Rows of which nearly every one brings values that were not seen before."""
    numbers = range(first, first + rows)
    return {
        "given": [f"given{number:x}" for number in numbers],
        "date": [str(number % 10000) for number in numbers],
    }


def test_forgetting_meanwhile_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 3 * BLOCK_ROWS + 17
    file = people(rows) | {"given": [f"given{number % 9000:x}" for number in range(rows)]}
    secret = KEYS.clk(SPEC.name)
    [remembering] = ColumnEncoder([(SPEC, secret)]).encode(file, rows)
    monkeypatch.setattr(columns, "MOST_VALUES", BLOCK_ROWS)
    monkeypatch.setattr(distinct, "MOST_BYTES", BLOCK_ROWS)
    monkeypatch.setattr(positions, "MOST_TOKENS", 10)
    monkeypatch.setattr(positions, "MOST_DRAWS", 10)
    forgetful = ColumnEncoder([(SPEC, secret)])
    [forgetting] = forgetful.encode(file, rows)
    assert all(values.generation >= 2 for values in held_by(forgetful) if isinstance(values, DistinctValues))
    assert np.array_equal(remembering, forgetting)
    kept = slice(rows - 200, rows)
    few = [file[feature][kept] for feature in SPEC.features]
    assert np.array_equal(forgetting[kept], encode_reference(SPEC, secret, few))


def test_a_column_that_hardly_repeats_is_forgotten_after_every_block_and_one_that_repeats_is_kept() -> None:
    unlike, alike = DistinctValues(), DistinctValues()
    for block in range(4):
        addresses = [f"{block * BLOCK_ROWS + row} street" for row in range(BLOCK_ROWS)]
        numbers = unlike.number(addresses)
        assert unlike.since(0).strings() == addresses
        assert numbers.tolist() == list(range(BLOCK_ROWS))
        assert (unlike.generation, unlike.count) == (block, BLOCK_ROWS)
        alike.number([f"{row % (BLOCK_ROWS // 2)} street" for row in range(BLOCK_ROWS)])
        assert (alike.generation, alike.count) == (0, BLOCK_ROWS // 2)
    repeating = ["1 street"] * BLOCK_ROWS
    assert [unlike.number(repeating)[-1] for _ in range(3)] == [0, 0, 0]
    assert (unlike.generation, unlike.count) == (5, 1), "after one block more it remembers again"


def test_memory_stays_flat_however_many_values_a_file_has() -> None:
    encoder = ColumnEncoder([(SPEC, KEYS.clk(SPEC.name))])
    sizes = []
    for first in range(0, 6 * distinct.MOST_VALUES, BLOCK_ROWS):
        encoder.encode(people(BLOCK_ROWS, first), BLOCK_ROWS)
        sizes.append(
            sum(thing.nbytes for thing in held_by(encoder) if isinstance(thing, np.ndarray) and thing.base is None)
        )
    assert max(sizes[len(sizes) // 2 :]) <= max(sizes[: len(sizes) // 2])
    assert max(sizes) < 3 * (columns.MOST_CODE_BYTES + 8 * 2**20)


def test_more_rows_than_a_memo_could_number_are_refused() -> None:
    with pytest.raises(ValueError, match="at a time"):
        DistinctValues(limit=2).number(["x", "x", "x"])
    with pytest.raises(ValueError, match="power of two"):
        DistinctValues(limit=3)
