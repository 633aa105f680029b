"""Names of persons: folded, particles and stand-ins removed, two spellings of one letter made one."""

import re
from typing import Final

from linkage_core.standardise.findings import Standardised
from linkage_core.standardise.text import fold, listed

PARTICLES: Final = frozenset(
    listed(
        "af|al|as|ash|at|av|bin|bint|da|dal|das|de|degli|dei|del|della|den|der|des|di|do|dos|du|e|el|het|ibn|"
        "la|las|le|les|los|op|ould|te|ten|ter|the|und|van|vom|von|y|zu|zum|zur"
    )
)
"""Words that registers write, join or leave out at will. Words that are common given names too (ben, abu, abd) stay."""

STAND_INS: Final = frozenset(
    listed(
        "unknown|unkn|unk|not known|name unknown|no name|noname|none|null|nan|na|n a|nil|nn|n n|fnu|lnu|xxx|xx|x|test|"
        "unbekannt|inconnu|desconocido|desconocida|neizvestno|anonymous|anonym|missing"
    )
)
"""What clerks type when there is no name: taken as missing."""

ONE_LETTER_FOR_TWO: Final = {"a[ae]+": "a", "oe+": "o", "ue+": "u"}
"""Travel documents write ä, å, ö, ø, ü as ae, aa, oe, oe, ue (ICAO Doc 9303, part 3); other files drop the marks. Both
become one letter, also where the letters are two (Michael, Manuel): the same in every file."""

_any_two_letters = re.compile("|".join(ONE_LETTER_FOR_TWO))
_two_letters = [(re.compile(pattern), letter) for pattern, letter in ONE_LETTER_FOR_TWO.items()]


def standardise_name(text: str) -> Standardised:
    """Return a name's words without particles; a name made of particles only keeps them."""
    name = fold(text)
    if _any_two_letters.search(name):
        for pattern, letter in _two_letters:
            name = pattern.sub(letter, name)
    words = name.split()
    kept = " ".join([w for w in words if w not in PARTICLES] or words)
    return ("" if kept in STAND_INS else kept), None
