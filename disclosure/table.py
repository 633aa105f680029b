"""What an analyst gets: a released table with its uncertainty, and its JSON form.

Everything here is computed from noisy values and public facts. Numbers in the JSON form are integers (values in the
table's smallest step, noise in millionths of the unit, rho in nano-rho) and fields have one order, so that a table has
one form and one digest, also after a journey. It is not RFC 8785, which knows no integers beyond 53 bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

from disclosure.bounding import MOVED, BlockName
from disclosure.errors import LedgerCorrupt

FORMAT: Final = "symbolon-release/2"
MILLION: Final = 1_000_000

MechanismName = Literal["discrete-gaussian", "cell-key perturbation, not differentially private"]
"""How a table was protected, in the words that every reader of it sees."""

CELL_KEY: Final = "cell-key perturbation, not differentially private"
"""The mechanism that is no noise under differential privacy: whoever says its name says that too."""

Flag = Literal["U", "P", "A", "N"]
"""U: unreliable, the noise is large beside the value. P: provisional, the rule asks of days not observed.
A: the upper end lies above the last bin. N: not available, the noise leaves no figure."""


@dataclass(frozen=True, slots=True)
class Noised:
    """One vector that got noise: its raw noisy numbers, neither rounded nor clipped, the basis of everything else.

    `values` has `width` numbers for each cell of the grid, in order. `bound_cells` cells at most belong to one person,
    and `l2_squared` bounds the squared length of what one person changes.
    """

    name: BlockName
    width: int
    noise_sd_millionths: int
    half_width: int
    bound_cells: int
    l2_squared: int
    nano_rho: int
    values: tuple[int, ...]


Covers = Literal["noise", "noise and linkage", "perturbation"]
"""What 95 % intervals allow for. Never everything: coverage of the sources and recorded categories are not judged."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A count corrected for linkage error by declared rates, with its 95 % interval for noise and linkage (both ends).

    Rounded to whole persons and not clipped.
    """

    value: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, or a sum of cells: categories in the order of the table's axes, value, 95 % interval (both ends).

    Values count in steps of one over ten to the table's `decimals`; None where the noise leaves no figure. Counts and
    sums are raw: they may be negative, and are neither rounded nor clipped. `noise_sd_millionths` is in the unit. The
    interval covers the noise, not errors of linkage or coverage; `corrected` stands beside it where those of linkage
    are declared and reach the table.
    """

    coordinates: tuple[str, ...]
    value: int | None
    low: int | None
    high: int | None
    noise_sd_millionths: int
    flags: tuple[Flag, ...]
    corrected: Corrected | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A released table.

    `question` is canonical; `axes` names the coordinates of `cells`, which are the full grid. `totals` are sums of the
    cells over all axes but the measure's own, which `totals_axes` names; under cell-key perturbation they are cells of
    their own, which their parts do not add up to. `noised` has what was measured. `unit` says
    what values count. Hashes are hexadecimal. `derived_from` is the release whose cells were summed, at no price, or
    empty for a table that was measured. `covers`: what the widest intervals here allow for, with its `explanation`;
    `declared_rates`: what the linkage unit declares of the wave (`linkage_core.agreement.declared_rates`).
    """

    release_id: str
    question: Mapping[str, JsonValue]
    question_hash: str
    agreement_hash: str
    data_version: str
    released_at: str
    mechanism: MechanismName
    nano_rho: int
    noised: tuple[Noised, ...]
    unit: str
    decimals: int
    axes: tuple[str, ...]
    cells: tuple[Cell, ...]
    totals_axes: tuple[str, ...]
    totals: tuple[Cell, ...]
    derived_from: str = ""
    covers: Covers = "noise"
    explanation: str = ""
    declared_rates: Mapping[str, JsonValue] | None = None
    format: Literal["symbolon-release/2"] = FORMAT

    @property
    def is_private(self) -> bool:
        """Whether the guarantee of differential privacy covers this table, at the price `nano_rho`."""
        return self.mechanism != CELL_KEY

    @property
    def measured(self) -> tuple[Noised, ...]:
        """The vectors that the table is made of, without those that stand beside it for linkage errors."""
        return tuple(vector for vector in self.noised if vector.name not in MOVED)

    @property
    def half_width(self) -> int:
        """Half-width of the 95 % interval of one number of the first vector."""
        return self.noised[0].half_width

    @property
    def noise_sd(self) -> float:
        """Standard deviation of the noise in one number of the first vector, in its unit."""
        return self.noised[0].noise_sd_millionths / MILLION

    @property
    def bound_cells(self) -> int:
        """In how many cells one person counts at most."""
        return self.noised[0].bound_cells

    def figure(self, value: int | None) -> float | int | None:
        """Return a value, or an end of an interval, in the table's unit."""
        return value / 10**self.decimals if value is not None and self.decimals else value

    def to_json(self) -> bytes:
        """Return the JSON form, the same bytes for equal tables."""
        return _RELEASE.dump_json(self)

    @classmethod
    def from_json(cls, document: bytes) -> "Release":
        """Parse the JSON form; raises `LedgerCorrupt` if it is not one."""
        try:
            return _RELEASE.validate_json(document, strict=True, extra="forbid")
        except ValidationError:
            raise LedgerCorrupt("a stored release does not have the form of a release") from None


_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)
