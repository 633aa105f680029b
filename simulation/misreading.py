"""What a machine reads where letters and digits look alike: one character, or one pair, for another."""

from __future__ import annotations

from typing import Final

_LOOK_ALIKES: Final = (
    ("rn", "m"), ("m", "rn"), ("cl", "d"), ("d", "cl"), ("vv", "w"), ("w", "vv"), ("nn", "m"), ("ii", "u"),
    ("O", "0"), ("o", "0"), ("l", "1"), ("l", "I"), ("I", "1"), ("I", "l"), ("i", "l"), ("i", "1"), ("S", "5"),
    ("s", "5"), ("B", "8"), ("Z", "2"), ("z", "2"), ("G", "6"), ("D", "O"), ("Q", "O"), ("b", "6"), ("g", "9"),
    ("g", "q"), ("U", "V"), ("V", "U"), ("E", "F"), ("F", "E"), ("C", "G"), ("e", "c"), ("c", "e"), ("h", "b"),
    ("n", "u"), ("u", "n"), ("v", "y"), ("y", "v"), ("t", "f"), ("f", "t"), ("a", "o"), ("M", "N"), ("N", "M"),
    ("P", "F"), ("R", "K"), ("K", "R"), ("T", "I"), ("H", "N"),
)  # fmt: skip
"""What stands there, and what is read."""

_DIGITS: Final = {
    "0": "O86", "1": "lI7", "2": "Z7", "3": "89", "4": "9A", "5": "S6", "6": "058", "7": "1T", "8": "B36", "9": "4g0",
}  # fmt: skip
"""What each digit is read as."""


def misread_name(name: str, choice: int) -> str:
    """The name with one letter or pair misread; the same name where none looks like another.

    `choice` is any non-negative integer.
    """
    possible = [(place, seen, read) for seen, read in _LOOK_ALIKES for place in _places(name, seen)]
    if not possible:
        return name
    place, seen, read = possible[choice % len(possible)]
    return name[:place] + read + name[place + len(seen) :]


def misread_digits(text: str, choice: int) -> str:
    """The text, which holds a digit, with one digit misread as another or as a letter."""
    places = [place for place, character in enumerate(text) if character in _DIGITS]
    place = places[choice % len(places)]
    read = _DIGITS[text[place]]
    return text[:place] + read[choice // 16 % len(read)] + text[place + 1 :]


def _places(name: str, seen: str) -> list[int]:
    return [place for place in range(len(name)) if name.startswith(seen, place)]
