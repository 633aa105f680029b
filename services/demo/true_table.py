"""The demo's last table as it is in truth: counted from two agencies' own files by the persons behind their rows.

What differs from the published table is noise and linkage error, nothing else: both know the same files. No party could
count it; the demo holds all files and the truth.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

REGISTER: Final = "population_register"
TAX: Final = "tax"
YEAR: Final = 2024

LINKED_QUESTION: Final[Mapping[str, Any]] = {
    "measure": "overlap",
    "of": ["register", "tax"],
    "over": {"start": f"{YEAR}-01-01", "end": f"{YEAR}-12-31"},
    "accuracy": {"half_width": 10},
}
"""Who was registered and who paid taxes in a year: links decide who is both."""


def true_overlap(truth: Path, registrations: Path, years: Path) -> dict[str, int]:
    """Return the persons in each cell of `LINKED_QUESTION`, by the names of its cells.

    `truth`: CSV of identities, with columns person_id, provider, local_id; the others are the agencies' payload files.
    """
    identities = pd.read_csv(truth, dtype=str)
    spells = pd.read_csv(registrations, dtype={"local_id": str})
    taxed = pd.read_csv(years, dtype={"local_id": str})
    open_or_later = spells["end"].isna() | (spells["end"] >= f"{YEAR}-01-01")
    present = spells[(spells["start"] <= f"{YEAR}-12-31") & open_or_later]
    registered = _persons(identities, REGISTER, present)
    paying = _persons(identities, TAX, taxed[taxed["year"] == YEAR])
    return {
        "both": len(registered & paying),
        "register_only": len(registered - paying),
        "tax_only": len(paying - registered),
    }


def _persons(identities: pd.DataFrame, provider: str, rows: pd.DataFrame) -> set[str]:
    own = identities[identities["provider"] == provider]
    return set(own.loc[own["local_id"].isin(rows["local_id"]), "person_id"])
