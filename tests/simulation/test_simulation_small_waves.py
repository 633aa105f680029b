"""A wave of few new rows, of real encodings: weighed as an earlier wave learnt, with false links counted on its own."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.inputs import ONE, OTHER, LinkageTask, pair
from benchmarks.linking import encoded_file
from linkage_core.crypto.secret import Secret
from linkage_core.linking.files import EncodedFile
from linkage_core.linking.probabilistic.earlier import EarlierModel
from linkage_core.linking.registry import WaveRows, added_rows, first_rows
from linkage_core.linking.run import LinkageResult, link
from tests.simulation.test_simulation_waves import group_ids, handles, some

PERSONS = 1_500
FEW = 150
"""Rows of the second wave, all of them of one provider."""


@pytest.fixture(scope="module")
def task() -> LinkageTask:
    return pair("dirty", PERSONS, seed=31)


@pytest.fixture(scope="module")
def files(task: LinkageTask) -> list[EncodedFile]:
    secret = Secret(hashlib.sha256(b"small waves").digest())
    return [encoded_file(name, task, records, secret) for name, records in task.records.items()]


@pytest.fixture(scope="module")
def first(task: LinkageTask, files: list[EncodedFile]) -> tuple[list[WaveRows], LinkageResult]:
    one, other = files
    known = other.row_count - FEW
    held = [
        first_rows(handles(range(one.row_count)), one),
        first_rows(handles(range(known)), some(other, slice(known))),
    ]
    return held, link([part.file for part in held], task.schema, task.matching, seed=7)


@pytest.fixture(scope="module")
def earlier(first: tuple[list[WaveRows], LinkageResult]) -> EarlierModel:
    model = first[1].model
    assert model is not None
    return EarlierModel("w1", model)


def second(
    task: LinkageTask,
    files: Sequence[EncodedFile],
    first: tuple[list[WaveRows], LinkageResult],
    brought: range,
    earlier: EarlierModel | None,
) -> LinkageResult:
    held, result = first
    kept = [part.registered(result.groups.files[part.file.provider], result.groups.ways) for part in held]
    one, other = files
    wave = [
        (handles(range(0)), some(one, slice(0))),
        (handles(brought), some(other, slice(brought.start, brought.stop))),
    ]
    rows = added_rows(wave, kept, group_ids(held, result), task.matching.passes)
    return link([part.file for part in rows], task.schema, task.matching, seed=7, earlier=earlier)


def found(task: LinkageTask, result: LinkageResult, brought: range) -> tuple[int, int, int]:
    """How many of the rows brought are linked to the first file, how many of these rightly, and how many could be."""
    person_of = dict(zip(result.groups.files[ONE].group.tolist(), task.persons[ONE].tolist(), strict=True))
    own = task.persons[OTHER][brought.start : brought.stop]
    linked = [person_of.get(group) for group in result.groups.files[OTHER].group[: len(brought)].tolist()]
    right = sum(one == person for one, person in zip(linked, own.tolist(), strict=True))
    return sum(one is not None for one in linked), right, int(np.isin(own, task.persons[ONE]).sum())


def f1(links: int, right: int, there: int) -> float:
    return 2 * right / (links + there)


def test_a_wave_of_few_rows_is_linked_as_well_as_by_a_model_of_its_own(
    task: LinkageTask,
    files: list[EncodedFile],
    first: tuple[list[WaveRows], LinkageResult],
    earlier: EarlierModel,
) -> None:
    brought = range(files[1].row_count - FEW, files[1].row_count)
    small = second(task, files, first, brought, earlier)
    everybody = link(files, task.schema, task.matching, seed=7)
    anew = dict(everybody.groups.files)
    anew[OTHER] = replace(anew[OTHER], group=anew[OTHER].group[brought.start :])
    of_all = found(task, replace(everybody, groups=replace(everybody.groups, files=anew)), brought)
    by_mean = found(task, second(task, files, first, brought, None), brought)
    links, right, there = found(task, small, brought)
    assert f1(links, right, there) >= f1(*of_all) - 0.02
    assert f1(links, right, there) > f1(*by_mean)

    assert small.model is not None
    assert (small.model.weights_of, small.model.rounds, small.parameters["weights_of"]) == ("w1", 0, "w1")
    (finding,) = small.model.findings
    assert (finding.name, "wave w1" in finding.explanation) == ("earlier-weights", True)
    assert [one.weight for one in small.model.comparisons] == [one.weight for one in earlier.model.comparisons]
    (quality,) = small.model.meetings
    assert quality.links == links
    assert quality.precision.low <= right / links <= quality.precision.high
    assert quality.recall.low <= right / there <= quality.recall.high


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_a_wave_of_hardly_a_row_is_no_reason_to_stop(
    rows: int,
    task: LinkageTask,
    files: list[EncodedFile],
    first: tuple[list[WaveRows], LinkageResult],
    earlier: EarlierModel,
) -> None:
    last = files[1].row_count
    result = second(task, files, first, range(last - rows, last), earlier)
    assert len(result.groups.files[OTHER].group) == last - FEW + rows


def test_a_wave_of_many_rows_learns_its_own_weights(
    task: LinkageTask, files: list[EncodedFile], earlier: EarlierModel
) -> None:
    own = link([some(file, slice(400)) for file in files], task.schema, task.matching, seed=7, earlier=earlier)
    assert own.model is not None
    assert (own.model.weights_of, own.parameters["weights_of"]) == ("", "")
