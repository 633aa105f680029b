"""Linking, from encoded files to linkage groups. The whole story of this package, in order:

1. Check the files against the agreement's linkage schema.
2. Pool all records in an order drawn from the seed and their content, so that no order of arrival decides anything.
3. Deterministic passes: equal match keys make groups; ambiguous and contradictory keys are left out and counted.
4. Candidates: for each CLK, all pairs whose Dice reaches the candidate threshold; within a file only where the
   agreement says that it holds duplicates.
5. Scores: each candidate pair's weighted mean Dice over all CLKs that both records have.
6. Solve: pairs that reach the link threshold, by falling score, through anonlink's greedy multi-party solver.
7. Groups: every row has one; a class of at most four values says how well it is linked.

The linkage unit runs this, in a process of its own (anonlink holds the GIL). It sees encodings and keyed keys only;
its result stays there but for the group's pseudonym and the class, which tokens carry sealed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.clauses import Matching
from linkage_core.comparing.candidates import Candidates, Span, find_candidates
from linkage_core.comparing.similarity import SimilarityFunction, dice_of_anonlink
from linkage_core.linking.deterministic import PassCounts, link_by_keys
from linkage_core.linking.files import EncodedFile, check_against_schema
from linkage_core.linking.groups import LinkageGroups, assemble
from linkage_core.linking.pool import RecordPool, pool_records
from linkage_core.linking.scoring import union_of, weighted_mean
from linkage_core.linking.solving import solve
from linkage_core.schema import LinkageSchema
from linkage_core.types import ClkName

PER_MILLE: Final = 1000

Progress = Callable[[str, int, int], None]
"""`progress(step, done, of how many)`: called on the linking process's own thread."""


@dataclass(frozen=True, slots=True, eq=False)
class LinkageResult:
    """Groups, and what an operator and the run's manifest need: counts of each step, and every parameter.

    `candidates`: pairs that each CLK proposed; `scored_pairs`: their union; `linkable_pairs`: those that reached the
    link threshold; `solver_rounds`: how often the solver ran before nothing joined any more.
    """

    groups: LinkageGroups
    passes: tuple[PassCounts, ...]
    candidates: Mapping[ClkName, int]
    scored_pairs: int
    linkable_pairs: int
    solver_rounds: int
    parameters: Mapping[str, str | int]


def link(
    files: Sequence[EncodedFile],
    schema: LinkageSchema,
    matching: Matching,
    seed: int,
    progress: Progress | None = None,
) -> LinkageResult:
    """Link the files of one wave; same files, schema, matching clause and `seed` (0 to 2^64 - 1) give the same groups.

    Raises `InputFault` if a file does not fit the schema, and `Unfit` if anonlink is not whole or the candidates are
    more than the agreement's cap.
    """
    tell = progress or (lambda step, done, total: None)
    similarity = dice_of_anonlink()

    # 1. Files fit the schema.
    check_against_schema(tuple(files), schema)

    # 2. One numbering of all records, independent of their order of arrival.
    pool = pool_records(files, schema, seed)
    duplicates_allowed = pool.duplicates_allowed(matching.sources_with_duplicates)

    # 3. Equal match keys.
    tell("passes", 0, 1)
    by_key = link_by_keys(pool, schema, matching.passes, duplicates_allowed)
    tell("passes", 1, 1)

    # 4. Candidates of each CLK.
    found = _candidates(pool, schema, matching, duplicates_allowed, similarity, tell)

    # 5. One score a pair.
    a, b = union_of(list(found.values()))
    tell("scores", 0, 1)
    scored = weighted_mean(a, b, pool.clks, schema.clks)
    tell("scores", 1, 1)

    # 6. Links.
    tell("solve", 0, 1)
    linkable = scored.take(scored.score >= matching.link_per_mille / PER_MILLE)
    solved = solve(linkable, by_key.group, pool, duplicates_allowed)
    tell("solve", 1, 1)

    # 7. Groups and classes.
    groups = assemble(
        pool,
        by_key,
        solved,
        high_quality=matching.high_quality_per_mille / PER_MILLE,
        minimum_class_count=matching.minimum_class_count,
    )
    return LinkageResult(
        groups=groups,
        passes=by_key.counts,
        candidates=MappingProxyType({name: len(pairs) for name, pairs in found.items()}),
        scored_pairs=len(scored),
        linkable_pairs=len(linkable),
        solver_rounds=solved.rounds,
        parameters=_parameters(matching, seed),
    )


def _candidates(
    pool: RecordPool,
    schema: LinkageSchema,
    matching: Matching,
    duplicates_allowed: NDArray[np.bool_],
    similarity: SimilarityFunction,
    tell: Progress,
) -> dict[ClkName, Candidates]:
    spans = [
        Span(start, stop, within=bool(within))
        for start, stop, within in zip(pool.first[:-1], pool.first[1:], duplicates_allowed, strict=True)
    ]
    found = {}
    for name in (ClkName(clk.name) for clk in schema.clks):
        found[name] = find_candidates(
            pool.clks[name].bits,
            pool.clks[name].present,
            spans,
            matching.candidate_per_mille / PER_MILLE,
            similarity=similarity,
            maximum=matching.maximum_candidates_per_record * pool.size,
            progress=partial(tell, f"candidates {name}"),
        )
    return found


def _parameters(matching: Matching, seed: int) -> Mapping[str, str | int]:
    return MappingProxyType(
        {
            "seed": seed,
            "anonlink": version("anonlink"),
            "numpy": version("numpy"),
            "passes": ",".join(matching.passes),
            "combination": matching.combination,
            "solver": matching.solver,
            "candidate_per_mille": matching.candidate_per_mille,
            "link_per_mille": matching.link_per_mille,
            "sources_with_duplicates": ",".join(sorted(matching.sources_with_duplicates)),
            "maximum_candidates_per_record": matching.maximum_candidates_per_record,
            "high_quality_per_mille": matching.high_quality_per_mille,
            "minimum_class_count": matching.minimum_class_count,
        }
    )
