"""How far one row moves the linkage: groups that are others when it is taken out."""

import numpy as np
import pytest

from benchmarks.inputs import ONE, OTHER, pair
from benchmarks.linking import encoded_file
from linkage_core.assessment.sensitivity import changed_groups, measure_sensitivity
from linkage_core.crypto.secret import Secret
from linkage_core.linking.files import EncodedFile


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ([0, 0, 1, 2], [5, 5, 9, 7], 0),
        ([0, 0, 1, 2], [0, 1, 2, 3], 2),
        ([0, 1, 2, 2], [0, 0, 2, 2], 1),
        ([0, 0, 1, 1], [0, 1, 1, 0], 2),
        ([], [], 0),
    ],
)
def test_a_group_is_changed_unless_the_same_rows_were_one_before(
    before: list[int], after: list[int], changed: int
) -> None:
    assert changed_groups(np.array(before, np.int64), np.array(after, np.int64)) == changed


@pytest.fixture(scope="module")
def files() -> list[EncodedFile]:
    task = pair("dirty", 250, 71)
    return [encoded_file(name, task, task.records[name], Secret(bytes(range(32)))) for name in (ONE, OTHER)]


def test_a_row_taken_out_changes_few_groups_and_the_same_seed_gives_the_same_figure(files: list[EncodedFile]) -> None:
    task = pair("dirty", 250, 71)
    first, second = (
        measure_sensitivity(files, task.schema, task.matching, 9, 3, np.random.default_rng(2)) for _ in range(2)
    )
    assert first == second
    assert first.trials == 3
    assert first.most_changed <= 20
    assert first.mean_changed_per_mille <= 1000 * first.most_changed
    with pytest.raises(ValueError, match="0 trials"):
        measure_sensitivity(files, task.schema, task.matching, 9, 0, np.random.default_rng(2))
