"""How many links are false, at every score, without truth.

A record without a partner in the other file still has a best candidate there. How high it scores by chance is known:
as high as the best candidate that a record has among the other records of its own file, which are all other people.
Such a link is made if its partner is free too, because it has no partner of its own. So with `n` and `o` records of
which `M` have a partner, false links are made among n - M and o - M records, with the chance u(s) of a pair of
different people to score s or more. What is linked beyond them is true: that gives M, in turn.

The share of false links among those at one score, the *local* false-match rate, is the slope of false against all
links, made to fall with the score by isotonic regression (Ayer et al., Ann. Math. Statist. 26, 1955).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 2000
"""Steps of the false-match rate along the score, of equally many links each."""

Way = Literal["one-to-one", "many-to-one", "within"]
"""How links are chosen: each record of both sides at most once; each of the first side with its best of the second;
all pairs of one file, whose records may be one person several times."""

UNCOUNTED_SPREAD: Final = 1.0
"""Standard deviation of the logarithm of a chance that was not counted."""

BULK: Final = 0.5
"""Share of the near pairs of different people above the band by which they are counted."""

ROUNDS: Final = 200
CLOSE: Final = 0.01

DOUBTFUL: Final = 0.5
"""Local false-match rate from which on a link takes no record away from those that may be linked falsely. Among many
candidates there are many such links, and what is left of a rate that should be one there is the error of the estimate:
counted, it would leave fewer records to be linked falsely, and make the next estimate worse."""

HOPELESS: Final = 0.9
"""Local false-match rate from which on links do not even count in the number of matches."""


@dataclass(frozen=True, slots=True, eq=False)
class BestByChance:
    """The best score that each sampled record of a file has among the others of its file, -inf without a candidate.

    `best`: float64, (sampled,), falling. `size`: records of the file. `factor`: how many times as often pairs of
    different people reach a score where this is applied.
    """

    best: NDArray[np.float64]
    size: int
    factor: float = 1.0

    @classmethod
    def of(cls, place: NDArray[np.int64], score: NDArray[np.float64], sampled: int, size: int) -> "BestByChance":
        """Return them from pairs by sampled record."""
        best = np.full(sampled, -np.inf)
        np.maximum.at(best, place, score)
        return cls(-np.sort(-best), size)

    def count(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return how many sampled records have a best of each score or more."""
        return np.searchsorted(-self.best, -scores, side="right")

    def per_pair(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return u(s): the chance of any one pair of different people to have each score or more.

        If a record has n of them by chance, some one is there with probability 1 - exp(-n u).
        """
        return self._per_pair(self.count(scores).astype(np.float64))

    def draw_per_pair(
        self, scores: NDArray[np.float64], prior: NDArray[np.float64], draws: int, random: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return draws of u(s) as far as the counts leave it open: float64, (draws, scores). The scores fall.

        A count c of a Poisson mean leaves a gamma distribution of shape c + 1/2 (Jeffreys): the half is `prior`,
        float64, (scores,), rising.
        """
        more = np.diff(self.count(scores), prepend=0) + np.diff(prior, prepend=0.0)
        means = np.cumsum(random.standard_gamma(more, (draws, len(more))), axis=1)
        return self._per_pair(np.minimum(means, len(self.best)))

    def fitted_to_bulk(self, scores: NDArray[np.float64], sizes: tuple[int, int]) -> "BestByChance":
        """Return it for another file, of whose own pairs, all of them, `scores` tells those that are near.

        People of that file may resemble each other more often than those of this one. In the band of scores where
        half of all pairs of different people lie, hardly any other pairs do: so many times as many as expected there
        are, so many times as often different people are near there; never less often.
        """
        score = -np.sort(-scores)
        expected = linked_by_chance((float(sizes[0]), float(sizes[1])), self.per_pair(score), "within")
        if not len(score) or not expected[-1] > 0:
            return self
        above = int(np.searchsorted(expected, expected[-1] * BULK))
        in_band = expected[-1] - (expected[above - 1] if above else 0.0)
        return replace(self, factor=self.factor * max((len(score) - above) / in_band, 1.0))

    def _per_pair(self, count: NDArray[np.float64]) -> NDArray[np.float64]:
        without = 1 - count / (len(self.best) + 1)
        chance: NDArray[np.float64] = -np.log(without) * (self.factor / max(self.size - 1, 1))
        return chance


@dataclass(frozen=True, slots=True)
class UnrelatedCloseness:
    """Closeness of unrelated records: a normal distribution, of the noise of codes, measured on random pairs."""

    mean: float
    spread: float

    def count(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return how many sampled records have a best of each score or more: none, nothing is counted here."""
        return np.zeros(len(scores), np.int64)

    def per_pair(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chance of a pair to have each closeness or more."""
        beyond = (scores - self.mean) / (self.spread * math.sqrt(2))
        return np.array([math.erfc(one) / 2 for one in beyond.tolist()])

    def draw_per_pair(
        self, scores: NDArray[np.float64], prior: NDArray[np.float64], draws: int, random: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return draws of the chance: nothing was counted, so it may be some times as large or as small."""
        factors = np.exp(UNCOUNTED_SPREAD * random.standard_normal((draws, 1)))
        return np.minimum(factors * self.per_pair(scores), 1.0)


class Chance(Protocol):
    """What is known of scores of pairs of different people."""

    def count(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return how many observations of each score or more this rests on."""

    def per_pair(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chance of any one pair of different people to have each score or more."""

    def draw_per_pair(
        self, scores: NDArray[np.float64], prior: NDArray[np.float64], draws: int, random: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return draws of that chance as far as it is not known, at scores that fall: float64, (draws, scores)."""


@dataclass(frozen=True, slots=True, eq=False)
class FalseMatches:
    """One pair of files, its links by falling score.

    `score`: float64, (links,), falling. `rate`: float64, (links,), local false-match rate, rising. `expected`: float64,
    (links,), false links at this score or more. `support`: int64, (links,), sampled records whose best by chance
    reaches the score, which `expected` rests on. `matches`: estimated records that have a partner and a candidate.
    """

    score: NDArray[np.float64]
    rate: NDArray[np.float64]
    expected: NDArray[np.float64]
    support: NDArray[np.int64]
    matches: float

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chance of links of any scores to be true: that of the next lower score among these links."""
        at = np.searchsorted(-self.score, -scores, side="left")
        rates = np.append(self.rate, 1.0)
        return 1.0 - rates[at]


def false_matches(
    link_scores: NDArray[np.float64], sizes: tuple[int, int], way: Way, chance: Sequence[Chance]
) -> FalseMatches:
    """Return the false matches among the links of two sides of `sizes` records, chosen in some `way`.

    `chance`: of one file, or of several: then the larger chance counts at every score.
    """
    score = -np.sort(-link_scores)
    links = np.arange(1, len(score) + 1, dtype=np.float64)
    per_pair = np.max([of_file.per_pair(score) for of_file in chance], axis=0)
    support = np.max([of_file.count(score) for of_file in chance], axis=0)
    most = {"one-to-one": float(min(sizes)), "many-to-one": float(sizes[0]), "within": float(len(score))}[way]
    matches = 0.0  # from below: where nearly every record has a candidate by chance, more than one answer fits
    expected = rate = np.zeros(len(score))
    for _ in range(ROUNDS):
        free = (
            float(sizes[0]) if way == "within" else sizes[0] - matches,
            sizes[1] - matches if way == "one-to-one" else float(sizes[1]),
        )
        expected = np.minimum(linked_by_chance(free, per_pair, way), links)
        rate = _local_rate(expected)
        better = float(np.clip((1 - rate)[rate < DOUBTFUL].sum(), 0.0, most))
        if abs(better - matches) < CLOSE:
            break
        matches = better
    return FalseMatches(score, rate, expected, support, float(np.clip((1 - rate)[rate < HOPELESS].sum(), 0.0, most)))


def linked_by_chance(free: tuple[float, float], per_pair: NDArray[np.float64], way: Way) -> NDArray[np.float64]:
    """Return how many links there are among `free` records by chance, if each pair of them is near with `per_pair`.

    Many to one: each of the first that has anybody near. Within a file: every pair. One to one: pairs come by falling
    score, and the k records linked so far have left: dk / du = (a - k)(b - k).
    """
    a, b = free
    if way == "within":
        return a * b * per_pair / 2
    if way == "many-to-one":
        near: NDArray[np.float64] = a * -np.expm1(-b * per_pair)
        return near
    if abs(a - b) < 1e-6 * max(a, b, 1.0):
        return a * a * per_pair / (1 + a * per_pair)
    left = np.exp(-abs(a - b) * per_pair)
    more, fewer = max(a, b), min(a, b)
    linked: NDArray[np.float64] = more * fewer * (1 - left) / (more - fewer * left)
    return linked


def _local_rate(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slope of `expected` over the links, rising, from 0 to 1."""
    links = len(expected)
    if not links:
        return np.zeros(0)
    ends = np.unique(np.linspace(0, links, min(links, STEPS) + 1).astype(np.int64))
    counts = np.diff(ends).astype(np.float64)
    slopes = np.diff(np.concatenate([[0.0], expected])[ends]) / counts
    return np.repeat(np.clip(_rising(slopes, counts), 0.0, 1.0), counts.astype(np.int64))


def _rising(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest values that never fall (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (last, last_weight, last_count), (before, before_weight, before_count) = blocks.pop(), blocks.pop()
            both = last_weight + before_weight
            mean = (last * last_weight + before * before_weight) / both
            blocks.append((mean, both, last_count + before_count))
    return np.repeat([value for value, _, _ in blocks], [count for _, _, count in blocks])
