"""Candidates of a search as evidence, with the pairs that share a match key, and the self-comparisons beside them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.identifiers import identifier_keys
from linkage_core.linking.pool import RecordPool
from linkage_core.linking.probabilistic.earlier import EarlierModel
from linkage_core.linking.probabilistic.evidence import (
    Comparison,
    Evidence,
    comparisons_of,
    evidence_between,
    evidence_of,
    joined,
    unrelated_closeness,
)
from linkage_core.linking.probabilistic.guards import no_null, undeclared_duplicates, unfit_nulls
from linkage_core.linking.probabilistic.layout import meetings
from linkage_core.linking.probabilistic.model import Finding
from linkage_core.linking.probabilistic.run import Weighed, weigh
from linkage_core.linking.probabilistic.self_comparison import SelfComparison, compare_with_itself
from linkage_core.linking.probabilistic.shared_keys import pairs_sharing
from linkage_core.schema import LinkageSchema
from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.search import Search
from linkage_core.types import ClkName


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """A search's findings as evidence, and its counts; `candidates`: pairs near enough in each CLK."""

    comparisons: tuple[Comparison, ...]
    evidence: Evidence
    candidates: dict[ClkName, int]
    split_blocks: int
    skipped_pairs: int


def gather(
    findings: Iterable[Found],
    search: Search,
    pool: RecordPool,
    encodings: Encodings,
    earlier: EarlierModel | None = None,
) -> Gathered:
    """Return the evidence of all candidate pairs of a search, and of pairs that share a match key.

    Compared as in an `earlier` wave, where its weights are to be used.
    """
    comparisons = comparisons_of(pool, encodings, search.seed) if earlier is None else earlier.comparisons()
    parts: list[Evidence] = []
    counts = dict.fromkeys(search.clks, 0)
    split_blocks = skipped_pairs = 0
    for found in findings:
        pairs = found.candidates
        parts.append(
            evidence_of(pairs.row_a, pairs.row_b, pairs.dice, pool.match_keys, pool.frequency_classes, comparisons)
        )
        for clk, dice in pairs.dice.items():
            counts[clk] += int(np.count_nonzero(dice >= search.threshold))
        split_blocks += found.split_blocks
        skipped_pairs += found.skipped_pairs
    near = joined(parts, len(comparisons))
    one, other = pairs_sharing(pool.match_keys, pool.match_keys, slice(0, pool.size))
    new = search.wanted.of_pairs(one, other) & ~np.isin(_packed(one, other), _packed(near.row_a, near.row_b))
    sharing = evidence_between(one[new], other[new], encodings, pool, comparisons)
    return Gathered(comparisons, joined([near, sharing], len(comparisons)), counts, split_blocks, skipped_pairs)


def weigh_candidates(
    gathered: Gathered,
    search: Search,
    pool: RecordPool,
    encodings: Encodings,
    schema: LinkageSchema,
    duplicates_allowed: NDArray[np.bool_],
    tell: Callable[[int, int], None],
    earlier: EarlierModel | None = None,
) -> Weighed:
    """Weigh the gathered pairs; `tell(done, of how many)` counts the files that are compared with themselves.

    `earlier`: whose weights are used instead of learning some.

    A file that teaches nothing about chance is left out, and `Weighed.findings` says why. Raises `Unfit` where no file
    is left and one of them holds more than persons.
    """
    comparisons = gathered.comparisons
    files = np.flatnonzero(~duplicates_allowed).tolist()
    nulls: list[SelfComparison] = []
    for done, file in enumerate(files):
        tell(done, len(files) + 1)
        nulls.append(compare_with_itself(pool, file, encodings, comparisons, search.threshold, search.seed))
    tell(len(files), len(files) + 1)
    unfit = unfit_nulls(nulls, comparisons, pool.providers)
    fit = [null for null in nulls if null.file not in unfit]
    findings = list(unfit.values())
    if not fit:
        _refuse_events(findings)
        findings.append(no_null(pool.providers))
    identifiers = set(identifier_keys(schema))
    weighed = weigh(
        gathered.evidence,
        comparisons,
        tuple(meetings(search.wanted, gathered.evidence, duplicates_allowed)),
        fit,
        unrelated_closeness(pool, encodings, comparisons, search.seed),
        [place for place, one in enumerate(comparisons) if one.kind == "match-key" and one.name in identifiers],
        earlier,
    )
    if earlier is not None:
        findings.append(earlier.finding(pool.providers, len(search.asking)))
    tell(len(files) + 1, len(files) + 1)
    repeated = undeclared_duplicates(nulls, comparisons, unfit)
    return replace(weighed, findings=tuple(findings), repeated=repeated)


def _refuse_events(findings: Sequence[Finding]) -> None:
    """Raise `Unfit` if a file of events should be linked one-to-one and no other file tells what chance looks like."""
    if any(finding.name == "not-one-to-one" for finding in findings):
        reasons = "; ".join(f"{', '.join(one.providers)}: {one.explanation}; {one.change}" for one in findings)
        raise Unfit(f"no file is left that teaches what different people look like. {reasons}")


def _packed(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.uint64]:
    return a.astype(np.uint64) << np.uint64(32) | b
