"""Addresses: municipality, postcode, and lines of an address.

A municipality is made from what files hold in its place, by rules that know no gazetteer: of an address line the last
part between commas that is not a country; without what stands in brackets, postcodes and house numbers; without words
that say what kind of place it is. It does not know that Kew lies in Melbourne, nor which of two Altdorfs is meant, and
of a line without commas (Hauptstraße 5 Altdorf) it keeps the street: such files need a column of the municipality.
"""

import re
from typing import Final

from linkage_core.standardise.country_names import country_names
from linkage_core.standardise.findings import Standardised
from linkage_core.standardise.text import fold, listed

ABBREVIATIONS: Final = {
    "street": "st", "str": "st", "strasse": "st", "road": "rd", "avenue": "ave", "av": "ave", "place": "pl",
    "court": "ct", "crescent": "cres", "circuit": "cct", "drive": "dr", "close": "cl", "lane": "ln", "terrace": "tce",
    "square": "sq", "boulevard": "blvd", "parade": "pde", "highway": "hwy", "apartment": "apt", "number": "no",
    "saint": "st", "mount": "mt", "north": "n", "south": "s", "east": "e", "west": "w",
}  # fmt: skip
"""Words that some files write out and others shorten. Short on purpose: they tell addresses apart badly."""

WRITTEN_OUT: Final = {"st": "saint", "ste": "sainte", "sv": "sveti", "mt": "mount", "ft": "fort"}
"""What names of places shorten at will."""

PLACE_WORDS: Final = frozenset(
    listed(
        "municipality|municipal|commune|comune|comuna|city|town|village|borough|district|settlement|of|the|stadt|markt|"
        "gemeinde|landkreis|kreis|hansestadt|landeshauptstadt|gmina|miasto|powiat|wies|gorod|gor|selo|derevnya|posyolok|"
        "poselok|pgt|stanitsa|rayon|raion|okrug|misto|selyshche|smt|hromada|horad|veska|obshtina|opstina|opcina|grad|"
        "obec|mesto|mestys|kommune|kommun|kaupunki|kunta|linn|vald|alev|pagasts|novads|pilseta|miestas|rajonas|savivaldybe|"
        "munitsipaliteti|kalaki|daba|sopeli|kalak|dimos|koinotita|poli|ilce|ilcesi|belediyesi|koyu|mahallesi|municipio|"
        "ayuntamiento|villa|pueblo|concelho|freguesia|cidade|ville|mairie|madinat|qaryat|qadaa|shi|xian|qu|cun|zhen|gu|gun|"
        "dong|eup|myeon"
    )
)
"""Words that say what kind of place it is: dropped at the start of a name that has other words (City of Kew)."""

PLACE_ENDINGS: Final = PLACE_WORDS - frozenset(listed("town|village|villa|ville|grad|of|the|poli|gor|alev"))
"""The same at the end (Nowon-gu); not those that are parts of names (New Town)."""

STAND_INS: Final = frozenset(
    listed("unknown|not known|unk|none|null|nan|na|n a|nil|missing|no fixed address|no fixed abode|homeless|xxx|xx|x")
)
"""No address recorded."""

_bracketed = re.compile(r"[(（\[][^)）\]]*[)）\]]?")
_foreign_postcode = re.compile(r"\b[A-Z]{1,3}[- ]?\d{4,6}\b")
_one_letter = re.compile(r"\s*\w\.\s*")
"""The kind of place shortened to a letter: г. Киров, с. Ивановка."""

_comma = re.compile("[,;،，、\n]")


def standardise_municipality(text: str) -> Standardised:
    """Return the words of a municipality's name, given it or an address line that ends with it."""
    parts = _comma.split(_foreign_postcode.sub(" ", _bracketed.sub(" ", text)))
    places = [place for place in map(_place, parts) if place]
    while len(places) > 1 and places[-1] in country_names():
        places.pop()
    return _without_stand_ins(places[-1] if places else ""), None


def standardise_address(text: str) -> Standardised:
    """Return the words of an address line, street types shortened."""
    return _without_stand_ins(" ".join(ABBREVIATIONS.get(word, word) for word in fold(text).split())), None


def standardise_postcode(text: str) -> Standardised:
    """Return letters and digits of a postcode; zeros only means missing."""
    code = _without_stand_ins(_without_stand_ins(fold(text)).replace(" ", ""))
    return ("" if set(code) <= {"0"} else code), None


def _place(part: str) -> str:
    shortened = _one_letter.match(part)
    words = fold(part[shortened.end() :] if shortened else part).split()
    words = [WRITTEN_OUT.get(word, word) for word in words if not any(map(str.isdigit, word))]
    while len(words) > 1 and words[0] in PLACE_WORDS:
        words = words[1:]
    while len(words) > 1 and words[-1] in PLACE_ENDINGS:
        words = words[:-1]
    return " ".join(words)


def _without_stand_ins(value: str) -> str:
    return "" if value in STAND_INS else value
