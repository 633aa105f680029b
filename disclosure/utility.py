"""How far a synthetic file is from the noisy margins that it was made from, and what it is not for.

Nothing here looks at data: the margins as they were released are the only yardstick, so a report costs nothing.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from disclosure.margins import Margin
from disclosure.synthesis import SyntheticFile

FORMAT: Final = "symbolon-synthetic-utility/1"

LIMITS: Final = (
    "These persons are invented: no row is somebody, and a rare combination is no sign that anybody has it.",
    "For teaching and for writing programs. Publish no figure from this file: released tables have estimates with "
    "intervals.",
    "It has no variances: an interval or a test computed from it says nothing about the population.",
    "Links that are not in the model are invented: pairs that are not linked, and three or more dimensions together, "
    "are supposed independent given the pairs that are linked.",
    "It has the noise of the margins, the spread of drawing, and every error of linkage and coverage of the data.",
)
"""What a synthetic file cannot be used for, in sentences."""


@dataclass(frozen=True, slots=True)
class MarginUtility:
    """How near the file comes to one measured margin.

    Distances are half the sum of absolute differences of shares, in millionths: 0 for alike, a million for nothing in
    common. `noise_alone` is what the measured margin is itself away from the truth, on average: a file nearer than
    that is as near as can be known. `linked` tells whether the model has the pair; a single dimension always is.
    """

    margin: Margin
    cells: int
    distance: int
    noise_alone: int
    linked: bool


@dataclass(frozen=True, slots=True)
class UtilityReport:
    """The report of one file: one line for each margin, and the limits."""

    release_id: str
    persons: int
    measured_persons: int
    noise_sd_millionths: int
    margins: tuple[MarginUtility, ...]
    limits: tuple[str, ...] = LIMITS
    format: str = FORMAT

    def to_json(self) -> bytes:
        """Return the report as JSON."""
        return TypeAdapter(UtilityReport).dump_json(self, indent=2)


def utility_of(file: SyntheticFile) -> UtilityReport:
    """Return the report of a file."""
    measured = file.margins
    return UtilityReport(
        release_id=measured.release_id,
        persons=file.persons,
        measured_persons=round(measured.persons),
        noise_sd_millionths=round(measured.noise_sd * 1_000_000),
        margins=tuple(
            MarginUtility(
                margin=margin,
                cells=file.count(margin).size,
                distance=round(measured.distance(margin, file.count(margin)) * 1_000_000),
                noise_alone=round(measured.noise_distance(margin) * 1_000_000),
                linked=len(margin) == 1 or margin in file.linked,
            )
            for margin in measured.margins
        ),
    )
