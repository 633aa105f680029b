"""What a demo is told: the size of its country, its seed, its folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How large the invented country is, which one it is, and where everything goes."""

    people: int
    seed: int
    folder: Path
