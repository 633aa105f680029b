import numpy as np
import pytest

from linkage_core.assessment.quality import PairQuality, assess
from linkage_core.errors import InputFault
from linkage_core.types import PartyName

BORDER, TAX = PartyName("border"), PartyName("tax")


def test_pairs_are_counted_across_and_within_providers() -> None:
    # Border rows 0 and 1 are person 1 with two passports; tax row 0 is person 1, row 1 person 2, row 2 person 3.
    persons = {BORDER: np.array([1, 1, 2]), TAX: np.array([1, 2, 3])}
    groups = {BORDER: np.array([0, 0, 5]), TAX: np.array([0, 6, 5])}
    quality = assess(groups, persons)
    assert quality.by_providers == {
        (BORDER, BORDER): PairQuality(linked=1, true=1, correct=1),
        (BORDER, TAX): PairQuality(linked=3, true=3, correct=2),
        (TAX, TAX): PairQuality(linked=0, true=0, correct=0),
    }
    assert quality.overall == PairQuality(linked=4, true=4, correct=3)
    assert (quality.overall.precision, quality.overall.recall, quality.overall.f1) == (0.75, 0.75, 0.75)


def test_nothing_linked_has_full_precision_and_no_recall() -> None:
    quality = assess({BORDER: np.array([0]), TAX: np.array([1])}, {BORDER: np.array([4]), TAX: np.array([4])}).overall
    assert (quality.precision, quality.recall, quality.f1) == (1.0, 0.0, 0.0)


def test_rows_without_truth_are_refused() -> None:
    with pytest.raises(InputFault, match="tax: 1 rows with a group, 0 with a person"):
        assess({TAX: np.array([0])}, {})
