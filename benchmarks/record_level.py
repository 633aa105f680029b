"""The peer's practice, as anonlink's entity service is used: one record-level CLK a row, linked by anonlink alone.

The CLK covers all fields that our default schema uses, from the same standardised values, so that what is compared is
the encoding and the matching. Its fill is .3, so that the very same CLK can be diffused to the strength of ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from linkage_core.assessment.quality import PairQuality, assess
from linkage_core.comparing.similarity import as_bitarrays, dice_of_anonlink
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import encode_reference
from linkage_core.schema import ClkSpec
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import PartyName

DIFFUSION_T: Final = 8

Bits = Mapping[PartyName, NDArray[np.uint8]]
"""One packed CLK a row, uint8 (rows, bytes), of each provider."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A standardised variable, its n-grams' positions counted or not, and the bits that it sets."""

    variable: str
    positional: bool
    bits: int


PEOPLE: Final = (Feature("given", False, 120), Feature("family", False, 120), Feature("date", True, 125))
FEBRL4: Final = (
    Feature("names", False, 120),
    Feature("date", True, 70),
    Feature("number", True, 25),
    Feature("lines", False, 70),
    Feature("place", False, 45),
    Feature("postcode", True, 35),
)
"""365 bits set of 1,024: fill .3, at which diffusion with t = 8 has D = .002."""


def record_level_clk(features: Sequence[Feature]) -> ClkSpec:
    """Return the one CLK over all features."""
    return ClkSpec(
        name="record",
        clkhash={
            "version": 3,
            "clkConfig": {"l": 1024, "kdf": {"type": "HKDF", "hash": "SHA256"}},
            "features": [_clkhash_feature(feature) for feature in features],
        },
        diffusion_t=DIFFUSION_T,
        weight=1,
    )


def _clkhash_feature(feature: Feature) -> dict[str, Any]:
    return {
        "identifier": feature.variable,
        "format": {"type": "string", "encoding": "ascii"},
        "hashing": {
            "comparison": {"type": "ngram", "n": 2, "positional": feature.positional},
            "strategy": {"bitsPerFeature": feature.bits},
            "hash": {"type": "blakeHash"},
        },
    }


def encode_plain(records: StandardisedRecords, spec: ClkSpec, secret: Secret) -> NDArray[np.uint8]:
    """Return clkhash's own bits, uint8 (rows, bytes): what the peer uploads."""
    columns = [records.values[feature] for feature in spec.features]
    return encode_reference(spec, LinkageKeys(secret).clk(spec.name), columns)


def diffused(bits: NDArray[np.uint8], spec: ClkSpec, secret: Secret) -> NDArray[np.uint8]:
    """Return the same CLKs under keyed diffusion."""
    key = LinkageKeys(secret).diffusion(spec.name)
    return diffuse(bits, diffusion_indices(key, spec.length_bits, spec.diffusion_t))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The threshold with the highest F1 against the truth, which no real run has, and the quality there."""

    threshold: float
    quality: PairQuality


def best_with_truth(files: Bits, persons: Mapping[PartyName, NDArray[np.int64]], thresholds: Sequence[float]) -> Chosen:
    """Link with anonlink's candidates and greedy solver at each threshold, and return the best against the truth."""
    from anonlink.candidate_generation import find_candidate_pairs
    from anonlink.solving import greedy_solve

    providers = sorted(files)
    datasets: list[list[bitarray]] = [as_bitarrays(files[provider]) for provider in providers]
    dice, datasets_of, rows_of = find_candidate_pairs(datasets, dice_of_anonlink(), min(thresholds))
    falling = -np.frombuffer(dice, dtype=np.float64)
    best: Chosen | None = None
    for threshold in thresholds:
        kept = int(np.searchsorted(falling, -threshold, side="right"))
        pairs = (dice[:kept], tuple(part[:kept] for part in datasets_of), tuple(part[:kept] for part in rows_of))
        quality = across_files(_numbered(greedy_solve(pairs), providers, persons), persons)
        if best is None or quality.f1 > best.quality.f1:
            best = Chosen(threshold, quality)
    if best is None:
        raise ValueError("at least one threshold is needed")
    return best


def across_files(
    groups: Mapping[PartyName, NDArray[np.integer]], persons: Mapping[PartyName, NDArray[np.integer]]
) -> PairQuality:
    """Return the quality of pairs of rows of different files: duplicates within a file are not the peer's task."""
    pairs = [q for (one, other), q in assess(groups, persons).by_providers.items() if one != other]
    return PairQuality(sum(q.linked for q in pairs), sum(q.true for q in pairs), sum(q.correct for q in pairs))


def _numbered(
    groups: Sequence[Sequence[tuple[int, int]]],
    providers: Sequence[PartyName],
    persons: Mapping[PartyName, NDArray[np.int64]],
) -> dict[PartyName, NDArray[np.int64]]:
    """Return the group of every row: those of the solver first, then one for each row that it left alone."""
    numbers, following = {}, len(groups)
    for provider in providers:
        rows = len(persons[provider])
        numbers[provider] = np.arange(following, following + rows, dtype=np.int64)
        following += rows
    for number, members in enumerate(groups):
        for dataset, row in members:
            numbers[providers[dataset]][row] = number
    return numbers
