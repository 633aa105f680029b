"""Invents a person-level file whose margins are like measured noisy ones. Post-processing: no data, no charge.

1. Pairs of dimensions are taken into the model, those farthest from independence first, while it stays small enough.
2. mbi (Private-PGM) estimates the graphical model that fits the noisy margins best.
3. Persons are drawn from it.

Why mbi alone, and not OpenDP's route to it, says `docs/decisions/0033-synthetic-files.md`.
"""

import importlib.util
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from disclosure.margins import Margin, MeasuredMargins
from linkage_core.errors import InputFault, Unfit

MODEL_MEGABYTES: Final = 0.3
"""Largest model that is estimated: some 40,000 numbers."""
ESTIMATION_STEPS: Final = 1_000
ESTIMATION_TOLERANCE: Final = 1e-4
"""Relative gain over a block of steps below which estimation ends."""
MOST_PERSONS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class SyntheticFile:
    """Invented persons: for each dimension a category's place in the public order, uint16 (persons,).

    `linked` are the pairs of dimensions whose link the model has; of other pairs it supposes that they are independent
    given these.
    """

    margins: MeasuredMargins
    linked: tuple[Margin, ...]
    places: Mapping[str, NDArray[np.uint16]] = field(repr=False)

    @property
    def persons(self) -> int:
        """How many persons were drawn."""
        return len(next(iter(self.places.values())))

    def columns(self) -> dict[str, NDArray[np.str_]]:
        """Return the categories themselves, by dimension."""
        return {name: np.array(self.margins.categories[name])[places] for name, places in self.places.items()}

    def count(self, margin: Margin) -> NDArray[np.float64]:
        """Count the persons by one or two dimensions."""
        shape = [len(self.margins.categories[name]) for name in margin]
        where = np.ravel_multi_index([self.places[name].astype(np.int64) for name in margin], shape)
        return np.bincount(where, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def require_mbi() -> None:
    """Raise `Unfit` without the extra `synthetic`: before anything is charged for a file that could not be made."""
    if importlib.util.find_spec("mbi") is None or importlib.util.find_spec("jax") is None:
        raise Unfit("mbi is not installed: pip install 'symbolon[synthetic]'")


def synthesize(margins: MeasuredMargins, *, seed: int, persons: int | None = None) -> SyntheticFile:
    """Return invented persons, as many as the margins say unless `persons` says otherwise.

    The same margins, seed and versions of the libraries give the same file on the same processor. Raises `Unfit`
    without the extra `synthetic`, and `InputFault` for a number of persons out of range, or for margins that are noise
    alone.
    """
    if margins.persons < max(1.0, 2 * margins.persons_sd):
        raise InputFault("the margins are noise alone: ask for more accuracy, or for fewer dimensions")
    wanted = round(margins.persons) if persons is None else persons
    if not 1 <= wanted <= MOST_PERSONS:
        raise InputFault(f"persons: must be 1 to {MOST_PERSONS}, got {wanted}")
    require_mbi()
    import jax

    # In single precision estimation stalls above some 100,000 persons; mbi looks at this when it is imported.
    with jax.enable_x64(True), _quiet():
        import mbi

        linked = _linked(margins, mbi)
        places = _drawn(margins, linked, wanted, seed, mbi)
    return SyntheticFile(margins, linked, places)


def _linked(margins: MeasuredMargins, mbi: Any) -> tuple[Margin, ...]:
    # 1
    domain = mbi.Domain.fromdict({name: len(codes) for name, codes in margins.categories.items()})
    linked: tuple[Margin, ...] = ()
    for pair in sorted(margins.pairs, key=margins.strength, reverse=True):
        wider = (*linked, pair)
        if margins.strength(pair) > 0 and mbi.junction_tree.hypothetical_model_size(domain, wider) <= MODEL_MEGABYTES:
            linked = wider
    return linked


def _drawn(
    margins: MeasuredMargins, linked: tuple[Margin, ...], persons: int, seed: int, mbi: Any
) -> dict[str, NDArray[np.uint16]]:
    # 2
    domain = mbi.Domain.fromdict({name: len(codes) for name, codes in margins.categories.items()})
    alone = tuple((name,) for name in margins.dimensions if not any(name in pair for pair in linked))
    measured = [
        mbi.LinearMeasurement(margins.counts(margin).ravel(), margin, stddev=margins.noise_sd_of(margin))
        for margin in (*linked, *alone)
    ]
    model = mbi.estimation.MirrorDescent().estimate(
        domain, measured, known_total=margins.persons, iters=ESTIMATION_STEPS, tol=ESTIMATION_TOLERANCE
    )
    # 3
    drawn = mbi.extensions.synthetic_data(model, persons, seed=seed).to_dict()
    return {name: np.asarray(drawn[name], dtype=np.uint16) for name in margins.dimensions}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back mbi's advice on compiling, which it gives as warnings and through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logging.disable(before)
