"""How fast candidate pairs are found, beside anonlink's own search on the same CLKs and threshold."""

from collections.abc import Callable
from typing import Final

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, TAX, country
from benchmarks.table import Table
from benchmarks.timing import peak_mebibytes, processor_seconds
from linkage_core.comparing.candidates import Candidates, Span, find_candidates
from linkage_core.comparing.similarity import as_bitarrays, dice_of_anonlink
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import encode_reference

KEYS = LinkageKeys(Secret(b"benchmark".ljust(32)))

PLAIN_THRESHOLD: Final = 0.8
DIFFUSED_THRESHOLD: Final = 0.6
MOST_CANDIDATES: Final = 100_000_000

Bits = NDArray[np.uint8]


def table(quick: bool = False) -> Table:
    """Return what comparing two agencies' files on 15,000 people, or on 3,000, tells."""
    return at_size(people=3000 if quick else 15_000, rounds=3)


def at_size(people: int, rounds: int) -> Table:
    """Return pairs a second for one CLK of two agencies' files, undiffused and diffused."""
    task = country(people)
    spec = next(spec for spec in task.schema.clks if spec.name == "names-year")
    plain = [
        encode_reference(spec, KEYS.clk(spec.name), [task.records[provider].values[f] for f in spec.features])
        for provider in (REGISTER, TAX)
    ]
    indices = diffusion_indices(KEYS.diffusion(spec.name), spec.length_bits, spec.diffusion_t)
    hardened = [diffuse(bits, indices) for bits in plain]
    rows: list[tuple[str, ...]] = []
    for name, (left, right), threshold in (
        ("not diffused, Dice >= .80", plain, PLAIN_THRESHOLD),
        ("t = 8, Dice >= .60", hardened, DIFFUSED_THRESHOLD),
    ):
        rows += _rows(name, left, right, threshold, rounds)
    return Table(
        f"Comparing: {len(plain[0]):,} × {len(plain[1]):,} CLKs of 1,024 bits, all pairs",
        ("search", "million pairs/s", "speed, anonlink = 1", "candidates", "peak MiB"),
        tuple(rows),
        (
            "Both use anonlink's compiled Dice, so a ratio near 1 is what there is to expect. Ours works in blocks, "
            "so that a cap on candidates holds while it runs.",
            f"Processor time of one thread, the least of {rounds} rounds in turns; anonlink is given its bit arrays, "
            "ours makes them from packed bytes.",
        ),
    )


def _rows(name: str, left: Bits, right: Bits, threshold: float, rounds: int) -> list[tuple[str, ...]]:
    datasets = (as_bitarrays(left), as_bitarrays(right))
    contestants: dict[str, Callable[[], int]] = {
        "anonlink": lambda: anonlinks(datasets, threshold),
        "ours": lambda: len(ours(left, right, threshold)),
    }
    times = processor_seconds(list(contestants.values()), rounds)
    return [
        (
            f"{name}: {who}",
            f"{len(left) * len(right) / took / 1e6:.1f}",
            f"{times[0] / took:.2f}",
            f"{work():,}",
            f"{peak_mebibytes(work):.1f}",
        )
        for (who, work), took in zip(contestants.items(), times, strict=True)
    ]


def anonlinks(datasets: tuple[list[bitarray], list[bitarray]], threshold: float) -> int:
    """Search with anonlink's public function and return how many candidates it found."""
    from anonlink.candidate_generation import find_candidate_pairs

    dice, _, _ = find_candidate_pairs(datasets, dice_of_anonlink(), threshold)
    return len(dice)


def ours(left: Bits, right: Bits, threshold: float) -> Candidates:
    """Search as the linkage unit does."""
    return find_candidates(
        np.concatenate([left, right]),
        np.ones(len(left) + len(right), dtype=np.bool_),
        (Span(0, len(left), within=False), Span(len(left), len(left) + len(right), within=False)),
        threshold,
        similarity=dice_of_anonlink(),
        maximum=MOST_CANDIDATES,
        progress=lambda _done, _total: None,
    )
