"""Compares the links with the truth about the invented country: precision and recall, for whoever tries Symbolon out.

    python compare_with_truth.py

It reads the linkage unit's registry and all agencies' keys, which in earnest nobody has together.
"""

import sys
import warnings
from pathlib import Path

from linkage_core.assessment.quality import PairQuality
from linkage_core.types import PartyName
from services.demo.truth import assess_links

AGENCIES = ("border_police", "population_register", "tax")


def main(folder: Path) -> None:
    """Print how many of the links are right, and how many of the true ones were found, by pair of files and in all."""
    agents = {PartyName(name): folder / name / "agent.toml" for name in AGENCIES}
    found = assess_links(folder / "truth/identities.csv", folder / "linkage_unit/linkage-unit.toml", agents)
    for (one, other), quality in found.by_providers.items():
        if quality.true:
            tell(f"{one} and {other}", quality)
    tell("all", found.overall)


def tell(what: str, quality: PairQuality) -> None:
    """Print one line."""
    sys.stdout.write(f"{what}: {quality.linked:,} pairs linked, {quality.true:,} true pairs, ")
    sys.stdout.write(f"precision {quality.precision:.4f}, recall {quality.recall:.4f}\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)  # anonlink imports it
    main(Path())
