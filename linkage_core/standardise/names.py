"""Names of persons: folded, in one order, without what files add or leave out at will.

    1. of a column that holds whole names, the declared part (`NameOrder`)
    2. words in Latin letters (`text.fold`); ä, å, ö, ø, ü as one letter
    3. names of one person's compound (Abd al-Rahman, Nur ud-Din) become one word
    4. markers of maiden and married names go; the name in use comes first: Müller geb. Schmidt, Schmidt épouse Müller
       and Müller-Schmidt are all `muller schmidt`
    5. particles and titles go, unless nothing else is left
    6. of given names, patronymics come last: they are second names

Before all of this, digits beside letters become the letters that look like them: 0leg, 1van, Ne1son.

Nothing is guessed: a whole name in a column that was not declared so stays as it is written.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

from linkage_core.standardise.findings import Standardised
from linkage_core.standardise.text import fold, listed

NameOrder = Literal["separate", "family-comma-given", "family-given", "given-family"]
"""How a column holds names: only this part; `Family, Given`; or the whole name, family name first or last."""

PARTICLES: Final = frozenset(
    listed(
        "af|al|as|ash|at|av|bin|bint|da|dal|das|de|degli|dei|del|della|den|der|des|di|do|dos|du|e|el|het|ibn|"
        "la|las|le|les|los|op|ould|te|ten|ter|the|und|van|vom|von|y|zu|zum|zur|ogli|ogly|oglu|qizi|kizi|kyzy|uly|uulu"
    )
)
"""Words that registers write, join or leave out at will. Words that are common given names too (ben, abu) stay."""

TITLES: Final = frozenset(listed("dr|prof|mr|mrs|ms|jr|sr|ii|iii|iv|mgr|dipl|hadji|haji|hajj"))
"""Titles and generations: they come and go like particles."""

STAND_INS: Final = frozenset(
    listed(
        "unknown|unkn|unk|not known|name unknown|no name|noname|none|null|nan|na|n a|nil|nn|n n|fnu|lnu|xxx|xx|x|test|"
        "unbekannt|inconnu|inconnue|desconocido|desconocida|neizvestno|neizvestna|neizvesten|nevidomo|utsnobi|"
        "majhul|agnostos|neznamy|neznama|nieznany|nieznana|anonymous|anonym|missing"
    )
)
"""What clerks type when there is no name: taken as missing."""

ONE_LETTER_FOR_TWO: Final = {"a[ae]+": "a", "oe+": "o", "ue+": "u"}
"""Travel documents write ä, å, ö, ø, ü as ae, aa, oe, oe, ue (ICAO Doc 9303, part 3); other files drop the marks. Both
become one letter, also where the letters are two (Michael, Manuel): the same in every file."""

COMPOUNDS: Final = (
    (r"\babd(?:[aeou]{1,2}[lrsdtzn])? (?:[aeu][lrsdtzn] )?(?=\w\w)", "abdul"),
    (r"\babdula?llah\b", "abdullah"),
    (r"\b(\w{2,}) (?:[aeou][ld] d|[aeou]dd)(?:i|e|ee|ie|y)ne?\b", r"\1uddin"),
    (r"\b(\w{2,}) (?:[aeou]l )?(?:u|a)llah\b", r"\1ullah"),
)
"""Arabic names of two words that other files write as one: servant of, … of the faith, … of God."""

BIRTH_NAME_MARKERS: Final = (
    r"geb|geborene?r?|gesch|verw|nee|z domu|urozhd(?:ennaya|ena)?|urodzona|rozena|rodena|rodj|fodt|fodd|szul|nacida|"
    r"nascida|dogum|dite?|alias|aka|formerly|otherwise"
)
"""Words between the name in use and another, mostly the name at birth."""

AMBIGUOUS_MARKERS: Final = "born|roz|ne|nata|vve|veuve|ep"
"""Markers that are names as well: taken as markers between two names only."""

MARRIED_NAME_MARKERS: Final = "epouse|mariee|verh|verheiratete?|married|coniugata|casada"
"""Words between the name at birth and the name in use."""

PATRONYMICS: Final = (
    r"\w{2,}(?:(?:ov|ev|yov|ow|ew)(?:ich|itch|itsch|ych|na)|(?:av|iv|yv)(?:na|ych|ich)|ichna|inichna|auna|euna)|"
    r"ilyich|ilich|kuzmich|lukich|fomich|nikitich|savvich"
)
"""East Slavic patronymics by their endings; not -ovic, which is a Serbian family name."""

CAPITALS_FOR_DIGITS: Final = {"0": "O", "1": "I", "2": "Z", "5": "S", "6": "G", "8": "B"}
SMALL_LETTERS_FOR_DIGITS: Final = {"0": "o", "1": "l", "2": "z", "5": "s", "6": "b", "8": "b", "9": "g"}
"""What machines read as a digit beside letters, in a place of a capital (the start of a word, or after a capital) or of
a small letter. No name holds a digit."""

COMPOUND_SURNAMES: Final = frozenset(
    listed("欧阳|歐陽|司马|司馬|诸葛|諸葛|上官|司徒|东方|皇甫|尉迟|万俟|慕容|令狐|公孙|夏侯")
)
"""Chinese family names of two characters; all others have one."""

_two_letters = [(re.compile(pattern), letter) for pattern, letter in ONE_LETTER_FOR_TWO.items()]
_any_two_letters = re.compile("|".join(ONE_LETTER_FOR_TWO))
_compounds = [(re.compile(pattern), joined) for pattern, joined in COMPOUNDS]
_birth_name = re.compile(rf"\b(?:{BIRTH_NAME_MARKERS})\b")
_ambiguous = re.compile(rf"(?<=\w )(?:(?:{AMBIGUOUS_MARKERS}) )+(?=\w)")
_married_name = re.compile(rf"\b(?:{MARRIED_NAME_MARKERS})\b")
_patronymic = re.compile(PATRONYMICS)
_digit = re.compile(r"(?<=[^\W\d_])[0-9]|[0-9](?=[^\W\d_])")
_comma = re.compile("[,،，、]")
_chinese = re.compile("[\u3400-\u9fff]{2,}")


def standardise_given_name(text: str, order: NameOrder = "separate") -> Standardised:
    """Return the words of a given name; a name made of particles only keeps them."""
    return _settled(_given_name_once, part_of(text, "given", order)), None


def standardise_family_name(text: str, order: NameOrder = "separate") -> Standardised:
    """Return the words of a family name, the name in use first; a name made of particles only keeps them."""
    return _settled(_family_name_once, part_of(text, "family", order)), None


def part_of(text: str, part: Literal["given", "family"], order: NameOrder) -> str:
    """Return one part of a column that holds names in a declared order.

    A name of one word, or without the comma that was declared, is a family name. A family name of several words is told
    by its particles only (van der Berg): columns with two family names need the comma or a column of each part.
    """
    if order == "separate":
        return text
    if order == "family-comma-given":
        comma = _comma.search(text)
        end, start = (comma.start(), comma.end()) if comma else (len(text), len(text))
        return text[:end] if part == "family" else text[start:]
    if _chinese.fullmatch(text.strip()):
        words, family = list(text.strip()), slice(0, 2 if text.strip()[:2] in COMPOUND_SURNAMES else 1)
        return "".join(words[family] if part == "family" else words[family.stop :])
    words = text.split()
    if order == "family-given":
        cut = next((place + 1 for place, word in enumerate(words) if fold(word) not in PARTICLES), len(words))
        return " ".join(words[:cut] if part == "family" else words[cut:])
    cut = max(len(words) - 1, 0)
    while cut and fold(words[cut - 1]) in PARTICLES:
        cut -= 1
    return " ".join(words[cut:] if part == "family" else words[:cut])


def _settled(once: Callable[[str], str], text: str) -> str:
    """Apply the rules until nothing changes: what one of them drops may bring others together."""
    name, before = fold(_digit.sub(_as_letter, text)), ""
    while name != before:
        name, before = once(_one_spelling(name)), name
    return "" if name in STAND_INS else name


def _as_letter(digit: re.Match[str]) -> str:
    before = digit.string[: digit.start()][-1:]
    letters = CAPITALS_FOR_DIGITS if not before.isalpha() or before.isupper() else SMALL_LETTERS_FOR_DIGITS
    return letters.get(digit[0], digit[0])


def _given_name_once(name: str) -> str:
    words = _without_additions(_birth_name.split(name, maxsplit=1)[0].split() or name.split())
    return " ".join(sorted(words, key=lambda word: _patronymic.fullmatch(word) is not None))


def _family_name_once(name: str) -> str:
    names_at_birth_first = [part.strip() for part in _married_name.split(name)]
    name = " ".join(filter(None, reversed(names_at_birth_first))) or name
    name = " ".join(_birth_name.sub(" ", name).split()) or name
    return _ambiguous.sub("", " ".join(_without_additions(name.split())))


def _one_spelling(name: str) -> str:
    if _any_two_letters.search(name):
        for pattern, letter in _two_letters:
            name = pattern.sub(letter, name)
    if " " in name:
        for pattern, joined in _compounds:
            name = pattern.sub(joined, name)
    return name


def _without_additions(words: list[str]) -> list[str]:
    return [word for word in words if word not in PARTICLES and word not in TITLES] or words
