"""What is odd about the spelling of a name: digits, one letter, damage from a wrong character set, mixed scripts."""

import re
import unicodedata
from enum import IntFlag
from typing import Final

LONGEST_USUAL: Final = 60

MIXED: Final = "more than one script"
NO_LETTERS: Final = "no letters"
_NAMES: Final = {"CJK": "Chinese characters", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}


class Oddity(IntFlag):
    """What may be odd about a name; one name may have several."""

    DIGITS = 1
    ONE_LETTER = 2
    DAMAGED = 4
    LONG = 8


SENTENCES: Final[dict[Oddity, tuple[str, str]]] = {
    Oddity.DIGITS: ("with a digit", "Look for house numbers, document numbers or remarks typed into the name."),
    Oddity.ONE_LETTER: ("of one letter", "Look for initials; write the name in full where the file has it."),
    Oddity.DAMAGED: (
        "with signs of a wrong character set",
        "Letters were lost or replaced in a conversion. Export again, and declare the mapping's encoding as written.",
    ),
    Oddity.LONG: (f"of more than {LONGEST_USUAL} characters", "Look for remarks or several names in one field."),
}
"""What is said of each, and what to do."""

_digit = re.compile(r"\d")
_damaged = re.compile(r"\ufffd|\w\?\w|[\u00c2-\u00c5\u00d0\u00d1][\u0080-\u00bf\u2018-\u2122]|\u00e2\u20ac")
"""The replacement character, a question mark inside a word, and UTF-8 that was read as Latin-1 or cp1252."""


def oddities(text: str) -> Oddity:
    """Return what is odd about a name as the file has it."""
    found = Oddity(0)
    if _digit.search(text):
        found |= Oddity.DIGITS
    stripped = text.strip()
    if len(stripped.rstrip(".")) == 1 and stripped[0].isalpha() and stripped.isascii():
        found |= Oddity.ONE_LETTER
    if ("?" in text or not text.isascii()) and _damaged.search(text):
        found |= Oddity.DAMAGED
    if len(stripped) > LONGEST_USUAL:
        found |= Oddity.LONG
    return found


def script_of(text: str) -> str:
    """Return the script of a text's letters, `MIXED` or `NO_LETTERS`: Latin, Cyrillic, Arabic, …"""
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else NO_LETTERS
    scripts = {_script(letter) for letter in text if letter.isalpha()}
    if not scripts:
        return NO_LETTERS
    return scripts.pop() if len(scripts) == 1 else MIXED


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "OTHER").split(" ")[0].split("-")[0]
    return _NAMES.get(name, name.capitalize())
