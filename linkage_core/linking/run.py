"""Linking, from encoded files to linkage groups. The whole story of this package, in order:

1. Check the files against the agreement's linkage schema, and that they have something in common.
2. Pool all records in an order drawn from the seed and their content, so that no order of arrival decides anything.
3. Deterministic passes: equal match keys make groups; ambiguous and contradictory keys are left out, kept and counted.
4. Plan the search: all pairs, or in large files those that tables propose; across files, and within a file only where
   the agreement says that it holds duplicates; with a spine, only of a spine record and another.
5. Candidates: pairs with a CLK whose Dice reaches the candidate threshold, found by tasks on an engine.
6. Scores, as the agreement says: match weights and the probability of every pair, learnt from the files themselves
   (`linking.probabilistic.run`) or, for a few records, by an earlier wave; or the weighted mean Dice over all CLKs that
   both records have. Pairs below the agreed probability or mean go no further. A search that may miss pairs is measured
   on a sample.
7. Solve: the others, by falling score, through anonlink's greedy multi-party solver; with a spine, source by source.
   In a wave that adds to the registry, its groups enter whole, and a corrected row that links to nothing may stay where
   it was.
8. Groups: every row has one; a class of at most four values says how well it is linked. What identifiers say against
   each other there is counted.
9. Where weights were learnt: the model, and how good the links are, without truth (`linking.probabilistic.summary`).

The linkage unit runs this, in a process of its own (anonlink holds the GIL). It sees encodings and keyed keys only;
its result stays there but for the group's pseudonym and the class, which tokens carry sealed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from types import MappingProxyType

from linkage_core.agreement.clauses import Matching
from linkage_core.comparing.similarity import assert_native
from linkage_core.linking.comparable import check_comparable
from linkage_core.linking.corrections import keep_corrected
from linkage_core.linking.deterministic import PassCounts, link_by_keys
from linkage_core.linking.files import EncodedFile, check_against_schema
from linkage_core.linking.groups import LinkageGroups, assemble
from linkage_core.linking.identifiers import IdentifierConflicts, count_conflicts
from linkage_core.linking.linkable import linkable_pairs
from linkage_core.linking.pool import pool_records
from linkage_core.linking.probabilistic.earlier import EarlierModel
from linkage_core.linking.probabilistic.model import LinkageModel
from linkage_core.linking.probabilistic.run import Weighed
from linkage_core.linking.probabilistic.summary import summarise
from linkage_core.linking.solving import solve
from linkage_core.linking.what_to_search import PER_MILLE, encodings_of, every_pair, recall_of
from linkage_core.schema import LinkageSchema
from linkage_core.searching.engine import Engine, LocalEngine
from linkage_core.searching.plan import describe, measure, plan_search
from linkage_core.searching.run import find_candidates
from linkage_core.searching.search import forget_coded_rows
from linkage_core.searching.workspace import InMemory, Workspace
from linkage_core.types import ClkName

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
    earlier: EarlierModel | None = None,
) -> LinkageResult:
    """Link the files of one wave; same files, schema, matching clause and `seed` (0 to 2^64 - 1) give the same groups.

    `engine` (default: threads of this process) runs the search's tasks and decides nothing; `workspace` (default: this
    process's memory) keeps what they found, so that a run that was stopped goes on. `earlier`: what a wave under the
    same schema learnt, for a wave that brings too few records to learn from. Raises `InputFault` if a file does
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
    encodings = encodings_of(pool)
    wanted = every_pair(pool, schema, matching, duplicates_allowed, seed)
    recall = recall_of(schema, matching, wanted.threshold)
    search = plan_search(wanted, encodings, recall)
    tell("plan", 1, 1)

    # 5. Candidates, task by task, each forgotten as soon as it is scored.
    name = search.digest(pool.digest)
    where = workspace or InMemory()
    findings = find_candidates(
        search,
        where.publish(name, encodings),
        engine=engine or LocalEngine(),
        finished=where.finished(name),
        progress=partial(tell, "candidates"),
    )

    # 6. Scores, and the pairs that may be linked.
    linkable = linkable_pairs(
        findings, search, pool, encodings, schema, matching, duplicates_allowed, partial(tell, "weigh"), earlier
    )
    tell("measure", 0, 1)
    measured = measure(search, encodings, recall, *linkable.found)
    forget_coded_rows()
    tell("measure", 1, 1)

    # 7. Links.
    tell("solve", 0, 1)
    solved = solve(linkable.pairs, by_key.group, pool, duplicates_allowed)
    solved = linkable.scored_by_probability(solved)
    solved = keep_corrected(solved, pool, encodings, schema, search.threshold, duplicates_allowed)
    tell("solve", 1, 1)

    # 8. Groups and classes.
    groups = assemble(
        pool,
        by_key,
        solved,
        linkable.weight_of_ties(solved),
        high_quality=matching.high_quality_per_mille / PER_MILLE,
        minimum_class_count=matching.minimum_class_count,
    )

    # 9. What an operator may know of it.
    model = None
    if linkable.weighed is not None:
        tell("judge", 0, 1)
        least = matching.least_probability_per_mille / PER_MILLE
        model = summarise(linkable.weighed, pool, solved.group, groups, least, seed)
        tell("judge", 1, 1)
    return LinkageResult(
        groups=groups,
        passes=by_key.counts,
        identifiers=count_conflicts(pool, schema, solved.group, duplicates_allowed),
        candidates=MappingProxyType(linkable.candidates),
        scored_pairs=linkable.scored,
        linkable_pairs=len(linkable.pairs),
        split_blocks=linkable.split_blocks,
        skipped_pairs=linkable.skipped_pairs,
        solver_rounds=solved.rounds,
        weighed=linkable.weighed,
        model=model,
        parameters=MappingProxyType(_parameters(matching, seed, search.threshold, model) | describe(search, measured)),
    )


def _parameters(matching: Matching, seed: int, threshold: float, model: LinkageModel | None) -> dict[str, str | int]:
    """Return the clause as it was applied, the seed, the wave that lent its weights, and versions of libraries."""
    clause = {
        name: ",".join(value) if isinstance(value, tuple) else "" if value is None else value
        for name, value in matching.model_dump().items()
    }
    return clause | {
        "seed": seed,
        "anonlink": version("anonlink"),
        "numpy": version("numpy"),
        "candidate_threshold": f"{threshold:g}",
        "weights_of": "" if model is None else model.weights_of,
    }
