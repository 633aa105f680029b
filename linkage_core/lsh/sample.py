"""A random sample of records, compared with all others exactly: what a plan is made from, and what a search missed.

Two independent samples serve one run: the first plans, the second measures after the search. A record's partners are
found by comparing it with every record, so the measured recall is that of an exact search, within the sample's error.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.comparing.dice import find_pairs
from linkage_core.comparing.pairwise import dice_of_pairs
from linkage_core.lsh.plan import Agreement
from linkage_core.lsh.rows import CodedRows, WantedPairs

BLOCK_ROWS: Final = 65_536
"""Rows that a sample is compared with at a time: 16 MiB a CLK of 1,024 bits, with the copy that comparing makes."""

NEAR_PAIRS: Final = 20_000_000
"""Pairs that a sample may hold of one block and CLK, 480 MB: where there are more, codes are shared by many people, and
a search would find too many as well."""

UNRELATED_PAIRS: Final = 20_000
"""Pairs of any two records, from which the plan learns how full buckets get."""

LABEL: Final = b"symbolon lsh sample v1"

Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From Dice of pairs, float64 (pairs, CLKs), not a number where a record lacks the CLK, to one score a pair."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledPairs:
    """All pairs of sampled records that reach the link threshold and that some CLK proposes.

    `record`: the sampled record, `partner`: any other, uint32, (pairs,). `best`: bool, (pairs,), whether the partner is
    the best that the record has in the partner's file (the lower number where two are as good), and the record none
    worse than any other for the partner. `apart`: int64, (pairs, CLKs), as `Agreement.apart`. `records`: how many were
    sampled.
    """

    record: NDArray[np.uint32]
    partner: NDArray[np.uint32]
    best: NDArray[np.bool_]
    apart: NDArray[np.int64]
    records: int

    def among(self, row_a: NDArray[np.uint32], row_b: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return which of these pairs are among some found ones, `row_a` < `row_b`: bool, (pairs,)."""
        own = np.minimum(self.record, self.partner).astype(np.uint64) << np.uint64(32)
        own |= np.maximum(self.record, self.partner).astype(np.uint64)
        ours = np.isin(row_a, np.minimum(self.record, self.partner))
        return np.isin(own, row_a[ours].astype(np.uint64) << np.uint64(32) | row_b[ours])


@dataclass(frozen=True, slots=True)
class MeasuredRecall:
    """What a search found of the sampled records' pairs: those of two that are each other's best, and all linkable."""

    records: int
    best_pairs: int
    best_found: int
    linkable_pairs: int
    linkable_found: int

    @classmethod
    def of(cls, sample: SampledPairs, found: NDArray[np.bool_]) -> "MeasuredRecall":
        """Return the counts; `found` bool, (pairs,), over all that the search found."""
        return cls(
            records=sample.records,
            best_pairs=int(sample.best.sum()),
            best_found=int((sample.best & found).sum()),
            linkable_pairs=len(found),
            linkable_found=int(found.sum()),
        )

    @property
    def recall(self) -> float:
        """The share of best pairs that was found: what a search promises; 1 where the sample holds none."""
        return self.best_found / self.best_pairs if self.best_pairs else 1.0

    @property
    def recall_of_linkable(self) -> float:
        """The share of all linkable pairs that was found; 1 where the sample holds none."""
        return self.linkable_found / self.linkable_pairs if self.linkable_pairs else 1.0


def draw_records(seed: int, purpose: str, count: int, size: int) -> NDArray[np.uint32]:
    """Return up to `count` different record numbers below `size`, rising, drawn by `seed` for a purpose.

    From SHAKE-256, so that a recorded seed gives the same records on every machine; other purposes draw independently.
    """
    if count >= size:
        return np.arange(size, dtype=np.uint32)
    return np.unique(_numbers(seed, purpose, 2 * count + 64, size, distinct=count)).astype(np.uint32)


def sample_pairs(
    coded: Sequence[CodedRows],
    wanted: WantedPairs,
    records: NDArray[np.uint32],
    threshold: float,
    link_threshold: float,
    score: Score,
    threads: int = 1,
) -> SampledPairs:
    """Compare `records` with all records exactly, and return the wanted pairs that may be linked.

    A pair may be linked if its Dice in some CLK is >= `threshold` and its score >= `link_threshold`.
    """
    near = _linkable(coded, wanted, records, threshold, link_threshold, score, threads)
    one_way = _best(near, wanted)
    doubtful = one_way & (near.scores < 1.0)
    back = _linkable(coded, wanted, np.unique(near.partner[doubtful]), threshold, link_threshold, score, threads)
    apart = np.stack([_apart(rows, near.record, near.partner) for rows in coded], axis=1)
    return SampledPairs(
        record=near.record,
        partner=near.partner,
        best=one_way & ~(doubtful & _outdone(near, back, wanted)),
        apart=np.where(near.dice >= threshold, apart, -1),
        records=len(records),
    )


def agreement_of(sample: SampledPairs, coded: Sequence[CodedRows], seed: int) -> Agreement:
    """Return what a plan is made from: a sample's pairs, and pairs of any two records, drawn by `seed`."""
    size = len(coded[0].words)
    any_two = _numbers(seed, "unrelated", 2 * UNRELATED_PAIRS, size).astype(np.uint32).reshape(2, -1)
    return Agreement(
        apart=sample.apart,
        best=sample.best,
        unrelated=np.stack([_apart_where_both(rows, any_two[0], any_two[1]) for rows in coded], axis=1),
        length_bits=tuple(rows.length_bits for rows in coded),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Linkable:
    """Pairs of some records that may be linked, with their Dice (pairs, CLKs) and scores."""

    record: NDArray[np.uint32]
    partner: NDArray[np.uint32]
    dice: NDArray[np.float64]
    scores: NDArray[np.float64]


def _linkable(
    coded: Sequence[CodedRows],
    wanted: WantedPairs,
    records: NDArray[np.uint32],
    threshold: float,
    link_threshold: float,
    score: Score,
    threads: int,
) -> _Linkable:
    """Return all wanted pairs of some records with any record that may be linked."""
    starts = range(0, len(coded[0].words), BLOCK_ROWS)
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda start: _near(coded, wanted, records, start, threshold), starts))
    packed = np.concatenate(parts)
    record, partner = (packed >> np.uint64(32)).astype(np.uint32), packed.astype(np.uint32)
    dice = np.stack([_dice(rows, record, partner) for rows in coded], axis=1)
    scores = score(dice)
    linked = scores >= link_threshold
    return _Linkable(record[linked], partner[linked], dice[linked], scores[linked])


def _near(
    coded: Sequence[CodedRows], wanted: WantedPairs, records: NDArray[np.uint32], start: int, threshold: float
) -> NDArray[np.uint64]:
    """Return the wanted pairs, record << 32 | partner, of sampled records with a block of rows that a CLK proposes."""
    parts = []
    for rows in coded:
        block = rows.words[start : start + BLOCK_ROWS]
        places, sampled = find_pairs(block, rows.words[records], threshold, maximum=NEAR_PAIRS)
        record, partner = records[sampled], places + np.uint32(start)
        kept = wanted.of_pairs(record, partner)
        parts.append(record[kept].astype(np.uint64) << np.uint64(32) | partner[kept])
    return np.unique(np.concatenate(parts))


def _best(near: _Linkable, wanted: WantedPairs) -> NDArray[np.bool_]:
    """Return which pairs have the best score of their record in the partner's file."""
    file = wanted.file_of(near.partner)
    order = np.lexsort((near.partner, -near.scores, file, near.record))
    record, file = near.record[order], file[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (record[1:] != record[:-1]) | (file[1:] != file[:-1])
    best = np.zeros(len(order), np.bool_)
    best[order[first]] = True
    return best


def _outdone(near: _Linkable, back: _Linkable, wanted: WantedPairs) -> NDArray[np.bool_]:
    """Return for which pairs the partner has a better one in the record's file; `back`: all pairs of the partners."""
    files = wanted.files
    places = back.record.astype(np.int64) * files + wanted.file_of(back.partner)
    known, place = np.unique(places, return_inverse=True)
    best = np.zeros(len(known))
    np.maximum.at(best, place, back.scores)
    asked = near.partner.astype(np.int64) * files + wanted.file_of(near.record)
    found = np.isin(asked, known)
    outdone = np.zeros(len(asked), np.bool_)
    outdone[found] = best[np.searchsorted(known, asked[found])] > near.scores[found]
    return outdone


def _dice(coded: CodedRows, a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the Dice of pairs, not a number where a record lacks the CLK."""
    dice = dice_of_pairs(coded.words, a, b)
    dice[(coded.ones[a] == 0) | (coded.ones[b] == 0)] = np.nan
    return dice


def _apart(coded: CodedRows, a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return in how many bits pairs differ."""
    apart: NDArray[np.int64] = np.bitwise_count(coded.words[a] ^ coded.words[b]).sum(axis=1, dtype=np.int64)
    return apart


def _apart_where_both(coded: CodedRows, a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return in how many bits pairs differ; -1 where a record lacks the CLK, and for a record with itself."""
    comparable = (coded.ones[a] > 0) & (coded.ones[b] > 0) & (a != b)
    return np.where(comparable, _apart(coded, a, b), -1)


def _numbers(seed: int, purpose: str, count: int, size: int, distinct: int | None = None) -> NDArray[np.int64]:
    """Return numbers below `size` from SHAKE-256, in the order drawn: `count` of them, or so many different ones."""
    name = LABEL + seed.to_bytes(8, "big") + purpose.encode()
    stream = np.frombuffer(hashlib.shake_256(name).digest(8 * count), ">u8").astype(np.uint64)
    numbers = (stream % np.uint64(size)).astype(np.int64)  # its bias is below size / 2^64
    if distinct is None:
        return numbers
    _, first = np.unique(numbers, return_index=True)
    if len(first) < distinct:
        return _numbers(seed, purpose, 2 * count, size, distinct)
    return numbers[np.sort(first)[:distinct]]
