"""How one name comes to be written otherwise: transliteration, scripts, machine-readable letters, slips of the finger.

Every function takes a name and numbers drawn beforehand, and returns another spelling, or the same name where there is
none; what is random is decided by the caller.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from simulation.name_lists import ANY_CULTURE, Lists

# ICAO Doc 9303 part 3, section 6: letters that travel documents write as two; all others lose their marks.
_ICAO: Final = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "ß": "ss", "ł": "l", "đ": "d", "ð": "d",
        "þ": "th", "ı": "i", "ñ": "n", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa", "Ø": "Oe", "Æ": "Ae", "Ł": "L",
        "Đ": "D", "Ð": "D", "Þ": "Th", "İ": "I", "'": "",
    }
)  # fmt: skip

_NEAR_KEYS: Final = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl",
    "p": "ol", "a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jli",
    "l": "kop", "z": "asx", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "njk",
}  # fmt: skip

_PARTICLES: Final = frozenset({"de", "la", "da", "dos", "van", "den", "von", "le", "al", "el"})


def other_spelling(name: str, culture: str, lists: Lists, choice: int) -> str:
    """The name as another office transliterates it: a listed variant of one of its parts, else by its culture's rule.

    `choice` is any non-negative integer. The case of the first letter is kept.
    """
    parts = name.split(" ")
    listed = [i for i, part in enumerate(parts) if part in lists.variants]
    if listed:
        i = listed[choice % len(listed)]
        variants = lists.variants[parts[i]]
        parts[i] = variants[choice // len(listed) % len(variants)]
        return " ".join(parts)
    lower = name.lower()
    rules = [rule for rule in lists.spelling_rules.get(culture, ()) if rule[0] in lower]
    if not rules:
        return name
    old, new = rules[choice % len(rules)]
    respelled = name.replace(old, new).replace(old.capitalize(), new.capitalize())
    return respelled.strip(" -") or name


def sound_alike(name: str, culture: str, lists: Lists, choice: int) -> str:
    """The name as a stranger to it hears and writes it: letters of one place replaced by letters that sound alike.

    `choice` is any non-negative integer; the same name where no rule fits. The case of the first letter is kept.
    """
    lower = name.lower()
    if len(lower) != len(name):
        return name
    possible = [
        (place, spelled, heard)
        for group in (culture, ANY_CULTURE)
        for spelled, heard in lists.sound_alikes.get(group, ())
        for place in range(len(lower))
        if lower.startswith(spelled, place) and (heard or 0 < place < len(lower) - 1)
    ]
    if not possible:
        return name
    place, spelled, heard = possible[choice % len(possible)]
    changed = name[:place] + heard + name[place + len(spelled) :]
    return changed[:place] + changed[place].upper() + changed[place + 1 :] if name[place].isupper() else changed


def native_script(name: str, culture: str, lists: Lists) -> str:
    """The name in the script of its culture, letter by letter; unchanged where the culture writes Latin letters."""
    letters = lists.native_scripts.get(culture)
    if letters is None:
        return name
    lower, written, position = unicodedata.normalize("NFC", name).lower(), [], 0
    while position < len(lower):
        for latin, native in letters:
            if lower.startswith(latin, position):
                written.append(native)
                position += len(latin)
                break
        else:
            written.append(lower[position])
            position += 1
    return " ".join(part[:1].title() + part[1:] for part in "".join(written).split(" "))


def icao_spelling(name: str) -> str:
    """The name in the letters of a travel document's machine-readable zone: ö is oe, š is s (in mixed case)."""
    if name.isascii() and "'" not in name:
        return name
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFC", name).translate(_ICAO))
    kept = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", kept)


def without_a_part(name: str, keep_first: bool) -> str:
    """A double name reduced to one of its parts, a name with particles (de la, van, Al-) without them."""
    parts = name.replace("-", " ").split(" ")
    if len(parts) == 1:
        return name
    bare = [part for part in parts if part.lower() not in _PARTICLES]
    if bare and len(bare) < len(parts):
        return " ".join(bare)
    return parts[0] if keep_first else parts[-1]


def mistyped(name: str, kind: int, position: int, choice: int) -> str:
    """The name with one slip of the finger, always different from `name`.

    `kind` 0: a letter next to the right one on the keyboard; 1: a letter too few; 2: one typed twice; 3: two exchanged.
    `position` and `choice` are any non-negative integers. Where the kind cannot be (a name of one letter, two equal
    neighbours, a letter that is not on the keyboard), the letter is typed twice.
    """
    i = position % len(name)
    if kind == 0:
        near = _NEAR_KEYS.get(name[i].lower(), "")
        if near:
            typed = near[choice % len(near)]
            return name[:i] + (typed.upper() if name[i].isupper() else typed) + name[i + 1 :]
    if kind == 1 and len(name) > 2 and "".join((name[:i], name[i + 1 :])).strip():
        return name[:i] + name[i + 1 :]
    if kind == 3 and len(name) > 1:
        i = position % (len(name) - 1)
        if name[i] != name[i + 1]:
            return name[:i] + name[i + 1] + name[i] + name[i + 2 :]
    return name[: i + 1] + name[i] + name[i + 1 :]
