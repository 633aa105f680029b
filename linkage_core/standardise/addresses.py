"""Addresses: municipality, postcode, and lines of an address."""

from typing import Final

from linkage_core.standardise.findings import Standardised
from linkage_core.standardise.text import fold, listed

ABBREVIATIONS: Final = {
    "street": "st", "str": "st", "strasse": "st", "road": "rd", "avenue": "ave", "av": "ave", "place": "pl",
    "court": "ct", "crescent": "cres", "circuit": "cct", "drive": "dr", "close": "cl", "lane": "ln", "terrace": "tce",
    "square": "sq", "boulevard": "blvd", "parade": "pde", "highway": "hwy", "apartment": "apt", "number": "no",
    "saint": "st", "mount": "mt", "north": "n", "south": "s", "east": "e", "west": "w",
}  # fmt: skip
"""Words that some files write out and others shorten. Short on purpose: they tell addresses apart badly."""

STAND_INS: Final = frozenset(
    listed("unknown|not known|unk|none|null|nan|na|n a|nil|missing|no fixed address|no fixed abode|homeless|xxx|xx|x")
)
"""No address recorded."""


def standardise_municipality(text: str) -> Standardised:
    """Return the words of a place's name."""
    return _without_stand_ins(fold(text)), None


def standardise_address(text: str) -> Standardised:
    """Return the words of an address line, street types shortened."""
    return _without_stand_ins(" ".join(ABBREVIATIONS.get(word, word) for word in fold(text).split())), None


def standardise_postcode(text: str) -> Standardised:
    """Return letters and digits of a postcode; zeros only means missing."""
    code = fold(text).replace(" ", "")
    return ("" if set(code) <= {"0"} else _without_stand_ins(code)), None


def _without_stand_ins(value: str) -> str:
    return "" if value in STAND_INS else value
