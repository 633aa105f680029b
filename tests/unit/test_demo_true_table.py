"""What the demo tells of the truth beside its last table, and that links reach that table."""

from pathlib import Path

from benchmarks.payload import demo_terms
from disclosure.grid import grid_of
from disclosure.query.parsing import parse_question
from disclosure.uncertainty.reach import Reach, reach_of
from services.demo.run import QUESTIONS
from services.demo.true_table import LINKED_QUESTION, true_overlap

TRUTH = """person_id,provider,local_id
a,population_register,1
b,population_register,2
c,population_register,3
d,population_register,4
a,tax,1
b,tax,3
c,tax,2
e,tax,5
"""
REGISTRATIONS = """local_id,start,end
1,2010-01-01,
2,2010-01-01,2024-01-01
3,2010-01-01,2023-12-31
4,2024-12-31,
4,2025-01-01,
"""
YEARS = """local_id,year
1,2024
2,2024
3,2023
5,2024
5,2023
"""


def test_the_truth_counts_persons_and_not_rows_or_local_ids(tmp_path: Path) -> None:
    for name, text in (("truth", TRUTH), ("registrations", REGISTRATIONS), ("years", YEARS)):
        (tmp_path / name).write_text(text)
    found = true_overlap(tmp_path / "truth", tmp_path / "registrations", tmp_path / "years")
    # a is in both; b is registered on the year's first day and pays the year before; c has left; d has come.
    assert found == {"both": 1, "register_only": 2, "tax_only": 2}


def test_links_reach_the_demos_last_table_and_its_cells_are_those_that_the_truth_is_told_of() -> None:
    assert QUESTIONS[-1][1] is LINKED_QUESTION
    question, terms = parse_question(dict(LINKED_QUESTION)), demo_terms()
    grid = grid_of(question, terms)
    assert isinstance(reach_of(question, terms, grid), Reach)
    assert grid.axes[0].categories == ("both", "register_only", "tax_only")
