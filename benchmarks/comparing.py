"""How fast candidate pairs are found, beside anonlink's own search on the same CLKs and threshold."""

from collections.abc import Callable
from typing import Final

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, TAX, country
from benchmarks.table import Table
from benchmarks.timing import peak_mebibytes, seconds
from linkage_core.comparing.candidates import Candidates, Span, find_candidates
from linkage_core.comparing.similarity import as_bitarrays, dice_of_anonlink
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import encode_reference

KEYS = LinkageKeys(Secret(b"benchmark".ljust(32)))

PLAIN_THRESHOLD: Final = 0.8
DIFFUSED_THRESHOLD: Final = 0.6
LOW_THRESHOLD: Final = 0.56
"""So low that unrelated pairs come through in number, as they do in large files."""
MOST_CANDIDATES: Final = 100_000_000

Bits = NDArray[np.uint8]


def table(people: int = 15_000, runs: int = 2) -> Table:
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
        ("t = 8, Dice >= .56", hardened, LOW_THRESHOLD),
    ):
        rows += _rows(name, left, right, threshold, runs)
    return Table(
        f"Comparing: {len(plain[0]):,} × {len(plain[1]):,} CLKs of 1,024 bits, all pairs",
        ("search", "million pairs/s", "speed, anonlink = 1", "candidates", "peak MiB"),
        tuple(rows),
        (
            "Both use anonlink's compiled Dice, so a ratio near 1 is what there is to expect. Ours works in blocks, "
            "to hold a cap on candidates, and keeps arrays where anonlink merges tuples.",
            f"The shortest of {runs} runs, one thread; anonlink is given its bit arrays ready-made, ours makes them.",
        ),
    )


def _rows(name: str, left: Bits, right: Bits, threshold: float, runs: int) -> list[tuple[str, ...]]:
    datasets = (as_bitarrays(left), as_bitarrays(right))
    contestants: tuple[tuple[str, Callable[[], int]], ...] = (
        ("anonlink", lambda: anonlinks(datasets, threshold)),
        ("ours", lambda: len(ours(left, right, threshold))),
    )
    measured = [(who, *seconds(work, runs), peak_mebibytes(work)) for who, work in contestants]
    peer = measured[0][1]
    return [
        (
            f"{name}: {who}",
            f"{len(left) * len(right) / took / 1e6:.1f}",
            f"{peer / took:.2f}",
            f"{found:,}",
            f"{memory:.1f}",
        )
        for who, took, found, memory in measured
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
