"""What breaks a series: two releases whose figures differ for other reasons than the time that they are about."""

from typing import Final

from disclosure.table import Release

_TIMES: Final = frozenset({"at", "over"})
_WORDS: Final = {
    "rule": "the residence rule",
    "where": "who is kept",
    "measure": "the measure",
    "of": "what is counted",
}


def breaks_between(earlier: tuple[Release, str], later: tuple[Release, str]) -> tuple[str, ...]:
    """Name each break between two releases, each with its wave, in words that stand in a table's notes.

    A new wave links everybody anew or adds to the registry, and a new data version may have new payload or new public
    concepts; either changes figures about the same time.
    """
    (before, wave_before), (after, wave_after) = earlier, later
    found = []
    if wave_before != wave_after:
        found.append(f"linkage: wave {wave_after} after {wave_before}")
    if before.data_version != after.data_version:
        found.append("data version: payload, linkage or public concepts are others")
    names = sorted((set(before.question) | set(after.question)) - _TIMES - {"by", "format"})
    found += [
        f"{_WORDS.get(name, name)} is another"
        for name in names
        if before.question.get(name) != after.question.get(name)
    ]
    if before.question.get("by") != after.question.get("by"):
        found.append("the dimensions are others")
    if _bounds(before) != _bounds(after):
        found.append("the bound on what one person contributes is another")
    return tuple(found)


def _bounds(release: Release) -> list[tuple[str, int, int]]:
    return [(vector.name, vector.bound_cells, vector.l2_squared) for vector in release.noised]
