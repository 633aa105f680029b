"""Files of people with random codes, some near relatives, on the schema of `encoded_rows`: quick to make, any size."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import LinkageResult, link
from linkage_core.types import ClkName, MatchKeyName, PartyName
from tests.support.encoded_rows import CLKS, LENGTH_BITS, matching, schema

MOST_PEOPLE = 6_000
RELATED = 10
"""Every tenth person has a relative, the next one, who shares three quarters of the bits of one CLK."""


def clause(*duplicates: str) -> Matching:
    """Return the clause that learns from the files; Dice of unrelated codes is .5 with a spread of .02."""
    changes = {"combination": "fellegi-sunter", "candidate_per_mille": 575, "link_per_mille": 600}
    return matching(*duplicates).model_copy(update=changes)


def random_file(
    provider: str,
    people: NDArray[np.integer],
    seed: int,
    *,
    wrong: Sequence[float] = (0.0, 0.04, 0.3),
    shares: Sequence[float] = (0.8, 0.15, 0.05),
    numbered: float = 0.0,
    misnumbered: float = 0.0,
) -> EncodedFile:
    """Return a file about people, a row for each in their order.

    `wrong`: shares of a CLK's bits that are drawn anew; each applies to a share of the rows. `numbered`: share of rows
    with a national number, `misnumbered`: of those, with another one than the person's.
    """
    rng = np.random.default_rng(seed)
    clks = {}
    for place, name in enumerate(CLKS):
        bits = _codes(place)[people]
        doubt = rng.choice(np.array(wrong), len(people), p=np.array(shares))
        anew = rng.random(bits.shape) < doubt[:, None]
        bits = np.where(anew, rng.integers(0, 2, bits.shape, dtype=np.uint8), bits)
        clks[ClkName(name)] = ClkColumn(np.packbits(bits, axis=1), np.ones(len(people), np.bool_))
    number = np.where(rng.random(len(people)) < misnumbered, MOST_PEOPLE + rng.permutation(len(people)), people)
    return EncodedFile(
        PartyName(provider),
        len(people),
        clks,
        {
            MatchKeyName("national-id"): _keys(number, rng.random(len(people)) < numbered),
            MatchKeyName("person"): _keys(number, np.zeros(len(people), np.bool_)),
        },
    )


def linked(files: Sequence[EncodedFile], *duplicates: str) -> LinkageResult:
    """Link by weights learnt from the files, without passes."""
    return link(files, schema(), clause(*duplicates).model_copy(update={"passes": ()}), seed=5)


def _codes(place: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng((17, place))
    bits = rng.integers(0, 2, (MOST_PEOPLE, LENGTH_BITS), dtype=np.uint8)
    if place == 0:
        relatives = np.arange(1, MOST_PEOPLE, RELATED)
        shared = rng.random((len(relatives), LENGTH_BITS)) < 0.75
        bits[relatives] = np.where(shared, bits[relatives - 1], bits[relatives])
    return bits


def _keys(numbers: NDArray[np.integer], present: NDArray[np.bool_]) -> MatchKeyColumn:
    keys = np.zeros((len(numbers), 16), np.uint8)
    keys[:, :8] = numbers.astype("<u8").reshape(-1, 1).view(np.uint8)
    return MatchKeyColumn(keys, present)
