"""Waves that add to a registry, over drawn people: in how many waves they come, and in what order, decides nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.encoded_rows import Row, matching
from tests.support.registry import Registry

PROVIDERS = ("border", "register", "tax")
PEOPLE = 8
"""People whose CLKs, runs of 100 bits a hundred apart, have little in common even with errors."""

records = st.dictionaries(
    st.tuples(st.sampled_from(PROVIDERS), st.integers(1, PEOPLE)), st.integers(0, 12), min_size=2, max_size=20
)
"""What is known of whom, with how many bits of error."""


def row(person: int, error: int) -> Row:
    return Row(names=100 * (person - 1) + error, places=100 * (person - 1) + error)


def files(members: dict[tuple[str, int], int]) -> dict[str, dict[int, Row]]:
    """Return a wave's files; one that has nothing to bring brings somebody whom nobody resembles."""
    found: dict[str, dict[int, Row]] = {
        "border": {100: Row(names=800)},
        "register": {101: Row(names=910, places=400)},
        "tax": {102: Row(places=900)},
    }
    for (provider, person), error in members.items():
        found[provider][person] = row(person, error)
    return found


@pytest.mark.parametrize("spine", [None, "register"])
@settings(max_examples=40, deadline=None)
@given(records, st.data())
def test_people_who_come_over_several_waves_are_grouped_as_in_one(
    spine: str | None, members: dict[tuple[str, int], int], data: st.DataObject
) -> None:
    clause = matching().model_copy(update={"spine": spine})
    together = Registry(clause)
    together.complete(files(members))
    wave_of = {member: data.draw(st.integers(0, 2)) for member in members}
    apart = Registry(clause)
    for wave in range(3):
        apart.add(files({member: error for member, error in members.items() if wave_of[member] == wave}))
    assert apart.partition() == together.partition()


@settings(max_examples=25, deadline=None)
@given(records, records, st.data())
def test_the_order_of_rows_in_a_wave_and_of_its_files_decides_nothing(
    first: dict[tuple[str, int], int], second: dict[tuple[str, int], int], data: st.DataObject
) -> None:
    worlds = []
    for _ in range(2):
        world = Registry()
        for wave in (first, second):
            rows = files(wave)
            shuffled = {
                provider: dict(data.draw(st.permutations(list(rows[provider].items()))))
                for provider in data.draw(st.permutations(list(rows)))
            }
            world.add(shuffled)
        worlds.append(world)
    assert worlds[0].partition() == worlds[1].partition()
    assert worlds[0].groups == worlds[1].groups


@settings(max_examples=25, deadline=None)
@given(records, records)
def test_a_wave_that_brings_the_same_rows_again_changes_nothing(
    first: dict[tuple[str, int], int], second: dict[tuple[str, int], int]
) -> None:
    world = Registry()
    world.add(files(first))
    world.add(files(second))
    before = dict(world.groups)
    world.add(files(second))
    assert world.groups == before
    assert world.results[-1].scored_pairs == 0
