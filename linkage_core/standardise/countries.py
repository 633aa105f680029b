"""Countries as ISO 3166-1 alpha-3 codes, from names in many languages and codes of a declared list.

One spelling can mean two countries: a code of two lists, of a list that changed, or a name that two states bear. Such a
value is not decided by what is frequent: it is `AMBIGUOUS_COUNTRY`, missing in the encoding, and its candidates are
told to the agency, unless the place (of birth, mostly) that stands beside it decides. The United States' Numident is
the standing example: its CA is California or Canada, its CH was used for Chile as well as for Switzerland.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import pycountry

from linkage_core.standardise.country_codes import (
    FIPS,
    FORMER,
    ICAO,
    ICAO_NO_COUNTRY,
    IOC,
    RENAMED,
    ROAD,
    SUCCESSORS,
    US_STATES,
)
from linkage_core.standardise.country_names import AMBIGUOUS_NAMES, country_names, places_of
from linkage_core.standardise.findings import Reason, Standardised
from linkage_core.standardise.text import fold, listed

CountryCodes = Literal["iso", "icao", "ioc", "fips", "road", "numident"]
"""The code list of a column. A name is read whatever the list; a code only as the declared list has it.

`numident`: codes of states are the USA; other codes of two letters count where ISO 3166 and FIPS 10-4 agree, and are
ambiguous where they do not. No published table of the Social Security Administration's own codes was found.
"""

ISO_ALIASES: Final = {"uk": "GBR", "xkx": "XKX", "xk": "XKX", "gdr": "DEU", "frg": "DEU", "brd": "DEU", "uae": "ARE"}
"""Short forms that people write among ISO codes, where they stand for nothing else."""

AMBIGUOUS_CODES: Final[dict[CountryCodes, dict[str, tuple[str, ...]]]] = {
    "iso": {"cs": ("CSK", "SCG"), "891": ("SCG", "YUG")},
    "ioc": {"uar": ("EGY", "SYR")},
    "numident": {"ca": ("CAN", "USA"), "ch": ("CHE", "CHL"), "georgia": ("GEO", "USA")},
}
"""Codes that a list gave to two countries, in turn or at once."""

PLACE_SEPARATOR: Final = "\x1f"
"""Stands between a country and the place beside it in one text (`with_places`)."""

MISSING: Final = frozenset(
    listed("|unknown|not known|unk|xxx|xx|zzz|zz|n a|nan|null|none|stateless|xxa|other|not stated|000|999|0|9|99")
)
"""No country recorded; xxa, xxx are ICAO 9303. `na` is not in the list: it is Namibia's code."""

_NUMIDENT_PLACE: Final = 12
"""The Numident keeps this many characters of a place, so no more are compared."""


@dataclass(frozen=True, slots=True)
class CountryReading:
    """What a spelling means: `code`, "" if none; `candidates`, sorted, where it may mean several or a former state."""

    code: str
    candidates: tuple[str, ...] = ()


def read_country(text: str, codes: CountryCodes = "iso") -> CountryReading | None:
    """Return what a country's name or code means in a code list; None if nothing is known by it.

    A former state with several successors has its code and its successors as candidates. Candidates are entries of a
    public list, not values of persons.
    """
    written, _, place = text.partition(PLACE_SEPARATOR)
    spelling = fold(written)
    candidates = AMBIGUOUS_CODES.get(codes, {}).get(spelling) or AMBIGUOUS_NAMES.get(spelling) or ()
    code = "" if candidates else _code_table(codes).get(spelling, "") or country_names().get(spelling, "")
    if code in SUCCESSORS:
        return CountryReading(code, SUCCESSORS[code])
    if code:
        return CountryReading(code)
    if not candidates and codes == "numident":
        candidates = _disagreeing().get(spelling, ())
    if candidates:
        return CountryReading(_decided(candidates, fold(place)), candidates)
    if spelling in MISSING or (codes == "icao" and spelling in ICAO_NO_COUNTRY):
        return CountryReading("")
    return None


def standardise_country(text: str, codes: CountryCodes = "iso") -> Standardised:
    """Return the alpha-3 code in upper case; what is unknown or ambiguous is missing, with a finding."""
    reading = read_country(text, codes)
    if reading is None:
        return "", Reason.UNKNOWN_COUNTRY
    return reading.code, Reason.AMBIGUOUS_COUNTRY if reading.candidates and not reading.code else None


def with_places(countries: Sequence[str], places: Sequence[str]) -> list[str]:
    """Return countries with the places beside them, row by row, as `standardise_country` takes them."""
    return [f"{country}{PLACE_SEPARATOR}{place}" for country, place in zip(countries, places, strict=True)]


@cache
def _code_table(codes: CountryCodes) -> dict[str, str]:
    alpha_3 = {country.alpha_3.lower(): country.alpha_3 for country in pycountry.countries}
    alpha_3 |= {code.lower(): code for code in FORMER} | {"xkx": "XKX"}
    if codes == "iso":
        table = {}
        for country in pycountry.countries:
            for code in (country.alpha_2.lower(), country.numeric, country.numeric.lstrip("0")):
                table[code] = country.alpha_3
        return RENAMED | ISO_ALIASES | alpha_3 | table
    if codes == "fips":
        return alpha_3 | FIPS
    if codes == "numident":
        disagreeing = _disagreeing()
        two_letters = {code: country for code, country in _two_letters().items() if code not in disagreeing}
        return alpha_3 | two_letters | dict.fromkeys(US_STATES, "USA")
    return alpha_3 | {"icao": ICAO, "ioc": IOC, "road": ROAD}[codes]


@cache
def _two_letters() -> dict[str, str]:
    return FIPS | {country.alpha_2.lower(): country.alpha_3 for country in pycountry.countries}


@cache
def _disagreeing() -> dict[str, tuple[str, ...]]:
    """Codes of two letters that mean one country in FIPS 10-4 and another in ISO 3166, and no state of the USA."""
    return {
        code: tuple(sorted((FIPS[code], country)))
        for code, country in _two_letters().items()
        if FIPS.get(code, country) != country and code not in US_STATES
    }


def _decided(candidates: Sequence[str], place: str) -> str:
    """Return the one candidate that has this place, "" if none or several have."""
    start = place[:_NUMIDENT_PLACE]
    having = [code for code in candidates if start and start in {name[:_NUMIDENT_PLACE] for name in places_of(code)}]
    return having[0] if len(having) == 1 else ""


def country_tables() -> dict[str, object]:
    """Return all that decides how a country is read, for the rules' digest."""
    lists: tuple[CountryCodes, ...] = ("iso", "icao", "ioc", "fips", "road", "numident")
    several = {code for lists_of in AMBIGUOUS_CODES.values() for codes in lists_of.values() for code in codes}
    several |= {code for codes in (*AMBIGUOUS_NAMES.values(), *_disagreeing().values()) for code in codes}
    return {
        "names": country_names(),
        "codes": {name: _code_table(name) for name in lists},
        "ambiguous": [AMBIGUOUS_NAMES, AMBIGUOUS_CODES, _disagreeing()],
        "places": {code: sorted(places_of(code)) for code in sorted(several)},
        "missing": [sorted(MISSING), sorted(ICAO_NO_COUNTRY)],
    }
