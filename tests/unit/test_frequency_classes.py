"""How common a name is: counted so that no class points at anybody, and weighed as it deserves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage_core.encoding.frequency import LEAST_OCCURRENCES, FrequencyCounter, classes_of_counts
from linkage_core.errors import InputFault
from linkage_core.linking.files import ClkColumn, EncodedFile
from linkage_core.linking.pool import ClassColumn, pool_records
from linkage_core.linking.probabilistic.evidence import MISSING, NEAR_LEVEL, Comparison, evidence_of
from linkage_core.linking.run import LinkageResult, link
from linkage_core.schema import LEAST_CLASS_PER_MILLE, LEAST_CLASS_VALUES, FrequencyClasses, LinkageSchema, Variable
from linkage_core.types import ClkName, PartyName, VariableName
from tests.support.encoded_rows import LENGTH_BITS, key_column, schema
from tests.support.random_people import clause

BOUNDS = (1_000, 10_000)
SPEC = FrequencyClasses(variable="given", bounds_per_million=BOUNDS)
GIVEN = VariableName("given")


def file_of(counts: list[int]) -> list[str]:
    """A column in which the nth name occurs so many times."""
    return [f"name {n}" for n, count in enumerate(counts) for _ in range(count)]


def classes_of(values: list[str], spec: FrequencyClasses = SPEC) -> list[int]:
    counter = FrequencyCounter(spec)
    counter.add(values)
    classes: list[int] = counter.classes().tolist()
    return classes


def by_value(values: list[str], classes: list[int]) -> dict[str, int]:
    found = dict(zip(values, classes, strict=True))
    assert len(set(zip(values, classes, strict=True))) == len(found), "one value has two classes"
    return found


NAMES = st.lists(st.sampled_from([0, 0, 1, 2, 5, 9, 30, 200]), min_size=1, max_size=60).map(file_of)


@given(NAMES, st.randoms(use_true_random=False), st.integers(0, 40), st.integers(1, 100))
def test_the_order_of_rows_and_the_bounds_of_chunks_do_not_matter(
    values: list[str], random: object, missing: int, chunk: int
) -> None:
    values = values + [""] * missing
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    counter = FrequencyCounter(SPEC)
    for start in range(0, len(shuffled), chunk):
        counter.add(shuffled[start : start + chunk])
    assert by_value(values, classes_of(values)) == by_value(shuffled, counter.classes().tolist())


@given(NAMES, st.integers(1, 200))
def test_a_missing_value_has_no_class_and_counts_for_nobody(values: list[str], missing: int) -> None:
    assert classes_of([*values, *[""] * missing]) == [*classes_of(values), *[0] * missing]


@given(
    st.lists(st.integers(0, 400), max_size=80), st.lists(st.integers(1, 200_000), min_size=1, max_size=3, unique=True)
)
def test_no_class_holds_few_rows_or_few_names_and_none_passes_for_rarer_than_it_is(
    counts: list[int], bounds: list[int]
) -> None:
    rows, bounds = np.array(counts, np.int64), sorted(bounds)
    made, total = classes_of_counts(rows, bounds), int(rows.sum())
    assert not made[rows == 0].any()
    for number in set(made[made > 0].tolist()):
        assert 1000 * rows[made == number].sum() >= LEAST_CLASS_PER_MILLE * total
        assert np.count_nonzero(made == number) >= LEAST_CLASS_VALUES
    told = np.flatnonzero(made)
    assert len(told) in (0, np.count_nonzero(rows)), "some rows are left out: these are a class of their own"
    for place in told.tolist():
        reached = sum(rows[place] * 1_000_000 >= bound * total for bound in bounds)
        assert made[place] >= 1 + reached
    order = told[np.argsort(rows[told], kind="stable")]
    assert (np.diff(made[order].astype(int)) >= 0).all(), "a commoner name has a rarer class"


def test_names_fall_into_classes_by_their_share_of_the_rows() -> None:
    counts = [8] * 600 + [60] * 60 + [300] * 10
    values = file_of(counts)
    found = by_value(values, classes_of(values))
    assert [found[f"name {n}"] for n in (0, 600, 660)] == [1, 2, 3]


def test_a_class_of_one_very_common_name_is_merged_into_a_larger_one() -> None:
    """It would spell the name. So the class of the commonest names is that of the next ones too."""
    values = file_of([8] * 600 + [60] * 60 + [3000])
    found = by_value(values, classes_of(values))
    assert [found[f"name {n}"] for n in (0, 600, 660)] == [1, 3, 3]


def test_in_a_small_file_rare_names_are_not_told_apart() -> None:
    """A bound of fewer than five rows would tell a name that occurs once from one that occurs twice: by chance."""
    assert BOUNDS[0] * 400 < LEAST_OCCURRENCES * 1_000_000
    values = file_of([1] * 200 + [4] * 50)
    assert set(classes_of(values)) == {3}
    assert set(classes_of(file_of([1] * 9))) == {0}


CLK = Comparison("names", "clk", (0.55, 0.6, 0.8, 0.9), chance=0.5, spread=0.02)
CLASS = Comparison("given", "frequency-class", (1.0, 2.0), of_clk="names")


def test_the_commoner_of_two_names_counts_and_only_where_the_code_is_near() -> None:
    classes = np.array([1, 1, 3, 2, 0, 1, 1], np.uint8)
    other = np.array([1, 2, 1, 2, 1, 1, 1], np.uint8)
    column = ClassColumn(np.concatenate([classes, other]), 3, (ClkName("names"),))
    dice = np.array([0.95, 0.95, 0.95, 0.85, 0.95, 0.6, np.nan])
    row = np.arange(7, dtype=np.uint32)
    found = evidence_of(row, row + np.uint32(7), {ClkName("names"): dice}, {}, {GIVEN: column}, (CLK, CLASS))
    assert found.levels[:, 0].tolist() == [4, 4, 4, NEAR_LEVEL, 4, 2, MISSING]
    assert found.levels[:, 1].tolist() == [2, 1, 0, 1, 0, 0, 0]


PERSONS = 1600
COMMON = 60


def with_classes() -> LinkageSchema:
    plain = schema()
    fields = {name: getattr(plain, name) for name in LinkageSchema.model_fields}
    variables = (*plain.variables, Variable(name="given", of=("name",), form="value"))
    return LinkageSchema(
        **fields
        | {
            "variables": variables,
            "frequency_classes": (FrequencyClasses(variable="given", bounds_per_million=(6_250,)),),
        }
    )


def half_have_common_names(provider: str, people: NDArray[np.integer], seed: int, *, told: bool) -> EncodedFile:
    """Codes have noise; people of even numbers share 60 names, all others have one of their own; half lack a CLK."""
    random = np.random.default_rng(seed)
    codes = np.random.default_rng(1).integers(0, 2, (2, PERSONS, LENGTH_BITS), dtype=np.uint8)
    named = np.where(people % 2 == 0, people % (2 * COMMON), people)
    bits = [codes[0][named], codes[1][people]]
    bits = [np.where(random.random(own.shape) < 0.1, 1 - own, own) for own in bits]
    places = ClkColumn(np.packbits(bits[1], axis=1), random.random(len(people)) < 0.5)
    classes = {
        GIVEN: np.array(classes_of([str(name) for name in named], with_classes().frequency_classes[0]), np.uint8)
    }
    return EncodedFile(
        PartyName(provider),
        len(people),
        {
            ClkName("names"): ClkColumn(np.packbits(bits[0], axis=1), np.ones(len(people), np.bool_)),
            ClkName("places"): places,
        },
        {name: key_column([0] * len(people)) for name in ("national-id", "person")},  # type: ignore[misc]  # names
        frequency_classes=classes if told else {},
    )


def pair_of_files(*, told: bool) -> tuple[LinkageResult, float]:
    """Link two files whose people with names of their own are the same, and the others not.

    Return with the result which share of its best links, as many as there are people in both, are right.
    """
    both, alone = np.arange(1, 800, 2), {"one": np.arange(0, 800, 2), "other": np.arange(800, 1600, 2)}
    people = {PartyName(name): np.concatenate([both, own]) for name, own in alone.items()}
    files = [half_have_common_names(name, own, seed, told=told) for seed, (name, own) in enumerate(people.items())]
    found = link(files, with_classes() if told else schema(), clause().model_copy(update={"passes": ()}), seed=5)
    assert found.weighed is not None
    [one] = found.weighed.linked
    pairs = one.meeting.pairs[one.links[np.argsort(-one.score[one.links], kind="stable")][: len(both)]]
    pool = pool_records(files, with_classes() if told else schema(), 5)
    persons = np.concatenate([people[name][pool.row_of[pool.file_of == place]] for place, name in enumerate(people)])
    evidence = found.weighed.evidence
    right = persons[evidence.row_a[pairs]] == persons[evidence.row_b[pairs]]
    return found, float(right.mean())


def test_agreement_on_a_rare_name_is_worth_more_than_on_a_common_one() -> None:
    """Half the pairs have their names alone to go by."""
    plain, right_without = pair_of_files(told=False)
    found, right = pair_of_files(told=True)
    assert right > 0.98
    assert right_without < 0.75
    assert found.model is not None
    assert plain.model is not None
    [of_names] = [one for one in found.model.comparisons if one.kind == "frequency-class" and one.of_clk == "names"]
    assert of_names.weight[-1] > 2, "bits"
    assert not [one for one in plain.model.comparisons if one.kind == "frequency-class"]


def test_a_file_with_other_classes_than_the_schema_has_is_refused() -> None:
    files = [half_have_common_names(name, np.arange(300), 1, told=False) for name in ("one", "other")]
    files[1].frequency_classes[GIVEN] = np.full(300, 3, np.uint8)  # type: ignore[index]  # a dictionary here
    with pytest.raises(InputFault) as refusal:
        link(files, with_classes(), clause(), seed=5)
    assert "one: frequency class given is missing" in str(refusal.value)
    assert "other: frequency class given: 300 rows beyond 0 to 2" in str(refusal.value)
