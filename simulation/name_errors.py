"""Names as an agency writes them down: every kind of error of names, in the order of `ErrorProfile`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation import spelling
from simulation.hits import Hits
from simulation.misreading import misread_name
from simulation.name_lists import Lists, Texts


@dataclass(frozen=True, slots=True)
class TrueNames:
    """The true names of the people of some records, one array element a record."""

    given: Texts
    second_given: Texts
    """Empty text for none."""
    family: Texts
    earlier_family: Texts
    """Equal to `family` where the name never changed."""
    culture: npt.NDArray[np.int64]


def recorded_names(true: TrueNames, lists: Lists, hits: Hits) -> tuple[Texts, Texts]:
    """Given and family names as written down; None where missing."""
    given, family = _given_names(true, lists, hits), _family_names(true, hits)
    latin = _respell(given, family, true.culture, lists, hits)
    _set_down(given, family, latin, hits)
    everyone = np.ones(hits.count, dtype=bool)
    nameless = hits.draw("missing_given_name")
    given[nameless] = None
    everyone[nameless] = False
    family[hits.draw("missing_family_name", everyone)] = None
    return given, family


def _given_names(true: TrueNames, lists: Lists, hits: Hits) -> Texts:
    """First and second given names as the agency knows them, a space between them."""
    first, second = true.given.copy(), true.second_given.copy()

    def shorten(row: int, choice: int) -> bool:
        short = lists.nicknames.get(first[row], ())
        if short:
            first[row] = short[choice % len(short)]
        return bool(short)

    hits.try_each("nickname", shorten)
    second[hits.draw("missing_second_name", second != "")] = ""
    given: Texts = np.where(second != "", first + " " + second, first)
    return given


def _family_names(true: TrueNames, hits: Hits) -> Texts:
    """Family names as the agency knows them: of before, or a part of them."""
    family = true.family.copy()
    outdated = hits.draw("outdated_name", true.family != true.earlier_family)
    family[outdated] = true.earlier_family[outdated]

    def drop_a_part(row: int, choice: int) -> bool:
        family[row] = spelling.without_a_part(family[row], choice % 2 == 0)
        return True

    several_parts = _each(family, lambda name: " " in name or "-" in name)
    hits.try_each("dropped_name_part", drop_a_part, eligible=several_parts)
    return family


def _respell(
    given: Texts, family: Texts, culture: npt.NDArray[np.int64], lists: Lists, hits: Hits
) -> npt.NDArray[np.bool_]:
    """Other spellings, scripts and slips, in place; returns which rows are in Latin letters."""
    cultures = [each.name for each in lists.cultures]

    def respell(row: int, name: str, choice: int) -> str:
        return spelling.other_spelling(name, cultures[culture[row]], lists, choice)

    def hear(row: int, name: str, choice: int) -> str:
        return spelling.sound_alike(name, cultures[culture[row]], lists, choice)

    def slip(_row: int, name: str, choice: int) -> str:
        return spelling.mistyped(name, choice % 4, choice // 4 % 97, choice // 512)

    hits.try_each("transliteration_variant", _of_one_name(given, family, respell))
    hits.try_each("sound_alike", _of_one_name(given, family, hear))
    scripts = np.array([name in lists.native_scripts for name in cultures])
    native = hits.draw("native_script", scripts[culture])
    latin = np.ones(hits.count, dtype=bool)
    latin[native] = False
    for row in native.tolist():
        for names in (given, family):
            names[row] = spelling.native_script(names[row], cultures[culture[row]], lists)
    hits.try_each("typing_error", _of_one_name(given, family, slip), letters=_letters(given, family))
    return latin


def _set_down(given: Texts, family: Texts, latin: npt.NDArray[np.bool_], hits: Hits) -> None:
    """What comes of forms, documents and machines, in place."""
    beyond_ascii = _each(given + family, lambda name: not name.isascii() or "'" in name)
    for row in hits.draw("icao_spelling", beyond_ascii & latin).tolist():
        given[row], family[row] = spelling.icao_spelling(given[row]), spelling.icao_spelling(family[row])

    swapped = hits.draw("swapped_name_order")
    given[swapped], family[swapped] = family[swapped], given[swapped]

    for row in hits.draw("upper_case", latin).tolist():
        given[row], family[row] = given[row].upper(), family[row].upper()

    def misread(_row: int, name: str, choice: int) -> str:
        return misread_name(name, choice)

    hits.try_each(
        "misread_letter", _of_one_name(given, family, misread), eligible=latin, letters=_letters(given, family)
    )

    def space(_row: int, name: str, choice: int) -> str:
        return name.replace(" ", "  ") if " " in name else (f" {name}" if choice % 2 else f"{name} ")

    hits.try_each("extra_space", _of_one_name(given, family, space))


def _of_one_name(given: Texts, family: Texts, change: Callable[[int, str, int], str]) -> Callable[[int, int], bool]:
    """A change of the given or the family name of a row, the longer the likelier, of those that can be changed."""

    def change_row(row: int, choice: int) -> bool:
        letters = len(given[row]) + len(family[row])
        for names in (given, family) if choice % letters < len(given[row]) else (family, given):
            changed = change(row, names[row], choice // 64)
            if changed != names[row]:
                names[row] = changed
                return True
        return False

    return change_row


def _letters(given: Texts, family: Texts) -> npt.NDArray[np.int64]:
    return np.array([len(one) + len(other) for one, other in zip(given, family, strict=True)], dtype=np.int64)


def _each(texts: Iterable[str], condition: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    return np.array([condition(text) for text in texts], dtype=bool)
