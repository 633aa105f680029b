"""The matching clause to start from, for the default linkage schemas. For whoever drafts an agreement."""

from collections.abc import Sequence
from typing import Final

from linkage_core.agreement.clauses import Matching
from linkage_core.schema import LinkageSchema

CANDIDATE_PER_MILLE: Final = 600
"""Dice of unrelated diffused CLKs of 1,024 bits gathers at .50 with a standard deviation of .022: .60 lets 3 in a
million of them through. At .62 .002 of the true pairs are lost, at .58 candidates grow fourfold with nothing won."""

LINK_PER_MILLE: Final = 590
"""Highest F1 on three files of 5,000 invented people is at .58 to .59 (.996), of 20,000 at .59 (.995, precision .998).
Larger files want more: false pairs grow with the product of file sizes, true ones do not."""

FEBRL4_LINK_PER_MILLE: Final = 550
"""For `febrl4_schema`, whose CLKs share no variable, so that unrelated pairs agree in one at most: F1 .992 on FEBRL4
with at most one false link in 4,900, against .985 at .59."""

HIGH_QUALITY_PER_MILLE: Final = 700
"""Of the rows that similarity linked at .70 or more, .003 were in a wrong group; below, .02."""

MAXIMUM_CANDIDATES_PER_RECORD: Final = 100
"""Measured: 1 a record and CLK at 20,000 people, growing in proportion to size; 100 bytes a candidate."""

MINIMUM_CLASS_COUNT: Final = 20
"""Rows of one provider that must share a quality class, so that the class singles nobody out."""


def default_matching(
    schema: LinkageSchema, sources_with_duplicates: Sequence[str] = (), *, link_per_mille: int = LINK_PER_MILLE
) -> Matching:
    """Return the clause: every match key of the schema a pass, in its order, then the measured thresholds."""
    return Matching(
        passes=tuple(key.name for key in schema.match_keys),
        candidate_per_mille=CANDIDATE_PER_MILLE,
        link_per_mille=link_per_mille,
        sources_with_duplicates=tuple(sources_with_duplicates),
        maximum_candidates_per_record=MAXIMUM_CANDIDATES_PER_RECORD,
        high_quality_per_mille=HIGH_QUALITY_PER_MILLE,
        minimum_class_count=MINIMUM_CLASS_COUNT,
    )
