"""Numbering n-grams: every one as clkhash spells it, however often the table has to grow."""

import random

import pytest

from linkage_core.encoding.distinct import DistinctValues
from linkage_core.encoding.ngrams import PackedNgrams


@pytest.mark.parametrize("positional", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_texts_with_more_ngrams_than_the_table_has_room_for_are_numbered_all_the_same(n: int, positional: bool) -> None:
    rng = random.Random(1)
    texts = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(3000)]
    values = DistinctValues()
    values.number(texts)
    ngrams = PackedNgrams(n, positional=positional)
    numbers, starts = ngrams.of(values.since(0))
    padding = " " * (n - 1)
    for row in (0, 1500, 2999):
        padded = f"{padding}{texts[row]}{padding}"
        expected = [
            f"{at + 1} {padded[at : at + n]}" if positional else padded[at : at + n]
            for at in range(len(padded) - n + 1)
        ]
        assert [ngrams.spelled(int(number)) for number in numbers[starts[row] : starts[row + 1]]] == expected
