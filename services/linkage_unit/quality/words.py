"""Names of files, levels and classes in words, and the sentences that stand on every page for the operator."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from linkage_core.linking.probabilistic.false_matches import Way
from linkage_core.linking.probabilistic.model import ComparisonModel, Interval, MeetingQuality
from services.common.report.cells import Range, shown
from services.common.report.document import Note

CLOSING: Final = (
    "Made for the operator of the linkage unit alone. Nothing of it goes to a provider: how many links there are "
    "says how files overlap. A figure that is published from it is charged to the privacy budget, or declared in the "
    "agreement, before it leaves."
)

FOR_THE_OPERATOR: Final = Note(
    "note",
    "This page is for the linkage unit's operator only; nothing of it goes to a provider, in any form.",
    "How many links there are, and how sure they are, says how files overlap. Whatever is published from it is charged "
    "to the privacy budget first, or declared in the agreement.",
)

CLASSES: Final = ("unlinked", "by an agreed key", "by similarity, high", "by similarity, accepted")
"""The quality classes that tokens carry, by number; a class with too few rows is merged into the next one."""

UNITS: Final = {"self-comparison": "bits", "chance": "standard deviations"}
"""What scores and thresholds are measured in, by the model's basis."""

WAYS: Final[dict[Way, str]] = {
    "one-to-one": "one to one",
    "many-to-one": "many to one",
    "within": "inside a file",
}


def pair_name(providers: tuple[str, str], settled: tuple[bool, bool]) -> str:
    """Name two sides: files, or what the registry has settled of them."""
    one, other = (f"{provider}{' (registry)' if old else ''}" for provider, old in zip(providers, settled, strict=True))
    return f"{one} – itself" if one == other else f"{one} – {other}"


def meeting_name(meeting: MeetingQuality) -> str:
    """Name the two sides of a meeting."""
    return pair_name(meeting.providers, meeting.settled)


def comparison_name(comparison: ComparisonModel) -> str:
    """Name a comparison; a frequency class by the CLK too, since each CLK with its name has one."""
    if comparison.kind == "frequency-class":
        return f"{comparison.name} in {comparison.of_clk}"
    return comparison.name


def level_names(comparison: ComparisonModel) -> tuple[str, ...]:
    """Name the levels of a comparison, the lowest first: ranges of Dice, whether a key agrees, how rare a name is."""
    edges = comparison.edges
    if comparison.kind == "frequency-class":
        rarer = (f"near, class {number}" for number in range(len(edges), 0, -1))
        return (f"not near, class {len(edges) + 1} or none", *rarer)
    if comparison.kind == "match-key":
        return ("differs", "agrees")
    if edges == (1.0,):
        return ("not equal", "equal")
    between = (f"{low:.3f} – {high:.3f}" for low, high in pairwise(edges))
    return (f"below {edges[0]:.3f}", *between, f"{edges[-1]:.3f} or more")


def interval_text(interval: Interval) -> str:
    """Return an estimate of a share with its interval, as in a sentence."""
    ends = (shown(end, "probability") for end in (interval.low, interval.high))
    return f"{shown(interval.estimate, 'probability')} ({' to '.join(ends)})"


def ends(interval: Interval) -> Range:
    """Return an interval's two ends as a table has them."""
    return Range(interval.low, interval.high)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them; nothing of none."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
