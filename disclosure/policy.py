"""Whether the agreement allows a question: each refusal names its clause and depends on no data."""

import datetime
from collections.abc import Iterator

from disclosure.errors import PolicyRefused
from disclosure.grid import categories, grid_of
from disclosure.query import FlowQuestion, OverlapQuestion, Question, StockQuestion
from disclosure.terms import Terms


def check_policy(question: Question, terms: Terms) -> None:
    """Raise `PolicyRefused` for the first clause that forbids the question."""
    for refusal in _refusals(question, terms):
        raise refusal


def _refusals(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    yield from _dimensions(question, terms)
    yield from _measure(question, terms)
    yield from _period(question, terms)
    size = grid_of(question, terms).size
    if size > terms.budget.maximum_cells:
        yield PolicyRefused("budget.maximum_cells", f"the table has {size} cells, {terms.budget.maximum_cells} at most")


def _dimensions(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    for name in (*question.dimensions, *(item.dimension for item in question.where)):
        if terms.statistics.dimension(name) is None:
            yield PolicyRefused("statistics.dimensions", f"there is no dimension {name}")
    for item in question.where:
        unlisted = set(item.categories) - set(categories(item.dimension, terms))
        if unlisted:
            yield PolicyRefused(
                "statistics.code_lists", f"{len(unlisted)} categories compared with {item.dimension} are not listed"
            )


def _measure(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    if not isinstance(question, OverlapQuestion):
        return
    if not terms.unmatched_rows_kept:
        yield PolicyRefused("unmatched_rows", "rows seen in one source only were dropped, so overlap cannot be counted")
    for name in question.sources:
        if terms.statistics.source(name) is None:
            yield PolicyRefused("statistics.sources", f"there is no source {name}")


def _period(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    first, last = _days_asked_about(question)
    if first < terms.period.start or last > terms.period.end:
        yield PolicyRefused(
            "period", f"statistics run from {terms.period.start} to {terms.period.end}; years must lie wholly within"
        )


def _days_asked_about(question: Question) -> tuple[datetime.date, datetime.date]:
    match question:
        case StockQuestion():
            return question.dates[0], question.dates[-1]
        case FlowQuestion():
            return datetime.date(question.years[0], 1, 1), datetime.date(question.years[-1], 12, 31)
        case OverlapQuestion():
            return question.over.start, question.over.end
