"""Countries as ISO 3166-1 alpha-3 codes, from names and codes of many spellings."""

from functools import cache
from typing import Final

import pycountry

from linkage_core.standardise.findings import Reason, Standardised
from linkage_core.standardise.text import fold, listed

ALIASES: Final = {
    "uk": "GBR",
    "great britain": "GBR",
    "england": "GBR",
    "scotland": "GBR",
    "wales": "GBR",
    "northern ireland": "GBR",
    "usa": "USA",
    "america": "USA",
    "united states of america": "USA",
    "russia": "RUS",
    "south korea": "KOR",
    "north korea": "PRK",
    "iran": "IRN",
    "syria": "SYR",
    "vietnam": "VNM",
    "laos": "LAO",
    "moldova": "MDA",
    "tanzania": "TZA",
    "bolivia": "BOL",
    "venezuela": "VEN",
    "turkey": "TUR",
    "czech republic": "CZE",
    "macedonia": "MKD",
    "ivory coast": "CIV",
    "cape verde": "CPV",
    "swaziland": "SWZ",
    "burma": "MMR",
    "holland": "NLD",
    "palestine": "PSE",
    "democratic republic of the congo": "COD",
    "dr congo": "COD",
    "congo brazzaville": "COG",
    "kosovo": "XKX",
    "xkx": "XKX",
    "soviet union": "SUN",
    "ussr": "SUN",
    "udssr": "SUN",
    "yugoslavia": "YUG",
    "czechoslovakia": "CSK",
    "gdr": "DDR",
}
"""Usual names by their fold. States that are no more keep their withdrawn code: which successor is meant is unknown."""

FORMER: Final = frozenset({"SUN", "YUG", "CSK", "DDR", "SCG"})
"""Withdrawn alpha-3 codes that are accepted; other withdrawn codes were given to new countries or never held people."""

MISSING: Final = frozenset(
    listed("|unknown|not known|unk|xxx|xx|zzz|zz|n a|nan|null|none|stateless|xxa|other|not stated|000|999|0|9")
)
"""No country recorded; xxa, xxx are ICAO 9303. `na` is not in the list: it is Namibia's code."""


@cache
def country_table() -> dict[str, str]:
    """Return every accepted spelling, folded, with its alpha-3 code (upper case)."""
    table: dict[str, str] = {}
    for country in pycountry.countries:
        names = [country.name, getattr(country, "official_name", ""), getattr(country, "common_name", "")]
        for spelling in (*names, country.alpha_2, country.alpha_3, country.numeric, country.numeric.lstrip("0")):
            if spelling:
                table[fold(spelling)] = country.alpha_3
    table.update({code.lower(): code for code in FORMER})
    table.update(ALIASES)
    return table


def standardise_country(text: str) -> Standardised:
    """Return the alpha-3 code in upper case; an unknown spelling is `UNKNOWN_COUNTRY` and missing."""
    spelling = fold(text)
    if spelling in MISSING:
        return "", None
    code = country_table().get(spelling, "")
    return code, None if code else Reason.UNKNOWN_COUNTRY
