"""What an analyst gets: a released table with its uncertainty, and its JSON form.

Everything here is computed from noisy values and public facts. Numbers in the JSON form are integers (noise in
millionths of a person, rho in nano-rho), so that its canonical bytes have one digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

from disclosure.errors import LedgerCorrupt
from linkage_core.agreement.canonical import canonical_bytes

FORMAT: Final = "symbolon-release/1"
MILLION: Final = 1_000_000

Flag = Literal["U", "P"]
"""U: unreliable, the noise is large beside the value. P: provisional, a later wave may still change it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, or a sum of cells: categories in the order of the table's axes, noisy value, 95 % interval (both ends).

    `value` is raw: it may be negative, and is neither rounded nor clipped. `noise_sd_millionths` grows with the square
    root of the number of cells summed. The interval covers the noise, not errors of linkage or coverage.
    """

    coordinates: tuple[str, ...]
    value: int
    low: int
    high: int
    noise_sd_millionths: int
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A released table.

    `question` is canonical; `axes` names the coordinates of `cells`, which are the full grid. `totals` are sums of the
    cells over all axes but the first. `bound_cells` cells at most belong to one person. Hashes are hexadecimal.
    """

    release_id: str
    question: Mapping[str, JsonValue]
    question_hash: str
    agreement_hash: str
    data_version: str
    released_at: str
    mechanism: Literal["discrete-gaussian"]
    nano_rho: int
    noise_sd_millionths: int
    half_width: int
    bound_cells: int
    axes: tuple[str, ...]
    cells: tuple[Cell, ...]
    totals: tuple[Cell, ...]
    format: Literal["symbolon-release/1"] = FORMAT

    @property
    def noise_sd(self) -> float:
        """Standard deviation of the noise in each cell, in persons."""
        return self.noise_sd_millionths / MILLION

    def to_json(self) -> bytes:
        """Return the canonical JSON form."""
        return canonical_bytes(_RELEASE.dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, document: bytes) -> "Release":
        """Parse the JSON form; raises `LedgerCorrupt` if it is not one."""
        try:
            return _RELEASE.validate_json(document, strict=True, extra="forbid")
        except ValidationError:
            raise LedgerCorrupt("a stored release does not have the form of a release") from None


_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)
