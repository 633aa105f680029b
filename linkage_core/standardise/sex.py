"""Sex as recorded: m, f or x."""

from typing import Final

from linkage_core.standardise.findings import Reason, Standardised
from linkage_core.standardise.text import fold, listed

CODES: Final = {
    **dict.fromkeys(listed("m|male|man|boy|masculine|mannlich|masculin|homme|hombre|muzh|muzhskoy|1"), "m"),
    **dict.fromkeys(listed("f|female|woman|girl|feminine|weiblich|feminin|femme|mujer|w|zh|zhen|zhenskiy|2"), "f"),
    **dict.fromkeys(listed("x|other|diverse|divers|nonbinary|indeterminate|intersex|d|3"), "x"),
}
"""Codes and words by their fold; 1 and 2 are ISO/IEC 5218."""

MISSING: Final = frozenset(listed("|u|unknown|not known|na|n a|nan|null|none|not applicable|0|9"))
"""No sex recorded; 0 and 9 are ISO/IEC 5218."""


def standardise_sex(text: str) -> Standardised:
    """Return m, f or x; any other code is `UNKNOWN_SEX_CODE`."""
    code = fold(text)
    if code in MISSING:
        return "", None
    known = CODES.get(code, "")
    return known, None if known else Reason.UNKNOWN_SEX_CODE
