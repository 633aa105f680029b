"""Policy: every clause refuses by name, before any data is touched."""

from typing import Any

import pytest
from pydantic import ValidationError

from disclosure.errors import PolicyRefused
from disclosure.policy import check_policy
from disclosure.query.parsing import parse_question
from linkage_core.agreement.statistics import LARGEST_AMOUNT, Variable
from tests.disclosure_cases import document
from tests.disclosure_world import terms


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (document("stock", by=["income"]), "statistics.dimensions"),
        (document("stock", by=["year"]), "statistics.dimensions"),
        (document("stock", where=[{"dimension": "income", "in": ["f"]}]), "statistics.dimensions"),
        (document("stock", where=[{"dimension": "sex", "in": ["f", "f') OR 1=1 --"]}]), "statistics.code_lists"),
        (document("stock", at=["2014-12-31"]), "period"),
        (document("stock", at=["2020-01-01", "2023-01-01"]), "period"),
        (document("inflow", over=[2014, 2015]), "period"),
        (document("outflow", over=[2022, 2023]), "period"),
        (document("overlap", over={"start": "2022-01-01", "end": "2023-01-01"}), "period"),
        (document("overlap", of=["border", "school"]), "statistics.sources"),
        (
            document("stock", at=[f"2020-{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 29)], by=["sex"]),
            "cells",
        ),
    ],
)
def test_a_question_outside_the_agreement_is_refused_by_clause(data: dict[str, Any], clause: str) -> None:
    with pytest.raises(PolicyRefused, match=f"clause .*{clause}") as caught:
        check_policy(parse_question(data), terms())
    assert clause in caught.value.clause


def test_overlap_is_refused_where_unmatched_rows_are_dropped() -> None:
    with pytest.raises(PolicyRefused, match="clause unmatched_rows"):
        check_policy(parse_question(document("overlap")), terms(unmatched_rows_kept=False))


@pytest.mark.parametrize("measure", ["stock", "inflow", "outflow", "overlap"])
def test_a_question_inside_the_agreement_passes(measure: str) -> None:
    check_policy(parse_question(document(measure, by=["sex", "country"])), terms())


def test_amounts_of_a_person_stay_within_what_the_store_can_add_up() -> None:
    """A sum beyond 64 bits would fail after the budget was charged."""
    variable = terms().statistics.variables[0].model_dump()
    Variable.model_validate(variable | {"maximum": LARGEST_AMOUNT})
    assert LARGEST_AMOUNT * 900_000_000 < 2**63
    with pytest.raises(ValidationError, match="maximum"):
        Variable.model_validate(variable | {"maximum": LARGEST_AMOUNT + 1})
