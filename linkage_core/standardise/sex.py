"""Sex as recorded: m, f or x."""

from typing import Final

from linkage_core.standardise.findings import Reason, Standardised
from linkage_core.standardise.text import fold, listed

CODES: Final = {
    **dict.fromkeys(
        listed(
            "m|1|male|man|boy|masculine|masculino|maschile|maschio|masculin|mannlich|mann|mannelijk|homme|garcon|hombre|"
            "varon|homem|uomo|barbat|mies|mees|vyras|virietis|mezczyzna|muz|muzsky|muski|muskarac|moski|mashki|mazh|ferfi|"
            "muzh|muzhskoy|muzhskoi|muzhchina|cholovik|cholovicha|chalavek|mamrobiti|katsi|andras|arren|erkek|kisi|dhkr|"
            "mard|erkak|nanxing"
        ),
        "m",
    ),
    **dict.fromkeys(
        listed(
            "f|2|w|female|woman|girl|feminine|femenino|feminino|femminile|femmina|feminin|weiblich|frau|vrouwelijk|vrouw|"
            "femme|fille|mujer|mulher|donna|femeie|nainen|naine|moteris|sieviete|kvinna|kvinne|kvinde|kobieta|zena|zensky|"
            "zenski|zensko|zhena|zhenska|zh|zhen|zhenskiy|zhenskii|zhenshchina|zhinka|zhinocha|mdedrobiti|kali|gynaika|"
            "thily|kadin|qadin|antha|zan|ayol|nu|nuxing"
        ),
        "f",
    ),
    **dict.fromkeys(
        listed("x|3|d|other|diverse|divers|nonbinary|non binary|indeterminate|indeterminado|intersex|intersexuel"), "x"
    ),
}
"""Codes and words by their fold; 1 and 2 are ISO/IEC 5218. Of single letters those whose meaning no usual code list of
another language turns round; m and f are read as in English. A column with other letters (H and M, K and M, N and F) is
refused until its mapping says what they mean: in Spanish M is a woman, in Hungarian F a man."""

CHINESE: Final = {"男": "m", "女": "f"}
"""Signs whose fold would be another word."""

MISSING: Final = frozenset(
    listed("|u|unknown|not known|unspecified|unbekannt|inconnu|desconocido|na|n a|nan|null|none|not applicable|0|9")
)
"""No sex recorded; 0 and 9 are ISO/IEC 5218."""


def standardise_sex(text: str) -> Standardised:
    """Return m, f or x; any other code is `UNKNOWN_SEX_CODE`."""
    code = fold(text)
    known = CHINESE.get(text.strip()) or CODES.get(code, "")
    if not known and code in MISSING:
        return "", None
    return known, None if known else Reason.UNKNOWN_SEX_CODE
