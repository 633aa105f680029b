"""The matching clause to start from, for the default linkage schemas. For whoever drafts an agreement."""

from collections.abc import Sequence
from typing import Final

from linkage_core.agreement.clauses import Matching
from linkage_core.comparing.chance import dice_above_chance
from linkage_core.schema import LinkageSchema, VariableForm

LINK_SPREADS: Final = 4.8
"""Standard deviations above chance at which the mean Dice decides on links, in files too small to learn from: .59 at
1,024 bits, measured as the highest F1 of a mean. In larger ones it says which pairs a search by chance must find."""

EXACT_FORMS: Final = frozenset[VariableForm]({"value", "sorted-tokens", "first-token", "date-digits"})
"""Forms that leave a value as recorded. What agrees in forms that forgive errors is evidence, and no certainty."""

HIGH_QUALITY_PER_MILLE: Final = 950
"""Probability from which a row linked by similarity is of the better class."""

MAXIMUM_CANDIDATES_PER_RECORD: Final = 100
"""Measured: 1 a record and CLK at 20,000 people, growing in proportion to size; 100 bytes a candidate."""

MINIMUM_CLASS_COUNT: Final = 20
"""Rows of one provider that must share a quality class, so that the class singles nobody out."""


def default_matching(schema: LinkageSchema, sources_with_duplicates: Sequence[str] = ()) -> Matching:
    """Return the clause: match keys of exact values are passes, in the schema's order; probabilities decide the rest.

    Which pairs are candidates is left to the size of the files (`linking.what_to_search`). The mean from which few
    records are linked follows from the shortest CLK: what is chance narrows as codes lengthen.
    """
    forms = {variable.name: variable.form for variable in schema.variables}
    return Matching(
        passes=tuple(
            key.name for key in schema.match_keys if all(forms[variable] in EXACT_FORMS for variable in key.variables)
        ),
        combination="fellegi-sunter",
        link_per_mille=round(1000 * dice_above_chance(LINK_SPREADS, min(clk.length_bits for clk in schema.clks))),
        sources_with_duplicates=tuple(sources_with_duplicates),
        maximum_candidates_per_record=MAXIMUM_CANDIDATES_PER_RECORD,
        high_quality_per_mille=HIGH_QUALITY_PER_MILLE,
        minimum_class_count=MINIMUM_CLASS_COUNT,
    )
