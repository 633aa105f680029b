"""Balances of the privacy budget, derived from the ledger's entries and never stored.

Spending counts for the whole lineage: whatever project, agreement or linkage it was for, people do not change with
them. An increase raises the caps of the project in which it was approved, since another one's parties did not agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from disclosure.entries import Entry
from linkage_core.agreement.cell_keys import CellKeys
from linkage_core.agreement.clauses import Budget


@dataclass(frozen=True, slots=True)
class Caps:
    """What may be spent at most, in nano-rho, before increases; None where the agreement sets no such cap.

    By the lineage in all, per wave, per analyst, per release, per project and per calendar year (UTC).
    `wave_allotments` are the waves that have an allotment of their own. `cell_key_tables`: how many tables by cell-key
    perturbation the lineage may have, which is no budget of rho.
    """

    total: int
    wave: int
    analyst: int
    release: int
    project: int | None = None
    year: int | None = None
    wave_allotments: Mapping[str, int] = field(default_factory=dict)
    cell_key_tables: int = 0

    @classmethod
    def of(cls, budget: Budget, cell_keys: CellKeys | None = None) -> "Caps":
        """Return the caps of an agreement's budget, and of its clause on cell keys."""
        return cls(
            total=budget.total_nano_rho,
            wave=budget.per_wave_nano_rho,
            analyst=budget.per_analyst_nano_rho,
            release=budget.per_release_nano_rho,
            project=budget.per_project_nano_rho,
            year=budget.per_year_nano_rho,
            wave_allotments=budget.wave_allotments_nano_rho,
            cell_key_tables=0 if cell_keys is None else cell_keys.tables,
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """One cap with its increases and what was spent under it, in nano-rho; `clause` is the agreement's."""

    clause: str
    cap: int
    spent: int

    @property
    def left(self) -> int:
        """What may still be spent, never below 0: a later agreement may lower a cap below what is spent."""
        return max(0, self.cap - self.spent)


@dataclass(frozen=True, slots=True)
class Balance:
    """What one analyst may spend in one wave at one time, under each cap that applies."""

    total: Allowance
    wave: Allowance
    analyst: Allowance
    project: Allowance | None
    year: Allowance | None
    release: int

    @property
    def allowances(self) -> tuple[Allowance, ...]:
        """Every cap that adds up, the widest first."""
        every = (self.total, self.project, self.year, self.wave, self.analyst)
        return tuple(allowance for allowance in every if allowance is not None)

    def tables_left(self, nano_rho: int) -> int:
        """Return how many more releases of a price the caps allow."""
        return min(allowance.left for allowance in self.allowances) // nano_rho if nano_rho <= self.release else 0


def balance(entries: Sequence[Entry], caps: Caps, *, project: str, wave: str, analyst: str, at: str) -> Balance:
    """Return what is left under each cap for this analyst of this project, in this wave, at this time (ISO 8601, UTC).

    A charge never counts in an earlier year than the ledger's newest entry: a clock set back opens no spent year.
    """
    year = max(at[:4], entries[-1].year) if entries else at[:4]
    spent = [entry for entry in entries if entry.kind == "RESERVED"]
    increases = [entry for entry in entries if entry.kind == "INCREASED" and entry.project == project]

    def allowance(clause: str, cap: int, name: str, charged: Sequence[Entry]) -> Allowance:
        more = sum(entry.nano_rho for entry in increases if entry.cap == name)
        return Allowance(clause, cap + more, sum(entry.nano_rho for entry in charged))

    own_wave = caps.wave_allotments.get(wave)
    return Balance(
        total=allowance("budget.total_nano_rho", caps.total, "total", spent),
        wave=allowance(
            "budget.per_wave_nano_rho" if own_wave is None else f"budget.wave_allotments_nano_rho.{wave}",
            caps.wave if own_wave is None else own_wave,
            f"wave:{wave}",
            [entry for entry in spent if entry.wave == wave],
        ),
        analyst=allowance(
            "budget.per_analyst_nano_rho",
            caps.analyst,
            f"analyst:{analyst}",
            [entry for entry in spent if entry.analyst == analyst],
        ),
        project=None
        if caps.project is None
        else allowance(
            "budget.per_project_nano_rho",
            caps.project,
            "project",
            [entry for entry in spent if entry.project == project],
        ),
        year=None
        if caps.year is None
        else allowance(
            "budget.per_year_nano_rho", caps.year, f"year:{year}", [entry for entry in spent if entry.year == year]
        ),
        release=caps.release,
    )
