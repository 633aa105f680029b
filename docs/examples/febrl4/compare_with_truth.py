"""Compares the links with FEBRL4's truth: precision and recall, for whoever tries Symbolon out.

    python compare_with_truth.py

It reads the linkage unit's registry and both agencies' keys, which in earnest nobody has together.
"""

import sys
import warnings
from pathlib import Path

from linkage_core.types import PartyName
from services.demo.truth import assess_links


def main(folder: Path) -> None:
    """Print how many of the links are right, and how many of the true ones were found."""
    agents = {PartyName(name): folder / name / "agent.toml" for name in ("agency_a", "agency_b")}
    found = assess_links(folder / "truth/identities.csv", folder / "linkage_unit/linkage-unit.toml", agents).overall
    sys.stdout.write(f"{found.linked:,} pairs linked, {found.true:,} true pairs\n")
    sys.stdout.write(f"precision {found.precision:.4f}, recall {found.recall:.4f}, F1 {found.f1:.4f}\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)  # anonlink imports it
    main(Path())
