"""Attacks on encodings, made as an attacker would: what an encoding is worth is the share that they re-identify.

The known-pair attacker knows the whole population in clear and, for some of the records, which code is whose. It
learns a linear map from code bits to bigrams (ridge regression in its dual form) and names each remaining code by
the nearest person. It needs no key. For tests and benchmarks: no process of the system runs it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

KNOWN_SHARE: Final = 0.4
RIDGE: Final = 10.0
"""Weight of the penalty: enough to keep the map from learning its examples by heart."""


def known_pair_attack(codes: NDArray[np.uint8], clear: Sequence[str], known_share: float = KNOWN_SHARE) -> float:
    """Return the share, 0 to 1, of the unknown codes that are given the right clear text.

    `codes`: uint8, (records, bytes), packed bits. `clear`: what each encodes, one text a record. The first
    `known_share` of the records are the known pairs, so records must not be sorted by what they say.
    """
    bits = np.unpackbits(codes, axis=1).astype(np.float64)
    texts = _bigrams(clear)
    known = int(known_share * len(clear))
    centre, middle = bits[:known].mean(axis=0), texts[:known].mean(axis=0)
    x, y = bits[:known] - centre, texts[:known] - middle
    guessed = (bits[known:] - centre) @ x.T @ np.linalg.solve(x @ x.T + RIDGE * np.eye(known), y)
    people = texts - middle
    people /= np.linalg.norm(people, axis=1, keepdims=True) + 1e-12
    nearest = np.argmax(guessed @ people.T, axis=1)
    return float(np.mean([clear[found] == clear[known + row] for row, found in enumerate(nearest)]))


def _bigrams(texts: Sequence[str]) -> NDArray[np.float64]:
    """Which bigrams each text has, one column a bigram."""
    parts = [{f" {text} "[at : at + 2] for at in range(len(text) + 1)} for text in texts]
    places = {part: column for column, part in enumerate(sorted(set().union(*parts)))}
    matrix = np.zeros((len(texts), len(places)))
    for row, held in enumerate(parts):
        matrix[row, [places[part] for part in held]] = 1
    return matrix
