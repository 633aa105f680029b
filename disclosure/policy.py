"""Whether the agreement allows a question: each refusal names its clause and depends on no data."""

import datetime
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from disclosure.bounding import bins_of
from disclosure.errors import PolicyRefused
from disclosure.grid import TOTAL, Grid, categories, grid_of
from disclosure.query.questions import (
    AtDates,
    ConflictsQuestion,
    CountsLinks,
    DurationQuestion,
    EventsQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    LinksQuestion,
    OverlapQuestion,
    OverPeriods,
    PersonsQuestion,
    QuantileQuestion,
    Question,
    StockQuestion,
    SyntheticQuestion,
    VariableQuestion,
)
from disclosure.query.rules import Signs, Window
from disclosure.terms import Terms
from disclosure.uncertainty.deciding import uncountable_links
from disclosure.uncertainty.reach import reach_of
from linkage_core.agreement.payload import PayloadTable

LEAST_BINS: Final = 2
"""Of one bin, every quantile would be in it."""


MOST_NAMED: Final = 40
"""Categories that a refusal names, before it counts them."""


def check_policy(question: Question, terms: Terms) -> None:
    """Raise `PolicyRefused` for the first clause that forbids the question."""
    for refusal in _refusals(question, terms):
        raise refusal


def _refusals(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    yield from _measure(question, terms)
    yield from _rule(question, terms)
    yield from _dimensions(question, terms)
    yield from _period(question, terms)
    yield from _total(question, terms)
    yield from _bound(question, terms)
    yield from _cell_keys(question, terms)
    grid = grid_of(question, terms)
    size = grid.size
    if isinstance(question, QuantileQuestion):
        size *= len(bins_of(question, terms))
    if size > terms.budget.maximum_cells:
        yield PolicyRefused("budget.maximum_cells", f"the table has {size} cells, {terms.budget.maximum_cells} at most")
    yield from _links(question, terms, grid)


def _links(question: Question, terms: Terms, grid: Grid) -> Iterator[PolicyRefused]:
    if isinstance(question, CountsLinks) and question.count_links:
        fault = uncountable_links(question, terms)
        if fault:
            yield PolicyRefused("count_links", fault)
        alone = reach_of(question.model_copy(update={"count_links": False}), terms, grid)
        if not isinstance(alone, str):
            yield PolicyRefused("count_links", "intervals allow for linkage errors without it: leave it out")


def _unknown(clause: str, what: str, name: str, known: Iterable[str]) -> PolicyRefused:
    names = sorted(known)
    nearest = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; the nearest is {nearest[0]}" if nearest else f"; there are {', '.join(names) or 'none'}"
    return PolicyRefused(clause, f"there is no {what} {name}{hint}")


def _measure(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    dimensions = terms.statistics.dimensions
    match question:
        case OverlapQuestion():
            if not terms.unmatched_rows_kept:
                yield PolicyRefused(
                    "unmatched_rows", "rows seen in one source only were dropped, so overlap cannot be counted"
                )
            yield from _sources(question.sources, terms)
        case LinksQuestion():
            yield from _sources((question.of,), terms)
        case PersonsQuestion() | EventsQuestion():
            yield from _sources((question.of,), terms)
            yield from _unit(question, terms.source_table(question.of))
        case VariableQuestion() | QuantileQuestion():
            yield from _variable(question, terms)
        case DurationQuestion():
            durations = {dimension.name for dimension in dimensions if dimension.kind == "duration"}
            if question.of not in durations:
                yield _unknown("statistics.dimensions", "dimension of durations", question.of, durations)
        case ConflictsQuestion():
            known = {dimension.name for dimension in dimensions if dimension.kind != "duration"}
            if question.of not in known:
                yield _unknown("statistics.dimensions", "dimension with sources", question.of, known)


def _variable(question: VariableQuestion | QuantileQuestion, terms: Terms) -> Iterator[PolicyRefused]:
    known = {variable.name for variable in terms.statistics.variables}
    if isinstance(question, QuantileQuestion):
        known |= {dimension.name for dimension in terms.statistics.dimensions if dimension.kind == "duration"}
    if question.of not in known:
        yield _unknown("statistics.variables", "variable", question.of, known)
    variable = terms.statistics.variable(question.of)
    if variable is None:
        return
    if isinstance(question, QuantileQuestion) and len(variable.bins) < LEAST_BINS:
        yield PolicyRefused(
            f"statistics.variables.{question.of}.bins", f"quantiles need at least {LEAST_BINS} public bins"
        )
    yield from _unit(question, terms.table(variable.column))


def _sources(names: Iterable[str], terms: Terms) -> Iterator[PolicyRefused]:
    known = [source.name for source in terms.statistics.sources]
    yield from (_unknown("statistics.sources", "source", name, known) for name in names if name not in known)


def _unit(question: OverPeriods, table: PayloadTable) -> Iterator[PolicyRefused]:
    time = table.column(table.time or "")
    if time is not None and time.type == "year" and question.unit != "year":
        yield PolicyRefused(
            f"payload.{table.provider}.{table.name}",
            f"its rows have years only, so there are no figures by {question.unit}",
        )


def _rule(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    rule = getattr(question, "rule", None)
    if isinstance(rule, Window) and terms.statistics.crossings is None:
        yield PolicyRefused("statistics.crossings", "the rule `window` needs a table of border crossings")
    if isinstance(rule, Signs):
        if not terms.unmatched_rows_kept:
            yield PolicyRefused(
                "unmatched_rows", "rows seen in one source only were dropped, so signs of life are missing"
            )
        yield from _sources(rule.sources, terms)


def _dimensions(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    known = [dimension.name for dimension in terms.statistics.dimensions]
    stays = isinstance(question, AtDates | FlowQuestion | DurationQuestion) or (
        isinstance(question, QuantileQuestion) and terms.statistics.variable(question.of) is None
    )
    for name in (*question.dimensions, *(item.dimension for item in question.where)):
        if name not in known:
            yield _unknown("statistics.dimensions", "dimension", name, known)
        if terms.dimension(name).kind == "duration" and not stays:
            yield PolicyRefused("statistics.dimensions", f"{name} counts from a stay, and {question.measure} has none")
    if isinstance(question, QuantileQuestion) and question.of in question.dimensions:
        yield PolicyRefused(
            "statistics.dimensions", f"a table of quantiles of {question.of} cannot be by {question.of}"
        )
    for item in question.where:
        public = categories(item.dimension, terms)
        if unlisted := set(item.categories) - set(public):
            there_are = f": {', '.join(public)}" if len(public) <= MOST_NAMED else f", of which there are {len(public)}"
            yield PolicyRefused(
                "statistics.code_lists",
                f"where: {len(unlisted)} of the categories given are none of {item.dimension}{there_are}",
            )


def _total(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    if isinstance(question, SyntheticQuestion):
        taken = [name for name in question.dimensions if TOTAL in categories(name, terms)]
        yield from (
            PolicyRefused("statistics.code_lists", f"{name} has the category {TOTAL}, which is kept for totals")
            for name in taken
        )


def _bound(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    agreed = terms.budget.flow_cells_per_person
    if isinstance(question, DurationQuestion | ItinerariesQuestion) and question.cells_per_person is not None:
        yield PolicyRefused(
            "budget.flow_cells_per_person", f"{question.measure} cuts no cells: leave cells_per_person out"
        )
    if isinstance(question, OverPeriods) and (question.cells_per_person or 0) > agreed:
        yield PolicyRefused("budget.flow_cells_per_person", f"one person counts in {agreed} cells at most")


def _cell_keys(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    if not question.by_cell_key:
        return
    if terms.statistics.cell_keys is None:
        yield PolicyRefused("statistics.cell_keys", "the agreement allows no tables by cell-key perturbation")
    counts_persons = isinstance(question, StockQuestion | PersonsQuestion | FlowQuestion) and question.measure != "net"
    if not counts_persons:
        yield PolicyRefused(
            "statistics.cell_keys",
            "cell-key perturbation is for counts of persons: stock, inflow, outflow, return, persons; "
            f"{question.measure} needs noise",
        )
    if isinstance(question, OverPeriods) and question.cells_per_person is not None:
        yield PolicyRefused("statistics.cell_keys", "no cells are cut under cell keys: leave cells_per_person out")


def _period(question: Question, terms: Terms) -> Iterator[PolicyRefused]:
    days = _days_asked_about(question)
    if days is not None and (days[0] < terms.period.start or days[1] > terms.period.end):
        yield PolicyRefused(
            "period",
            f"statistics run from {terms.period.start} to {terms.period.end}; years, quarters and months must lie "
            "wholly within",
        )


def _days_asked_about(question: Question) -> tuple[datetime.date, datetime.date] | None:
    match question:
        case AtDates():
            return question.dates[0], question.dates[-1]
        case OverPeriods():
            return question.periods[0].first, question.periods[-1].last
        case OverlapQuestion():
            return question.over.start, question.over.end
        case _:
            return None
