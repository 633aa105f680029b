"""The lists behind the invented people: names by culture, spelling rules, scripts, origins and municipalities.

All lists are `simulation/data/*.csv`, written for this project. A *culture* is a group of names, not of people.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

HOME_COUNTRY: Final = "XSY"
"""The invented country; ISO 3166-1 reserves XAA..XZZ for its users, so no real country will ever have this code."""

HOME_CULTURE: Final = "home"

ANY_CULTURE: Final = "any"
"""In `sound_alikes.csv`: rules for the names of all cultures."""

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Culture:
    """The names of one culture and its habits; lists in order of frequency, the most frequent first."""

    name: str
    given: Mapping[str, Texts]
    """By sex, "M" and "F"."""
    family: tuple[Texts, Texts]
    """Frequent family names: the form of men and the form of women, in parallel."""
    stems: Texts
    middles: Texts
    endings: tuple[Texts, Texts]
    """Endings of generated family names: the form of men and the form of women, in parallel."""
    generated_share: float
    second_given_share: float
    double_family_share: float
    double_joiner: str
    partner_takes_name_share: float


@dataclass(frozen=True, slots=True)
class Origins:
    """Countries that people come from, with their cultures (indices into `Lists.cultures`) and weights (sum 1)."""

    countries: Texts
    cultures: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Municipalities:
    """Municipalities of the invented country with their regions and weights (sum 1)."""

    names: Texts
    regions: Texts
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lists:
    """Everything read from the package's data files."""

    cultures: tuple[Culture, ...]
    origins: Origins
    municipalities: Municipalities
    variants: Mapping[str, tuple[str, ...]]
    """Other spellings of a given name."""
    nicknames: Mapping[str, tuple[str, ...]]
    """Short and pet forms of a given name."""
    spelling_rules: Mapping[str, tuple[tuple[str, str], ...]]
    """By culture: pairs of letters that are also spelled otherwise."""
    sound_alikes: Mapping[str, tuple[tuple[str, str], ...]]
    """By culture, and under `ANY_CULTURE`: letters, and the letters that a stranger to the name hears."""
    native_scripts: Mapping[str, tuple[tuple[str, str], ...]]
    """By culture: Latin letters and the letters of the culture's own script, longest Latin first."""

    def culture_index(self, name: str) -> int:
        """The position of a culture in `cultures`."""
        return next(i for i, culture in enumerate(self.cultures) if culture.name == name)


@lru_cache(maxsize=1)
def load_lists() -> Lists:
    """Read all lists of the package, once."""
    given = list(_rows("given_names.csv"))
    family = list(_rows("family_names.csv"))
    cultures = tuple(_culture(row, given, family) for row in _rows("cultures.csv"))
    index = {culture.name: i for i, culture in enumerate(cultures)}
    origins = list(_rows("origins.csv"))
    places = list(_rows("municipalities.csv"))
    return Lists(
        cultures=cultures,
        origins=Origins(
            countries=_texts(row["country"] for row in origins),
            cultures=np.array([index[row["culture"]] for row in origins], dtype=np.int64),
            weights=_weights(row["weight"] for row in origins),
        ),
        municipalities=Municipalities(
            names=_texts(row["municipality"] for row in places),
            regions=_texts(row["region"] for row in places),
            weights=_weights(row["weight"] for row in places),
        ),
        variants=_alternatives(given, "variants"),
        nicknames=_alternatives(given, "nicknames"),
        spelling_rules=_pairs("spelling_rules.csv", "spelled", "also_spelled"),
        sound_alikes=_pairs("sound_alikes.csv", "spelled", "heard"),
        native_scripts={
            culture: tuple(sorted(pairs, key=lambda pair: -len(pair[0])))
            for culture, pairs in _pairs("native_scripts.csv", "latin", "native").items()
        },
    )


def _culture(row: Mapping[str, str], given: list[dict[str, str]], family: list[dict[str, str]]) -> Culture:
    name = row["culture"]
    parts = {
        part: [entry for entry in family if entry["culture"] == name and entry["part"] == part]
        for part in ("name", "stem", "middle", "ending")
    }
    return Culture(
        name=name,
        given={
            sex: _texts(entry["name"] for entry in given if entry["culture"] == name and entry["sex"] == sex)
            for sex in ("M", "F")
        },
        family=_both_forms(parts["name"]),
        stems=_texts(entry["text"] for entry in parts["stem"]),
        middles=_texts(["", *(entry["text"] for entry in parts["middle"])]),
        endings=_both_forms(parts["ending"]),
        generated_share=float(row["generated_share"]),
        second_given_share=float(row["second_given_share"]),
        double_family_share=float(row["double_family_share"]),
        double_joiner=row["double_joiner"],
        partner_takes_name_share=float(row["partner_takes_name_share"]),
    )


def _alternatives(given: list[dict[str, str]], column: str) -> dict[str, tuple[str, ...]]:
    return {row["name"]: tuple(row[column].split("|")) for row in given if row[column]}


def _both_forms(entries: list[dict[str, str]]) -> tuple[Texts, Texts]:
    return _texts(entry["text"] for entry in entries), _texts(entry["female_text"] for entry in entries)


def _pairs(file: str, first: str, second: str) -> dict[str, tuple[tuple[str, str], ...]]:
    pairs: dict[str, list[tuple[str, str]]] = {}
    for row in _rows(file):
        pairs.setdefault(row["culture"], []).append((row[first], row[second]))
    return {culture: tuple(found) for culture, found in pairs.items()}


def _rows(file: str) -> Iterator[dict[str, str]]:
    with files("simulation").joinpath("data", file).open(encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def _texts(values: Iterator[str] | list[str]) -> Texts:
    return np.array(list(values), dtype=object)


def _weights(values: Iterator[str]) -> npt.NDArray[np.float64]:
    weights = np.array([float(value) for value in values])
    normalised: npt.NDArray[np.float64] = weights / weights.sum()
    return normalised
