"""Names for invented people: frequent ones by rank, rare ones made of syllables, so that they never run out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.name_lists import Culture, Lists, Texts


@dataclass(frozen=True, slots=True)
class FamilyNames:
    """Family names in the form of men and in the form of women, object arrays of str in parallel."""

    male: Texts
    female: Texts

    def of(self, rows: npt.NDArray[np.int64], female: npt.NDArray[np.bool_]) -> Texts:
        """The names at `rows`, each in the form of the sex given."""
        names: Texts = np.where(female, self.female[rows], self.male[rows])
        return names


def draw_given(
    lists: Lists, cultures: npt.NDArray[np.int64], female: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Texts:
    """One given name a person, object array of str; frequencies fall with the rank in the list (Zipf-like)."""
    names = np.empty(len(cultures), dtype=object)
    for index, culture in enumerate(lists.cultures):
        for sex, of_sex in (("M", ~female), ("F", female)):
            rows = np.flatnonzero((cultures == index) & of_sex)
            names[rows] = _by_rank(culture.given[sex], len(rows), rng)
    return names


def draw_second_given(
    lists: Lists,
    cultures: npt.NDArray[np.int64],
    female: npt.NDArray[np.bool_],
    first: Texts,
    rng: np.random.Generator,
) -> Texts:
    """A second given name for the share of people that their culture gives one, else an empty text."""
    shares = np.array([culture.second_given_share for culture in lists.cultures])
    names = draw_given(lists, cultures, female, rng)
    without = (rng.random(len(cultures)) >= shares[cultures]) | (names == first)
    names[without] = ""
    return names


def draw_family(lists: Lists, cultures: npt.NDArray[np.int64], rng: np.random.Generator) -> FamilyNames:
    """One family name a person, in both forms; the number of distinct names grows with the number of people."""
    male = np.empty(len(cultures), dtype=object)
    female = np.empty(len(cultures), dtype=object)
    for index, culture in enumerate(lists.cultures):
        rows = np.flatnonzero(cultures == index)
        male[rows], female[rows] = _family_with_doubles(culture, len(rows), rng)
    return FamilyNames(male, female)


def _family_with_doubles(culture: Culture, count: int, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """Single and double family names: double ones are two single ones, joined as the culture joins them."""
    male, female = _single_family(culture, count, rng)
    double = np.flatnonzero(rng.random(count) < culture.double_family_share)
    second_male, second_female = _single_family(culture, len(double), rng)
    male[double] = male[double] + culture.double_joiner + second_male
    female[double] = female[double] + culture.double_joiner + second_female
    return male, female


def _single_family(culture: Culture, count: int, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """Frequent names from the list, the others generated as stem + middle + ending."""
    ranks = _ranks(len(culture.family[0]), count, rng)
    male, female = culture.family[0][ranks], culture.family[1][ranks]
    generated = np.flatnonzero(rng.random(count) < culture.generated_share)
    if len(generated):
        beginning = _by_rank(culture.stems, len(generated), rng) + rng.choice(culture.middles, len(generated))
        ending = _ranks(len(culture.endings[0]), len(generated), rng)
        male[generated] = beginning + culture.endings[0][ending]
        female[generated] = beginning + culture.endings[1][ending]
    return male, female


def _by_rank(texts: Texts, count: int, rng: np.random.Generator) -> Texts:
    chosen: Texts = texts[_ranks(len(texts), count, rng)]
    return chosen


def _ranks(length: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Ranks 0..length-1 with probability falling as 1 / (rank + 8)."""
    weights = 1.0 / (np.arange(length) + 8.0)
    return rng.choice(length, size=count, p=weights / weights.sum())
