"""Linking, from encoded files to linkage groups. The whole story of this package, in order:

1. Check the files against the agreement's linkage schema, and that they have something in common.
2. Pool all records in an order drawn from the seed and their content, so that no order of arrival decides anything.
3. Deterministic passes: equal match keys make groups; ambiguous and contradictory keys are left out, kept and counted.
4. Plan the search: all pairs, or in large files those that tables propose; across files, and within a file only where
   the agreement says that it holds duplicates; with a spine, only of a spine record and another.
5. Candidates: pairs with a CLK whose Dice reaches the candidate threshold, found by tasks on an engine.
6. Scores, as the agreement says: match weights and the probability of every pair, learnt from the files themselves
   (`linking.probabilistic.run`), or, also for a few records, the weighted mean Dice over all CLKs that both records
   have. Pairs below the agreed probability or mean go no further. A search that may miss pairs is measured on a sample.
7. Solve: the others, by falling score, through anonlink's greedy multi-party solver; with a spine, source by source.
   In a wave that adds to the registry, its groups enter whole, and a corrected row that links to nothing may stay where
   it was.
8. Groups: every row has one; a class of at most four values says how well it is linked. What identifiers say against
   each other there is counted.
9. Where weights were learnt: the model, and how good the links are, without truth (`linking.probabilistic.summary`).

The linkage unit runs this, in a process of its own (anonlink holds the GIL). It sees encodings and keyed keys only;
its result stays there but for the group's pseudonym and the class, which tokens carry sealed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.comparing.similarity import assert_native
from linkage_core.linking.comparable import check_comparable
from linkage_core.linking.corrections import keep_corrected
from linkage_core.linking.deterministic import PassCounts, link_by_keys
from linkage_core.linking.files import EncodedFile, check_against_schema
from linkage_core.linking.groups import LinkageGroups, assemble
from linkage_core.linking.identifiers import IdentifierConflicts, count_conflicts
from linkage_core.linking.pool import RecordPool, pool_records
from linkage_core.linking.probabilistic.candidates import gather, weigh_candidates
from linkage_core.linking.probabilistic.model import LinkageModel
from linkage_core.linking.probabilistic.run import Weighed
from linkage_core.linking.probabilistic.summary import summarise
from linkage_core.linking.scoring import ScoredPairs, joined, weighted_mean
from linkage_core.linking.solving import solve
from linkage_core.linking.what_to_search import PER_MILLE, encodings_of, every_pair, recall_of
from linkage_core.schema import LinkageSchema
from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings
from linkage_core.searching.engine import Engine, LocalEngine
from linkage_core.searching.plan import describe, measure, plan_search
from linkage_core.searching.run import find_candidates
from linkage_core.searching.search import Search, forget_coded_rows
from linkage_core.searching.workspace import InMemory, Workspace
from linkage_core.types import ClkName

LEAST_RECORDS: Final = 200
"""Records of all files, settled ones aside, from which on weights are learnt from them; fewer are linked by the mean
Dice: a wave that brings few new or corrected rows has few pairs to learn from, or none."""

Progress = Callable[[str, int, int], None]
"""`progress(step, done, of how many)`: called on the linking process's own thread."""


@dataclass(frozen=True, slots=True, eq=False)
class LinkageResult:
    """Groups, and what an operator and the run's manifest need: counts of each step, and every parameter.

    `candidates`: pairs whose Dice in each CLK reached the threshold; `scored_pairs`: their union; `linkable_pairs`:
    those that reached the link threshold; `split_blocks` and `skipped_pairs`: as `searching.candidates.Found`, summed;
    `solver_rounds`: how often the solver ran before nothing joined any more. `weighed`: all pairs, their weights and
    what these were learnt from, and `model`, the same without pairs and how good the links are; None with the weighted
    mean.
    """

    groups: LinkageGroups
    passes: tuple[PassCounts, ...]
    identifiers: tuple[IdentifierConflicts, ...]
    candidates: Mapping[ClkName, int]
    scored_pairs: int
    linkable_pairs: int
    split_blocks: int
    skipped_pairs: int
    solver_rounds: int
    weighed: Weighed | None
    model: LinkageModel | None
    parameters: Mapping[str, str | int]


def link(
    files: Sequence[EncodedFile],
    schema: LinkageSchema,
    matching: Matching,
    seed: int,
    progress: Progress | None = None,
    *,
    engine: Engine | None = None,
    workspace: Workspace | None = None,
) -> LinkageResult:
    """Link the files of one wave; same files, schema, matching clause and `seed` (0 to 2^64 - 1) give the same groups.

    `engine` (default: threads of this process) runs the search's tasks and decides nothing; `workspace` (default: this
    process's memory) keeps what they found, so that a run that was stopped goes on. Raises `InputFault` if a file does
    not fit the schema or has nothing in common with the others, and `Unfit` if anonlink is not whole or the candidates
    are more than the agreement's cap.
    """
    tell = progress or (lambda step, done, total: None)
    assert_native()

    # 1. Files fit the schema, and each other.
    check_against_schema(tuple(files), schema)
    check_comparable(files, schema, matching)

    # 2. One numbering of all records, independent of their order of arrival.
    pool = pool_records(files, schema, seed, matching.spine)
    duplicates_allowed = pool.duplicates_allowed(matching.sources_with_duplicates)

    # 3. Equal match keys.
    tell("passes", 0, 1)
    by_key = link_by_keys(pool, schema, matching.passes, duplicates_allowed)
    tell("passes", 1, 1)

    # 4. Which pairs are compared.
    tell("plan", 0, 1)
    encodings, recall = encodings_of(pool), recall_of(schema, matching)
    search = plan_search(every_pair(pool, schema, matching, duplicates_allowed, seed), encodings, recall)
    tell("plan", 1, 1)

    # 5. and 6. Candidates, scored task by task.
    name = search.digest(pool.digest)
    where = workspace or InMemory()
    findings = find_candidates(
        search,
        where.publish(name, encodings),
        engine=engine or LocalEngine(),
        finished=where.finished(name),
        progress=partial(tell, "candidates"),
    )
    scored = (
        _by_weights(findings, search, pool, encodings, schema, matching, duplicates_allowed, partial(tell, "weigh"))
        if matching.combination == "fellegi-sunter" and len(search.asking) >= LEAST_RECORDS
        else _by_mean(findings, search, schema, recall.link_threshold)
    )
    tell("measure", 0, 1)
    measured = measure(search, encodings, recall, *scored.found)
    forget_coded_rows()
    tell("measure", 1, 1)

    # 7. Links.
    tell("solve", 0, 1)
    solved = solve(scored.linkable, by_key.group, pool, duplicates_allowed)
    weight = _of_ties(scored.weight, solved.tie)
    if scored.probability is not None:
        solved = replace(solved, score=np.nan_to_num(_of_ties(scored.probability, solved.tie)))
    solved = keep_corrected(solved, pool, encodings, schema, matching, duplicates_allowed)
    tell("solve", 1, 1)

    # 8. Groups and classes.
    groups = assemble(
        pool,
        by_key,
        solved,
        weight,
        high_quality=matching.high_quality_per_mille / PER_MILLE,
        minimum_class_count=matching.minimum_class_count,
    )

    # 9. What an operator may know of it.
    model = None
    if scored.weighed is not None:
        tell("judge", 0, 1)
        least = matching.least_probability_per_mille / PER_MILLE
        model = summarise(scored.weighed, pool, solved.group, groups, least, seed)
        tell("judge", 1, 1)
    return LinkageResult(
        groups=groups,
        passes=by_key.counts,
        identifiers=count_conflicts(pool, schema, solved.group, duplicates_allowed),
        candidates=MappingProxyType(scored.candidates),
        scored_pairs=scored.pairs,
        linkable_pairs=len(scored.linkable),
        split_blocks=scored.split_blocks,
        skipped_pairs=scored.skipped_pairs,
        solver_rounds=solved.rounds,
        weighed=scored.weighed,
        model=model,
        parameters=MappingProxyType(_parameters(matching, seed) | describe(search, measured)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """The pairs that may be linked, and counts of all that were scored.

    `weight`, `probability`: float64, of each linkable pair, where there are such; `found`: the pairs by which the
    search's recall is measured.
    """

    linkable: ScoredPairs
    found: tuple[NDArray[np.uint32], NDArray[np.uint32]]
    candidates: dict[ClkName, int]
    pairs: int
    split_blocks: int
    skipped_pairs: int
    weight: NDArray[np.float64] | None = None
    probability: NDArray[np.float64] | None = None
    weighed: Weighed | None = None


def _by_mean(findings: Iterable[Found], search: Search, schema: LinkageSchema, link_threshold: float) -> _Scored:
    kept: list[ScoredPairs] = []
    counts = dict.fromkeys(search.clks, 0)
    pairs = split_blocks = skipped_pairs = 0
    for found in findings:
        scored = weighted_mean(found.candidates, schema.clks)
        kept.append(scored.take(scored.score >= link_threshold))
        for clk, dice in found.candidates.dice.items():
            counts[clk] += int(np.count_nonzero(dice >= search.threshold))
        pairs += len(scored)
        split_blocks += found.split_blocks
        skipped_pairs += found.skipped_pairs
    linkable = joined(kept)
    return _Scored(linkable, (linkable.a, linkable.b), counts, pairs, split_blocks, skipped_pairs)


def _by_weights(
    findings: Iterable[Found],
    search: Search,
    pool: RecordPool,
    encodings: Encodings,
    schema: LinkageSchema,
    matching: Matching,
    duplicates_allowed: NDArray[np.bool_],
    tell: Callable[[int, int], None],
) -> _Scored:
    gathered = gather(findings, search, pool, encodings)
    weighed = weigh_candidates(gathered, search, pool, encodings, schema, duplicates_allowed, tell)
    evidence = weighed.evidence
    sure = weighed.probability >= matching.least_probability_per_mille / PER_MILLE
    return _Scored(
        ScoredPairs(evidence.row_a[sure], evidence.row_b[sure], weighed.weight[sure]),
        (evidence.row_a, evidence.row_b),
        gathered.candidates,
        len(evidence),
        gathered.split_blocks,
        gathered.skipped_pairs,
        weight=weighed.weight[sure],
        probability=weighed.probability[sure],
        weighed=weighed,
    )


def _of_ties(values: NDArray[np.float64] | None, tie: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return each record's value of the pair that ties it, not a number without one: float64, (records,)."""
    if values is None:
        return np.full(len(tie), np.nan)
    return np.append(values, np.nan)[tie]


def _parameters(matching: Matching, seed: int) -> dict[str, str | int]:
    return {
        "seed": seed,
        "anonlink": version("anonlink"),
        "numpy": version("numpy"),
        "passes": ",".join(matching.passes),
        "combination": matching.combination,
        "solver": matching.solver,
        "candidate_per_mille": matching.candidate_per_mille,
        "link_per_mille": matching.link_per_mille,
        "least_probability_per_mille": matching.least_probability_per_mille,
        "sources_with_duplicates": ",".join(sorted(matching.sources_with_duplicates)),
        "spine": matching.spine or "",
        "least_search_recall_per_mille": matching.least_search_recall_per_mille,
        "maximum_candidates_per_record": matching.maximum_candidates_per_record,
        "high_quality_per_mille": matching.high_quality_per_mille,
        "minimum_class_count": matching.minimum_class_count,
    }
