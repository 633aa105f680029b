"""Residence rules as data: who is a resident, and since when."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from linkage_core.schema import Clause, Name

YEAR_DAYS: Final = 365
"""Length in days of the residence rule's 12 months."""


class Registered(Clause):
    """A resident is registered, for at least `minimum_months` if that is not 0.

    With 12 months, absences under 365 days do not end a stay and stays under 365 days are no residence.
    """

    kind: Literal["registered"] = "registered"
    minimum_months: Literal[0, 12] = 12

    @property
    def window_days(self) -> int:
        """How many days a stay or an absence must last to count."""
        return YEAR_DAYS if self.minimum_months else 0


class Window(Clause):
    """A resident has spent `days` of a window of `of` days in the country; 12 months of 16 unless said otherwise.

    `itinerary` says what becomes of two crossings in the same direction: `midpoint` inserts a crossing halfway between
    them, `drop` passes over the second, and `flag` leaves the person's status unknown. The measure `itineraries`
    counts such persons under each.
    """

    kind: Literal["window"]
    days: int = Field(default=365, ge=1, le=3_650)
    of: int = Field(default=487, ge=2, le=7_300)
    itinerary: Literal["midpoint", "drop", "flag"] = "midpoint"

    @model_validator(mode="after")
    def _more_than_half(self) -> "Window":
        if not self.days <= self.of < 2 * self.days:
            raise ValueError("days must be more than half of the window, and no more than it")
        return self


class Signs(Clause):
    """A resident of a year has shown signs of life in it: the weights of the sources seen in reach `score`.

    With every weight 1 and score 1, any of the sources is enough. Years without residence between two with it are
    bridged when there are no more than `gap_years`.
    """

    kind: Literal["signs"]
    sources: dict[Name, Annotated[int, Field(ge=1, le=1_000)]] = Field(min_length=1, max_length=32)
    score: int = Field(default=1, ge=1, le=32_000)
    gap_years: int = Field(default=0, ge=0, le=10)

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Signs":
        if self.score > sum(self.sources.values()):
            raise ValueError("score is above the sum of all weights")
        return self


Rule = Annotated[Registered | Window | Signs, Field(discriminator="kind")]
