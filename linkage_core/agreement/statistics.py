"""The public concepts that statistics are made of: code lists, dimensions, variables, sources, registers.

Every category of every table follows from these clauses alone. Were categories read off the data, their mere presence
would tell something about the people in them.
"""

import operator
from itertools import pairwise
from typing import Final, Literal

from pydantic import Field, model_validator

from linkage_core.agreement.cell_keys import CellKeys
from linkage_core.schema import Clause, Name

UNKNOWN: Final = "unknown"
"""Category of persons without a value, in dimensions whose categories are bands."""

LARGEST_AMOUNT: Final = 10**10
"""Of one person: the sum over nine hundred million persons still is a 64-bit integer, in the store and in the noise."""

DimensionKind = Literal["attribute", "age", "duration"]


class CodeList(Clause):
    """A public list of codes. `unknown` stands for missing and unlisted values, so that no row drops."""

    name: Name
    codes: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    unknown: str = UNKNOWN

    @model_validator(mode="after")
    def _codes_are_distinct(self) -> "CodeList":
        if len(set(self.codes)) != len(self.codes) or self.unknown in self.codes:
            raise ValueError(f"code list {self.name}: codes must be distinct, and `unknown` apart from them")
        return self


class ColumnReference(Clause):
    """A column of a payload table of a provider."""

    provider: Name
    table: Name
    column: Name


class TableReference(Clause):
    """A payload table of a provider."""

    provider: Name
    table: Name


class Dimension(Clause):
    """A dimension of tables, with public categories.

    *attribute*: categories of `code_list`, from person columns in order of precedence. *age*: full years at the date
    that a measure counts at, from person columns with a date or a year of birth (a year counts as its 1 January), in
    order of precedence. *duration*: full months since the stay that a measure counts began.
    `bands` are the lowest values of each band, rising from 0; the last is open: (0, 15, 65) is 0–14, 15–64, 65+.
    """

    name: Name
    kind: DimensionKind = "attribute"
    code_list: Name | None = None
    bands: tuple[int, ...] = Field(default=(), max_length=200)
    sources: tuple[ColumnReference, ...] = ()

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> "Dimension":
        if (self.kind == "attribute") != (self.code_list is not None):
            raise ValueError(f"dimension {self.name}: an attribute, and only that, names a code_list")
        if (self.kind == "duration") != (not self.sources):
            raise ValueError(f"dimension {self.name}: a duration, and only that, has no sources")
        if (self.kind == "attribute") != (not self.bands):
            raise ValueError(f"dimension {self.name}: an age or a duration, and only that, has bands")
        if self.bands and (self.bands[0] != 0 or any(low >= high for low, high in pairwise(self.bands))):
            raise ValueError(f"dimension {self.name}: bands must rise from 0")
        return self

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands in order, such as `0-14`, `15-64`, `65+`; none for an attribute."""
        closed = [str(a) if b - a == 1 else f"{a}-{b - 1}" for a, b in pairwise(self.bands)]
        return (*closed, *(f"{last}+" for last in self.bands[-1:]))


class Source(Clause):
    """What *seen in a source* means: a row of this event or spell table in the period."""

    name: Name
    table: TableReference


class Variable(Clause):
    """A quantity for sums, means and quantiles: an integer column of an event table, added up per person and period.

    A person's total is clamped to `minimum` … `maximum`: these public figures, and not what the data hold, decide the
    noise. `bins` are the lowest values of the bins of quantiles, rising from `minimum`; the last is open.
    """

    name: Name
    column: ColumnReference
    unit: str = ""
    minimum: int = Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)
    maximum: int = Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)
    bins: tuple[int, ...] = Field(default=(), max_length=1_000)

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> "Variable":
        if self.minimum >= self.maximum:
            raise ValueError(f"variable {self.name}: minimum must be below maximum")
        if self.bins and (self.bins[0] != self.minimum or any(low >= high for low, high in pairwise(self.bins))):
            raise ValueError(f"variable {self.name}: bins must rise from minimum")
        if self.bins and self.bins[-1] > self.maximum:
            raise ValueError(f"variable {self.name}: a bin begins above maximum")
        return self


class Crossings(Clause):
    """The event table of border crossings for rules that count days in the country, and the codes of its directions."""

    table: TableReference
    direction: Name
    arrival: str
    departure: str


class Statistics(Clause):
    """The public concepts of the closed query language. `residence` is the register whose spells are residence.

    `cell_keys` allows tables by cell-key perturbation, which are not differentially private; without it there are none.
    """

    code_lists: tuple[CodeList, ...] = Field(min_length=1)
    dimensions: tuple[Dimension, ...] = Field(min_length=1)
    residence: TableReference
    crossings: Crossings | None = None
    sources: tuple[Source, ...] = ()
    variables: tuple[Variable, ...] = ()
    # Left out where absent: agreements signed before there was such a clause keep their hash.
    cell_keys: CellKeys | None = Field(default=None, exclude_if=operator.not_)

    def code_list(self, name: str) -> CodeList | None:
        """Return the code list of that name, or None."""
        return next((item for item in self.code_lists if item.name == name), None)

    def dimension(self, name: str) -> Dimension | None:
        """Return the dimension of that name, or None."""
        return next((item for item in self.dimensions if item.name == name), None)

    def source(self, name: str) -> Source | None:
        """Return the source of that name, or None."""
        return next((item for item in self.sources if item.name == name), None)

    def variable(self, name: str) -> Variable | None:
        """Return the variable of that name, or None."""
        return next((item for item in self.variables if item.name == name), None)
