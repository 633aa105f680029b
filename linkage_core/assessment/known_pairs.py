"""What a known-pair attacker holds, and how it is judged: who was named rightly, with an upper bound.

The attacker sees every CLK of every row, as the linkage unit does. It knows the linkage schema, the whole population
in clear and standardised, and of some rows (40 %) whose they are; it has no key. Since it knows the schema, it can
encode the population under keys of its own: *imitations*, which tell how much of a CLK any two people share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.assessment.intervals import upper_bound
from linkage_core.errors import InputFault

KNOWN_SHARE: Final = 0.4

Scores = NDArray[np.float32]
"""How well each candidate person explains each attacked row: float32, (attacked rows, candidates)."""


@dataclass(frozen=True, slots=True, eq=False)
class AttackedClk:
    """One CLK of every row, and what the attacker knows of what it encodes.

    `codes`: uint8, (rows, bytes), as uploaded; `present`: bool, (rows,), False where a row lacks the CLK.
    `values`: each variable that the CLK encodes -> one standardised text a row, "" where missing.
    `imitations`: the same CLK under keys of the attacker's own before diffusion, one or more; `t`: of the diffusion.
    """

    name: str
    codes: NDArray[np.uint8] = field(repr=False)
    present: NDArray[np.bool_] = field(repr=False)
    values: Mapping[str, Sequence[str]] = field(repr=False)
    imitations: Sequence[NDArray[np.uint8]] = field(repr=False)
    t: int


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows by what the attacker knows: int64 each. Candidates are everyone whose code it does not know."""

    known: NDArray[np.int64]
    targets: NDArray[np.int64]
    candidates: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AttackResult:
    """How many of the attacked rows were given their own person's values."""

    reidentified: int
    of: int

    @property
    def share(self) -> float:
        """Share re-identified; 0 if nothing was attacked."""
        return self.reidentified / self.of if self.of else 0.0

    @property
    def upper(self) -> float:
        """Upper 95 % bound of the share among all rows like these (Clopper–Pearson, one-sided)."""
        return upper_bound(self.reidentified, self.of)


def split_rows(
    rows: int,
    random: np.random.Generator,
    known_share: float = KNOWN_SHARE,
    most_known: int | None = None,
    most_targets: int | None = None,
) -> Split:
    """Return who is known and who is attacked, drawn by chance.

    With `most_known` the attacker learns from so many of its pairs only, with `most_targets` so many of the other rows
    are attacked: samples, for files that are too large to attack as a whole. Candidates stay everyone not known.
    Raises `InputFault` if nobody would be known, or attacked.
    """
    order = random.permutation(rows)
    count = int(known_share * rows)
    known, unknown = order[:count], order[count:]
    if not len(known) or not len(unknown):
        raise InputFault(f"of {rows} rows, {len(known)} are known and {len(unknown)} attacked: both are needed")
    return Split(known[:most_known], unknown[:most_targets], unknown)


def require_whole(clks: Sequence[AttackedClk]) -> None:
    """Raise one `InputFault` that names every CLK whose parts do not cover the same rows."""
    faults = tuple(_faults(clks))
    if faults:
        raise InputFault("what is attacked does not fit together", faults)


def judge(scores: Scores, clks: Sequence[AttackedClk], split: Split) -> AttackResult:
    """Count the attacked rows whose best candidate has the row's own values in every variable of every CLK."""
    people = numbered_people(clks)
    named = split.candidates[np.argmax(scores, axis=1)]
    return AttackResult(int((people[named] == people[split.targets]).sum()), len(split.targets))


def numbered_people(clks: Sequence[AttackedClk]) -> NDArray[np.int64]:
    """Return a number for each row, int64: rows with equal values everywhere have the same, and no code differs."""
    columns = {name: values for clk in clks for name, values in clk.values.items()}
    numbers: dict[tuple[str, ...], int] = {}
    rows = zip(*columns.values(), strict=True)
    return np.array([numbers.setdefault(row, len(numbers)) for row in rows], dtype=np.int64)


def _faults(clks: Sequence[AttackedClk]) -> Iterator[str]:
    if not clks:
        yield "no CLK"
        return
    rows = len(clks[0].present)
    for clk in clks:
        sizes = {len(clk.codes), len(clk.present), *map(len, clk.values.values()), *map(len, clk.imitations)}
        if sizes != {rows}:
            yield f"CLK {clk.name}: parts of {', '.join(map(str, sorted(sizes)))} rows, expected {rows}"
        if not clk.imitations:
            yield f"CLK {clk.name}: no imitation"
