"""docs/hybrid.md, followed to the letter, and its figures held against what the processes really printed."""

import re

import pytest

from tests.support.walkthrough import ROOT, Walk, steps
from tests.support.walkthrough import walk as follow

DOCUMENT = ROOT / "docs" / "hybrid.md"
STATUS = "symbolon linkage-unit status --config linkage_unit/linkage-unit.toml"
HIDDEN = "python hide_numbers.py"
COMPARED = "python compare_with_truth.py"

pytestmark = pytest.mark.timeout(900)
"""Some forty processes one after the other: on a machine that others use as well they take minutes."""


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return follow(DOCUMENT, tmp_path_factory.mktemp("hybrid"))


def numbers(text: str) -> list[float]:
    """Return all numbers of a text."""
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def shown(command: str) -> str:
    """Return what the document shows of a command's output."""
    return next(step.shown for step in steps(DOCUMENT) if step.command == command)


def row(text: str, name: str) -> list[float]:
    """Return the numbers of a table's row."""
    return numbers(next(line for line in text.splitlines() if line.startswith(f"│ {name} ")).partition("│ ")[2])


def test_every_command_does_what_the_document_shows(walk: Walk) -> None:
    assert {STATUS, HIDDEN, COMPARED} <= walk.printed.keys()


def test_passes_and_conflicts_are_those_of_the_document_whatever_the_keys(walk: Walk) -> None:
    # Equal values make equal keys: only the last row and the conflicts of links by similarity depend on the keys drawn.
    for name in ("national-id", "passport", "names-date"):
        assert row(walk.printed[STATUS], name) == row(shown(STATUS), name)


def test_names_alone_find_what_numbers_link_as_well_as_the_document_says(walk: Walk) -> None:
    for printed, claimed in zip(walk.printed[HIDDEN].splitlines(), shown(HIDDEN).splitlines(), strict=True):
        found, shared, told, _ = numbers(printed)
        claimed_found, claimed_shared, claimed_told, _ = numbers(claimed)
        assert shared == claimed_shared
        assert found == pytest.approx(claimed_found, abs=8)
        assert told == pytest.approx(claimed_told, abs=8)


def test_the_links_are_as_good_as_the_document_says(walk: Walk) -> None:
    *_, precision, recall = numbers(walk.printed[COMPARED].splitlines()[-1])
    assert precision > 0.996
    assert recall > 0.993
