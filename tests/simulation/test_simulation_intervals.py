"""Estimates without truth against the truth, on generated pairs of files of all profiles, sizes and overlaps."""

import hashlib

import pytest

from benchmarks.intervals import Judged, drawn_task, judge
from linkage_core.crypto.secret import Secret
from linkage_core.linking.probabilistic.model import LinkageModel

FIRST_SEED = 600
LINKAGES = 9


@pytest.fixture(scope="module")
def linkages() -> list[tuple[list[Judged], LinkageModel]]:
    return [
        judge(drawn_task(FIRST_SEED + number, (900, 2_500)), Secret(hashlib.sha256(bytes([number])).digest()), number)
        for number in range(LINKAGES)
    ]


@pytest.mark.parametrize("measure", ["precision", "recall"])
def test_nearly_all_intervals_contain_the_true_value(
    linkages: list[tuple[list[Judged], LinkageModel]], measure: str
) -> None:
    of_all = [one for judged, _ in linkages for one in judged if (one.measure, one.quality_class) == (measure, None)]
    assert len(of_all) == LINKAGES
    assert sum(one.covered for one in of_all) >= LINKAGES - 1
    assert all(abs(one.estimated.estimate - one.true) < 0.03 for one in of_all)
    assert all(one.estimated.high - one.estimated.low < 0.2 for one in of_all), "wider says nothing"


def test_nothing_is_found_wrong_where_nothing_is(linkages: list[tuple[list[Judged], LinkageModel]]) -> None:
    assert [model.findings for _, model in linkages] == [()] * LINKAGES
