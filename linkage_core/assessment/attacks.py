"""Attacks on encodings, made as an attacker would: what an encoding is worth is the share that they re-identify.

Three attackers, each with the same knowledge (`known_pairs`), none with a key:

1. *codebook*: the nearest known codes of each CLK vote for people who resemble their owners;
2. *ridge*: a linear map from code bits to bigrams, learnt on the known pairs (kernel ridge regression);
3. *expected codes*: predicts each person's code from the known pairs and names who explains the row best. Two records
   that differ in a share q of their bits before diffusion have codes with correlation (1 - 2q)^t, so a code is a
   Gaussian process over people with that kernel, and q comes from imitations (C. E. Rasmussen and C. K. I. Williams,
   Gaussian Processes for Machine Learning, 2006, algorithm 2.1). The strongest of the three by far.

All of them know that a row which lacks a CLK is a person who lacks its values, and what equal match keys and
frequency classes tell (`key_evidence`). For tests, benchmarks and
the check before an agreement is signed: no process that holds real records runs them.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.assessment.key_evidence import AttackedKey, impossible
from linkage_core.assessment.known_pairs import AttackedClk, AttackResult, Scores, Split, judge, require_whole

RIDGE: Final = 10.0
"""Weight of the penalty on 1,024 bits: enough to keep the map from learning its examples by heart."""

NUGGET: Final = 0.05
NUGGET_UNDIFFUSED: Final = 0.25
"""Share of a code's variance that the kernel is allowed not to explain, and what is added to it over t: imitations are
not the real keys, which matters where codes of all people are alike."""

NEIGHBOURS: Final = 5
NOISE: Final = 3.0
"""Standard deviations below which the correlation of two codes is taken for chance."""

BLOCK_PEOPLE: Final = 4096

_IMPOSSIBLE: Final = np.float32(-1e6)

Attack = Callable[[AttackedClk, Split], Scores]
"""Scores one CLK's rows; the scores of several CLKs are added."""


def codebook(clk: AttackedClk, split: Split) -> Scores:
    """Let the nearest known codes vote for the people whose values resemble their owners', by cosine of bigrams."""
    bits = np.float32(8 * clk.codes.shape[1])
    alike = _signs(clk.codes[split.targets]) @ _signs(clk.codes[split.known]).T
    alike /= bits
    alike[:, ~clk.present[split.known]] = 0
    neighbours = min(NEIGHBOURS, alike.shape[1])
    nearest = np.argpartition(alike, -neighbours, axis=1)[:, -neighbours:]
    weights = np.take_along_axis(alike, nearest, axis=1)
    weights = np.maximum(weights - NOISE / np.sqrt(bits), 0)
    bigrams = _unit(_bigrams(clk))
    votes = np.einsum("rn,rnb->rb", weights, bigrams[split.known][nearest])
    scores: Scores = votes @ bigrams[split.candidates].T
    return scores


def ridge(clk: AttackedClk, split: Split) -> Scores:
    """Guess each row's bigrams by a linear map of its bits and compare them with everybody's, by cosine."""
    known = split.known[clk.present[split.known]]
    bits, bigrams = _signs(clk.codes[known]), _bigrams(clk)
    usual = bits.mean(axis=0)
    bits -= usual
    bigrams -= bigrams[known].mean(axis=0)
    guessed = (_signs(clk.codes[split.targets]) - usual) @ ridge_map(bits, bigrams[known])
    return _unit(guessed) @ _unit(bigrams[split.candidates]).T


def ridge_map(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the map from x to y, (columns of x, columns of y), by the smaller of two systems with one solution."""
    dual = len(x) <= x.shape[1]
    gram = x @ x.T if dual else x.T @ x
    gram[np.diag_indices_from(gram)] += 4 * RIDGE  # signs vary twice as much as bits
    solved: NDArray[np.float32] = x.T @ np.linalg.solve(gram, y) if dual else np.linalg.solve(gram, x.T @ y)
    return solved


def expected_codes(clk: AttackedClk, split: Split) -> Scores:
    """Return the log likelihood of each row's code under the code that each candidate is expected to have."""
    known = split.known[clk.present[split.known]]
    learnt = _shared(clk, known)
    kernel = learnt @ learnt.T
    kernel **= clk.t
    nugget = NUGGET + NUGGET_UNDIFFUSED / clk.t
    kernel[np.diag_indices_from(kernel)] += nugget
    weights = np.linalg.solve(kernel, _signs(clk.codes[known]))
    del kernel  # the largest of all, and no longer needed
    rows = _signs(clk.codes[split.targets])
    bits = rows.shape[1]
    scores = np.empty((len(split.targets), len(split.candidates)), np.float32)
    for first in range(0, len(split.candidates), BLOCK_PEOPLE):
        people = slice(first, first + BLOCK_PEOPLE)
        expected = (_shared(clk, split.candidates[people]) @ learnt.T) ** clk.t @ weights
        explained = (expected**2).sum(axis=1)
        variance = np.maximum(1 + nugget - explained / bits, nugget)
        scores[:, people] = (2 * rows @ expected.T - bits - explained) / (2 * variance) - bits / 2 * np.log(variance)
    return scores


ATTACKS: Final[Mapping[str, Attack]] = MappingProxyType(
    {"codebook": codebook, "ridge": ridge, "expected codes": expected_codes}
)


def attack_together(
    clks: Sequence[AttackedClk],
    split: Split,
    attacks: Mapping[str, Attack] = ATTACKS,
    keys: Sequence[AttackedKey] = (),
    classes: Sequence[NDArray[np.uint8]] = (),
) -> dict[str, AttackResult]:
    """Return what each attack re-identifies from all CLKs, match keys and frequency classes of a row together.

    Raises `InputFault` that names every CLK whose parts do not fit together.
    """
    require_whole(clks)
    excluded = impossible(keys, classes, split)
    results = {}
    for name, attack in attacks.items():
        scores = scored(clks, split, attack)
        scores[excluded] += _IMPOSSIBLE
        results[name] = judge(scores, clks, split)
    return results


def scored(clks: Sequence[AttackedClk], split: Split, attack: Attack) -> Scores:
    """Return an attack's scores, added over the CLKs that a row has; a person who has others is impossible."""
    total = np.zeros((len(split.targets), len(split.candidates)), np.float32)
    for clk in clks:
        if not clk.present[split.known].any():
            continue  # nothing is known of such codes
        scores = attack(clk, split)
        has = clk.present[split.targets]
        scores[~has] = 0
        scores[has[:, None] != clk.present[split.candidates]] += _IMPOSSIBLE
        total += scores
    return total


def _shared(clk: AttackedClk, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the imitations of some rows, scaled so that products of rows are correlations before diffusion."""
    signs = np.concatenate([_signs(imitation[rows]) for imitation in clk.imitations], axis=1)
    signs /= np.sqrt(np.float32(signs.shape[1]))
    return signs


def _signs(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return bits as 1 (unset) and -1 (set), float32, (rows, bits)."""
    signs = np.unpackbits(packed, axis=1).astype(np.float32)
    signs *= -2
    signs += 1
    return signs


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / (lengths + np.float32(1e-12))


def _bigrams(clk: AttackedClk) -> NDArray[np.float32]:
    """Return which bigrams each row's values have, one column a variable and bigram: float32, (rows, columns)."""
    rows, columns, places = [], [], dict[tuple[str, str], int]()
    for variable, values in clk.values.items():
        for row, value in enumerate(values):
            parts = {f" {value} "[at : at + 2] for at in range(len(value) + 1)} if value else ()
            for part in parts:
                rows.append(row)
                columns.append(places.setdefault((variable, part), len(places)))
    matrix = np.zeros((len(clk.present), len(places)), np.float32)
    matrix[rows, columns] = 1
    return matrix
