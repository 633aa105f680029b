"""Rates that the linkage unit declared of each wave's links: one document a wave, kept as it was signed.

What is published rests on them, so the first document of a wave stays: rates that came later would give other intervals
for the same noisy table.
"""

from pathlib import Path
from typing import Final

from linkage_core.agreement.declared_rates import DeclaredRates, verify_origin, verify_rates
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.errors import InputFault
from services.common.errors import Conflict
from services.common.files import create_durably

FOLDER: Final = "declared-rates"


def keep_rates(data: Path, file: bytes, agreement: VerifiedAgreement) -> DeclaredRates:
    """Verify a signed document and keep it for its wave; the same one again changes nothing.

    Raises what `verify_rates` raises, and `Conflict` if the wave has another one.
    """
    rates = verify_rates(file, agreement)
    folder = data / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _path(data, rates.wave)
    create_durably(path, file)
    if path.read_bytes() != file:
        raise Conflict(f"wave {rates.wave} has declared rates already; what was published rests on them")
    return rates


def rates_of(data: Path, wave: str, agreement: VerifiedAgreement) -> DeclaredRates | None:
    """Return what is kept of a wave, or None; raises `Tampered` or `InputFault` for a file that was changed."""
    path = _path(data, wave)
    if not path.exists():
        return None
    rates = verify_origin(path.read_bytes(), agreement)
    if rates.wave != wave:
        raise InputFault(f"the rates kept for wave {wave} are those of another wave")
    return rates


def _path(data: Path, wave: str) -> Path:
    return data / FOLDER / f"{wave}.json"
