"""The guards of the self-comparison, each on files that break it, and what the model tells of files that do not."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.errors import Unfit
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.probabilistic.guards import nulls_ratio
from linkage_core.linking.probabilistic.model import Interval, LinkageModel, MeetingQuality, NullSupport
from linkage_core.linking.run import LinkageResult
from linkage_core.types import MatchKeyName
from tests.support.random_people import linked, random_file

ONE, OTHER = np.arange(0, 700), np.arange(300, 1_000)


def model_of(result: LinkageResult) -> LinkageModel:
    assert result.model is not None
    return result.model


def named(model: LinkageModel) -> set[tuple[str, tuple[str, ...]]]:
    return {(finding.name, finding.providers) for finding in model.findings}


def twice(people: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    return np.concatenate([people, people[:rows]])


def test_files_that_hold_each_person_once_are_judged_without_a_finding() -> None:
    model = model_of(linked([random_file("a", ONE, 1), random_file("b", OTHER, 2)]))
    (quality,) = model.meetings
    assert (model.basis, model.findings) == ("self-comparison", ())
    assert quality.precision.estimate > 0.98
    assert quality.matches.low <= 400 <= quality.matches.high
    assert [null.provider for null in quality.null] == ["a", "b"]


def test_a_model_is_finite_json_and_holds_nothing_of_a_pair() -> None:
    model = model_of(linked([random_file("a", ONE, 1), random_file("b", OTHER, 2)]))
    document = json.loads(json.dumps(asdict(model), allow_nan=False))
    assert len(document["meetings"][0]["curve"]) <= 60
    assert len(json.dumps(document)) < 40_000
    assert all(point["precision"]["low"] <= point["precision"]["high"] for point in document["meetings"][0]["curve"])


@given(st.integers(0, 2**32))
@settings(max_examples=2, deadline=None)
def test_neither_the_order_of_files_nor_of_rows_changes_the_model(seed: int) -> None:
    files = [random_file("a", ONE[200:500], 1), random_file("b", OTHER[:300], 2)]
    rng = np.random.default_rng(seed)
    shuffled = [_in_order(file, rng.permutation(file.row_count)) for file in files[::-1]]
    models = [model_of(linked(some)) for some in (files, shuffled)]
    assert models[0] == models[1]


def test_files_of_few_records_are_linked_by_the_mean_and_have_no_model() -> None:
    result = linked([random_file("a", np.arange(90), 1), random_file("b", np.arange(90), 2)])
    assert result.model is None
    assert result.groups.group_count < 120


def test_a_file_with_undeclared_duplicates_is_named_and_left_out() -> None:
    model = model_of(linked([random_file("a", twice(ONE, 20), 1), random_file("b", OTHER, 2)]))
    assert named(model) == {("duplicates-inside", ("a",))}
    assert model.basis == "self-comparison"
    assert [null.provider for null in model.meetings[0].null] == ["b"]
    assert "sources_with_duplicates" in model.findings[0].change


def test_where_all_files_hold_duplicates_only_noise_is_known_and_the_interval_is_wider() -> None:
    clean = model_of(linked([random_file("a", ONE, 1), random_file("b", OTHER, 2)]))
    model = model_of(linked([random_file("a", twice(ONE, 20), 1), random_file("b", twice(OTHER, 20), 2)]))
    assert model.basis == "chance"
    assert {name for name, _ in named(model)} == {"duplicates-inside", "no-file-without-duplicates"}
    assert _width(model.meetings[0].precision) > _width(clean.meetings[0].precision)


def test_declared_duplicates_are_no_finding_while_another_file_teaches() -> None:
    assert model_of(linked([random_file("a", twice(ONE, 20), 1), random_file("b", OTHER, 2)], "a")).findings == ()


def test_files_of_events_are_refused_with_what_to_declare() -> None:
    with pytest.raises(Unfit, match=r"a: .* events.*declare a in matching\.sources_with_duplicates"):
        linked([random_file("a", twice(ONE, 400), 1), random_file("b", twice(OTHER, 400), 2)])


def test_a_file_of_few_records_does_not_teach() -> None:
    model = model_of(linked([random_file("a", np.arange(60), 1), random_file("b", np.arange(700), 2)]))
    assert named(model) == {("too-few-records", ("a",))}
    assert [null.provider for null in model.meetings[0].null] == ["b"]


def test_files_of_different_people_are_refused_with_what_to_see_to() -> None:
    with pytest.raises(Unfit, match="see whether the files hold the same people"):
        linked([random_file("a", np.arange(700), 1), random_file("b", np.arange(2_000, 2_700), 2)])


def test_of_three_files_the_pair_that_has_nothing_in_common_is_named() -> None:
    files = [random_file("a", ONE, 1), random_file("b", OTHER, 2), random_file("c", np.arange(2_000, 2_700), 3)]
    names = named(model_of(linked(files)))
    assert {finding for finding, _ in names} == {"nothing-beyond-chance"}
    assert {providers for _, providers in names} <= {("a", "c"), ("b", "c")}


def test_pairs_that_share_a_number_confirm_the_estimates() -> None:
    model = model_of(linked([random_file("a", ONE, 1, numbered=0.9), random_file("b", OTHER, 2, numbered=0.9)]))
    anchored = model.meetings[0].anchored
    assert anchored is not None
    assert anchored.pairs > 200
    assert anchored.recall.estimate > 0.97
    assert anchored.precision.estimate > 0.97
    assert model.findings == ()


def test_numbers_of_other_people_contradict_the_estimates() -> None:
    """Nearly half of the second file's numbers are somebody else's."""
    people = np.arange(0, 900)
    numbers = np.where(np.arange(900) < 500, people, (people + 1) % 900)
    files = [random_file("a", people, 1, numbered=1.0), random_file("b", people, 2, numbered=1.0)]
    key = files[1].match_keys[MatchKeyName("national-id")]
    key.keys[:, :8] = numbers.astype("<u8").reshape(-1, 1).view(np.uint8)
    assert ("anchors-contradict", ("a", "b")) in named(model_of(linked(files)))


@pytest.mark.parametrize(("supports", "differ"), [((400, 120), True), ((400, 300), False), ((4, 1), False)])
def test_files_whose_different_people_resemble_each_other_unlike_differ_if_counts_are_sure(
    supports: tuple[int, int], differ: bool
) -> None:
    assert (nulls_ratio(meeting(supports, 30.0)) > 2) is differ
    assert nulls_ratio(meeting(supports, 0.01)) == 1, "so few false links that it does not matter"


def meeting(supports: tuple[int, int], expected: float) -> MeetingQuality:
    whole = Interval(1.0, 1.0, 1.0)
    return MeetingQuality(
        providers=("a", "b"),
        settled=(False, False),
        way="one-to-one",
        sizes=(2_000, 2_000),
        candidate_pairs=3_000,
        links=1_000,
        matches=whole,
        threshold=0.0,
        recommended=0.0,
        reason="",
        precision=whole,
        recall=whole,
        classes=(),
        curve=(),
        null=tuple(
            NullSupport(name, 2_000, 2_000, support, expected) for name, support in zip("ab", supports, strict=True)
        ),
        anchored=None,
    )


def _in_order(file: EncodedFile, order: NDArray[np.int64]) -> EncodedFile:
    return replace(
        file,
        clks={name: ClkColumn(clk.bits[order], clk.present[order]) for name, clk in file.clks.items()},
        match_keys={n: MatchKeyColumn(key.keys[order], key.present[order]) for n, key in file.match_keys.items()},
    )


def _width(interval: Interval) -> float:
    return interval.high - interval.low
