"""Identifiers are judged after names and dates, and by themselves: that a record has none says nothing of a pair."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage_core.assessment.quality import PairQuality, assess
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.probabilistic.evidence import AGREES, MISSING
from linkage_core.linking.probabilistic.identifier_weights import DIFFERS, weigh_identifiers, without
from linkage_core.linking.probabilistic.patterns import Patterns
from linkage_core.linking.probabilistic.weights import Weights
from linkage_core.linking.run import link
from linkage_core.types import ClkName, MatchKeyName, PartyName
from tests.support.encoded_rows import CLKS, LENGTH_BITS, matching, schema

LINKS = Patterns(np.array([[3, AGREES], [3, DIFFERS], [3, MISSING]], np.int8), np.array([97.0, 1.0, 500.0]))
DIFFERENT = Patterns(np.array([[1, AGREES], [1, DIFFERS], [1, MISSING]], np.int8), np.array([1.0, 197.0, 10.0]))
NUMBERS = weigh_identifiers(LINKS, DIFFERENT, [1])
PAIRS = np.array([[2, AGREES], [2, DIFFERS], [2, MISSING]], np.int8)


def test_a_number_weighs_by_links_that_carry_it_however_many_do_not() -> None:
    assert NUMBERS.agree == pytest.approx(np.log2(0.98 / 0.01))
    assert NUMBERS.differ == pytest.approx(np.log2(0.02 / 0.99))


def test_a_missing_number_says_nothing_and_others_move_the_odds() -> None:
    revised = NUMBERS.revise(np.array([0.5, 0.5, 0.3]), PAIRS)
    assert revised.tolist() == pytest.approx([98 / 99, 2 / 101, 0.3])
    assert NUMBERS.of(PAIRS)[2] == 0


def test_weights_with_numbers_in_their_places_are_the_weights_plus_what_numbers_add() -> None:
    weights = Weights((np.array([0.0, 2.0, 5.0]), np.zeros(2)), np.array([1.0, 0.0]), -7.0)
    expected = weights.of(without(PAIRS, [1])) + NUMBERS.of(PAIRS)
    assert NUMBERS.joined(weights).of(PAIRS) == pytest.approx(expected)


def test_a_number_in_which_different_people_agree_as_often_as_links_is_no_evidence() -> None:
    nothing = weigh_identifiers(LINKS, LINKS, [1])
    assert nothing.of(PAIRS).tolist() == [0.0, 0.0, 0.0]


PERSONS, SIBLINGS_SHARE, ERRORS = 700, 0.5, 0.12
TRAVELLERS = range(300, PERSONS)


def files_of(random: np.random.Generator) -> tuple[dict[PartyName, EncodedFile], dict[PartyName, NDArray[np.int64]]]:
    """Return a register of the first 500 persons, all with a number, a border file of the last 400, a fifth with one.

    Persons come in pairs of siblings, of whom one is in the register only and the other at the border only in part.
    """
    family = {clk: random.random((PERSONS // 2, LENGTH_BITS)) < 0.5 for clk in CLKS}
    own = {clk: random.random((PERSONS, LENGTH_BITS)) < 0.5 for clk in CLKS}
    of_family = {clk: random.random((PERSONS, LENGTH_BITS)) < SIBLINGS_SHARE for clk in CLKS}
    persons = {PartyName("register"): np.arange(500), PartyName("border"): np.array(TRAVELLERS)}
    files = {}
    for provider, who in persons.items():
        clks = {}
        for clk in CLKS:
            true = np.where(of_family[clk], np.repeat(family[clk], 2, axis=0), own[clk])[who]
            noise = random.random(true.shape) < ERRORS
            clks[ClkName(clk)] = ClkColumn(np.packbits(true ^ noise, axis=1), np.ones(len(who), np.bool_))
        keys = np.zeros((len(who), 16), np.uint8)
        keys[:, :2] = np.stack([who % 256, who // 256], axis=1)
        has = (who < 500) & ((provider == "register") | (who % 5 == 0))
        nobody = MatchKeyColumn(np.zeros_like(keys), np.zeros(len(who), np.bool_))
        files[provider] = EncodedFile(
            provider,
            len(who),
            clks,
            {MatchKeyName("national-id"): MatchKeyColumn(keys, has), MatchKeyName("person"): nobody},
        )
    return files, persons


def quality_of(files: dict[PartyName, EncodedFile], persons: dict[PartyName, NDArray[np.int64]]) -> PairQuality:
    clause = matching("border").model_copy(update={"combination": "fellegi-sunter", "candidate_per_mille": 580})
    found = link(list(files.values()), schema(), clause, seed=5).groups.files
    return assess({name: file.group for name, file in found.items()}, persons).overall


def test_numbers_that_one_file_always_has_and_another_seldom_do_not_make_siblings_one_person() -> None:
    files, persons = files_of(np.random.default_rng(3))
    nobody = {
        name: replace(
            file,
            match_keys={
                key: MatchKeyColumn(column.keys, np.zeros_like(column.present))
                for key, column in file.match_keys.items()
            },
        )
        for name, file in files.items()
    }
    with_numbers, without_numbers = quality_of(files, persons), quality_of(nobody, persons)
    assert without_numbers.precision > 0.95
    assert with_numbers.precision >= without_numbers.precision
    assert with_numbers.recall >= without_numbers.recall
