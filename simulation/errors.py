"""True identities in, recorded identities out: applies an error profile and says what it did to which record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation import spelling
from simulation.error_profiles import ErrorProfile
from simulation.name_lists import Lists, Texts
from simulation.period import date_text

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrueIdentities:
    """What is true of the people of some records, one array element a record."""

    given: Texts
    second_given: Texts
    """Empty text for none."""
    family: Texts
    earlier_family: Texts
    """Equal to `family` where the name never changed."""
    culture: npt.NDArray[np.int64]
    birth: npt.NDArray[np.int64]
    """Days since 1970-01-01."""
    sex: Texts
    """"M" or "F"."""


@dataclass(frozen=True, slots=True)
class RecordedIdentities:
    """What the agency's file says of the same people, and the rows that suffered each kind of error."""

    given_name: Texts
    family_name: Texts
    birth_date: Texts
    """A date in the agency's style, or the part of it that is known."""
    sex: Texts
    """None where missing."""
    errors: dict[str, Rows]
    """By field name of `ErrorProfile`, ascending rows; kinds that hit nobody are absent."""


def record(
    true: TrueIdentities,
    profile: ErrorProfile,
    lists: Lists,
    date_style: str,
    latest_birth: int,
    rng: np.random.Generator,
) -> RecordedIdentities:
    """Write the identities down as an agency with this profile does; `latest_birth` is the last day that is past."""
    errors: dict[str, Rows] = {}

    def hit(kind: str, eligible: npt.NDArray[np.bool_]) -> Rows:
        """Draw the eligible records that suffer `kind`, and note them."""
        rows = np.flatnonzero((rng.random(len(true.given)) < getattr(profile, kind)) & eligible)
        if len(rows):
            errors[kind] = rows
        return rows

    given, family = _recorded_names(true, lists, rng, hit)
    birth_date = _recorded_birth_dates(true.birth, date_style, latest_birth, rng, hit)
    sex = true.sex.copy()
    sex[hit("missing_sex", np.ones(len(sex), dtype=bool))] = None
    return RecordedIdentities(given, family, birth_date, sex, errors)


Hit = Callable[[str, npt.NDArray[np.bool_]], Rows]


def _recorded_names(true: TrueIdentities, lists: Lists, rng: np.random.Generator, hit: Hit) -> tuple[Texts, Texts]:
    family = true.family.copy()
    outdated = hit("outdated_name", true.family != true.earlier_family)
    family[outdated] = true.earlier_family[outdated]

    second = true.second_given.copy()
    second[hit("missing_second_name", second != "")] = ""
    given = np.where(second != "", true.given + " " + second, true.given)

    several_parts = _each(family, lambda name: " " in name or "-" in name)
    for row, choice in _with_choices(hit("dropped_name_part", several_parts), rng):
        family[row] = spelling.without_a_part(family[row], choice % 2 == 0)

    _respell(given, family, true.culture, lists, rng, hit)

    cultures = [culture.name for culture in lists.cultures]
    scripts = np.array([name in lists.native_scripts for name in cultures])
    native = hit("native_script", scripts[true.culture])
    latin = np.ones(len(given), dtype=bool)
    latin[native] = False
    for row in native.tolist():
        for names in (given, family):
            names[row] = spelling.native_script(names[row], cultures[true.culture[row]], lists)

    for row, choice in _with_choices(hit("typing_error", np.ones(len(given), dtype=bool)), rng):
        names = given if choice % 2 else family
        names[row] = spelling.mistyped(names[row], choice // 2 % 4, choice // 8 % 97, choice // 1024)

    beyond_ascii = _each(given + family, lambda name: not name.isascii() or "'" in name)
    for row in hit("icao_spelling", beyond_ascii & latin).tolist():
        given[row], family[row] = spelling.icao_spelling(given[row]), spelling.icao_spelling(family[row])

    swapped = hit("swapped_name_order", np.ones(len(given), dtype=bool))
    given[swapped], family[swapped] = family[swapped], given[swapped]

    for row in hit("upper_case", latin).tolist():
        given[row], family[row] = given[row].upper(), family[row].upper()

    for row, choice in _with_choices(hit("extra_space", np.ones(len(given), dtype=bool)), rng):
        names = given if choice % 2 else family
        name = names[row]
        names[row] = name.replace(" ", "  ") if " " in name else (f" {name}" if choice // 2 % 2 else f"{name} ")
    return given, family


def _respell(
    given: Texts, family: Texts, culture: npt.NDArray[np.int64], lists: Lists, rng: np.random.Generator, hit: Hit
) -> None:
    """Spell one name of each record that suffers it another way, in place."""
    cultures = [each.name for each in lists.cultures]
    choices = rng.integers(0, 2**20, len(given)).tolist()
    respelled = np.array(
        [
            _other_spelling(names, cultures[index], lists, choice)
            for names, index, choice in zip(zip(given, family, strict=True), culture, choices, strict=True)
        ],
        dtype=object,
    ).reshape(len(given), 2)
    possible = (respelled[:, 0] != given) | (respelled[:, 1] != family)
    rows = hit("transliteration_variant", possible)
    given[rows], family[rows] = respelled[rows, 0], respelled[rows, 1]


def _other_spelling(names: tuple[str, str], culture: str, lists: Lists, choice: int) -> tuple[str, str]:
    """Given and family name, one of the two spelled another way if either can be."""
    given, family = names
    first_given = choice % 2 == 0
    for of_given in (first_given, not first_given):
        name = given if of_given else family
        other = spelling.other_spelling(name, culture, lists, choice // 2)
        if other != name:
            return (other, family) if of_given else (given, other)
    return names


def _recorded_birth_dates(
    birth: npt.NDArray[np.int64], style: str, latest: int, rng: np.random.Generator, hit: Hit
) -> Texts:
    month_start = birth.astype("datetime64[D]").astype("datetime64[M]")
    year_start = month_start.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    day = birth - month_start.astype("datetime64[D]").astype(np.int64) + 1
    year = month_start.astype("datetime64[Y]").astype(np.int64) + 1970
    month = month_start.astype(np.int64) % 12 + 1
    untouched = np.ones(len(birth), dtype=bool)
    written = birth.copy()

    rows = hit("sentinel_birth_date", untouched)
    the_year_1900 = rng.random(len(rows)) < 0.5
    written[rows] = np.where(the_year_1900, _day_number(1900, 1, 1), year_start[rows])
    untouched[rows] = False

    only_year = hit("missing_birth_month", untouched)
    untouched[only_year] = False
    only_month = hit("missing_birth_day", untouched)
    untouched[only_month] = False

    exchanged = _day_number(year, day.clip(max=12), month)
    rows = hit("swapped_day_month", untouched & (day <= 12) & (day != month) & (exchanged <= latest))
    written[rows] = exchanged[rows]
    untouched[rows] = False

    rows = hit("mistyped_birth_date", untouched)
    slip = rng.integers(0, 3, len(rows))
    other_year = _day_number(year[rows] - np.where(slip == 0, 1, 10), month[rows], day[rows])
    # The last days of a month do not exist in every year; there it is the day that is mistyped.
    written[rows] = np.where((slip == 2) | (day[rows] > 28), birth[rows] - 1, other_year)

    text = date_text(written, style)
    text[only_year] = year[only_year].astype(str)
    text[only_month] = date_text(written[only_month], _month_style(style))
    return text


def _day_number(
    year: npt.NDArray[np.int64] | int, month: npt.NDArray[np.int64] | int, day: npt.NDArray[np.int64] | int
) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01; a day beyond the month's length runs on into the next month."""
    months = ((np.asarray(year) - 1970) * 12 + np.asarray(month) - 1).astype("datetime64[M]")
    number: npt.NDArray[np.int64] = months.astype("datetime64[D]").astype(np.int64) + np.asarray(day) - 1
    return number


def _month_style(style: str) -> str:
    """The style of a date whose day is unknown: `%d.%m.%Y` without the day is `%m.%Y`."""
    return style.replace("%d.", "").replace("-%d", "")


def _each(names: Texts, question: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    return np.fromiter((question(name) for name in names), dtype=bool, count=len(names))


def _with_choices(rows: Rows, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Each row with a non-negative integer drawn for it."""
    return zip(rows.tolist(), rng.integers(0, 2**30, len(rows)).tolist(), strict=True)
