"""The rules' version and digest: what an agreement pins, so that all agents standardise alike.

Raise `VERSION` with every change that alters any standardised value. The digest covers the tables that the rules use,
those of anyascii and pycountry and verdicts of python-stdnum included; how they are applied is covered by the canary
digest, which compares what each
agent makes of the same records (`canary.py`). Unicode normalisation is Python's own: it is stable for every
character that all supported versions know.
"""

import hashlib
import json
from functools import cache
from typing import Final

from anyascii import anyascii

from linkage_core.errors import Refused
from linkage_core.schema import LinkageSchema, Standardisation
from linkage_core.standardise import (
    addresses,
    countries,
    dates,
    identifiers,
    names,
    nicknames,
    sex,
    skeleton,
    text,
    transliteration,
)
from linkage_core.standardise.variables import FORMS

VERSION: Final = 3

TRANSLITERATED: Final = 0x30000
"""Code points below this enter the digest with their transliteration: the planes that hold letters."""


@cache
def digest() -> str:
    """Return the SHA-256 of all tables of the rules, in hexadecimal. The first call takes some tenths of a second."""
    return hashlib.sha256(json.dumps(_tables(), sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()


def current() -> Standardisation:
    """Return the clause that a new agreement holds for these rules."""
    return Standardisation(version=VERSION, digest=digest())


def require_current(schema: LinkageSchema) -> None:
    """Raise `Refused` unless the agreement names exactly these rules: other rules would give other encodings."""
    agreed = schema.standardisation
    if agreed.version != VERSION:
        raise Refused(
            "linkage.standardisation.version", f"the agreement says {agreed.version}, this agent has {VERSION}"
        )
    if agreed.digest != digest():
        raise Refused(
            "linkage.standardisation.digest",
            "this agent's tables differ from the agreed ones; install the versions of anyascii, pycountry and "
            "python-stdnum that the agreement was made with",
        )


def _tables() -> dict[str, object]:
    letters = "".join(
        anyascii(chr(point)) + "\n" for point in range(0x80, TRANSLITERATED) if not 0xD800 <= point < 0xE000
    )
    return {
        "version": VERSION,
        "text": {"dropped": text.DROPPED},
        "transliteration": {
            "letters": hashlib.sha256(letters.encode()).hexdigest(),
            "cyrillic": [transliteration.SERBIAN, transliteration.UKRAINIAN, transliteration.BELARUSIAN],
            "greek": transliteration.GREEK,
            "arabic": [transliteration.ARABIC, transliteration.ARABIC_STARTS, sorted(transliteration.BEFORE_H)],
            "arabic without the article": sorted(transliteration.NOT_THE_ARTICLE),
            "chinese": transliteration.CHINESE_SURNAMES,
        },
        "names": {
            "particles": sorted(names.PARTICLES),
            "titles": sorted(names.TITLES),
            "stand-ins": sorted(names.STAND_INS),
            "one letter for two": names.ONE_LETTER_FOR_TWO,
            "compounds": names.COMPOUNDS,
            "markers": [names.BIRTH_NAME_MARKERS, names.AMBIGUOUS_MARKERS, names.MARRIED_NAME_MARKERS],
            "patronymics": names.PATRONYMICS,
            "compound surnames": sorted(names.COMPOUND_SURNAMES),
            "letters for digits": [names.CAPITALS_FOR_DIGITS, names.SMALL_LETTERS_FOR_DIGITS],
        },
        "nicknames": nicknames.roots(),
        "skeleton": {"sounds": skeleton.SOUNDS, "wade-giles": skeleton.WADE_GILES},
        "dates": {
            "shapes": dates.SHAPES,
            "sentinels": sorted(dates.SENTINELS | dates.SENTINEL_DIGITS),
            "unknown": dates.UNKNOWN_PART,
            "look-alikes": [dates.LOOK_ALIKES, dates.MOST_LOOK_ALIKES],
            "time": dates.TIME,
            "stand-ins": sorted(dates.STAND_INS),
            "year-only": sorted(dates.YEAR_ONLY_DAYS),
            "years": [dates.EARLIEST_YEAR, dates.LATEST_YEAR],
        },
        "sex": {"codes": sex.CODES | sex.CHINESE, "missing": sorted(sex.MISSING)},
        "countries": countries.country_tables(),
        "identifiers": {
            "stand-ins": sorted(identifiers.STAND_INS),
            "shortest": identifiers.SHORTEST,
            "schemes": {scheme: identifiers.verdicts(scheme) for scheme in identifiers.PROBES},
        },
        "addresses": {
            "abbreviations": [addresses.ABBREVIATIONS, addresses.WRITTEN_OUT],
            "kinds of place": [sorted(addresses.PLACE_WORDS), sorted(addresses.PLACE_ENDINGS)],
            "stand-ins": sorted(addresses.STAND_INS),
        },
        "forms": FORMS,
    }
