# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""Stocks, flows and durations: which persons occur where on the measure's axes, given their stays.

A person counts once a date and once a period: with the first such day of the period, or, for durations, with the last
stay that ended in it. So the bound of one cell a date or period holds whatever a person's history is.
"""

from typing import Final

from disclosure.grid import Grid
from disclosure.query.questions import (
    AtDates,
    DurationQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    QuantileQuestion,
    SyntheticQuestion,
)
from disclosure.query.rules import Window
from disclosure.sql_bindings import Bindings
from disclosure.sql_dimensions import named_dimensions
from disclosure.sql_parts import FIRST_DAY, MeasureParts, asked_periods, known_day, months_since, period_number
from disclosure.sql_residence import crossings_of, residence_parts
from disclosure.sql_residence_itinerary import located_steps, never_crossed_step, passage_step
from disclosure.terms import Terms

_WAYS: Final = {"inflow": "'in'", "return": "'in'", "outflow": "'out'"}


def stock_parts(question: AtDates, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of residents at dates: a stay covers the day.

    A synthetic file leaves out persons whose residence the rule leaves open; a table has categories for them.
    """
    # How long a stay has lasted is a matter of the full history.
    lengths = any(terms.dimension(name).kind == "duration" for name in named_dimensions(question))
    residence = residence_parts(question.rule, terms, bindings, () if lengths else question.dates)
    days = bindings.bind(list(question.dates))
    parts = bindings.bind([grid.strides[0] * place for place in range(len(question.dates))])
    synthetic = isinstance(question, SyntheticQuestion)
    status = "" if synthetic else _status(question.rule, grid, "stay.certain", bindings)
    known = " WHERE stay.certain" if synthetic else ""
    steps, relations, others = residence.steps, residence.relations, ""
    if isinstance(question.rule, Window) and not synthetic:
        steps = (*steps, never_crossed_step(crossings_of(terms), terms.payload, terms.period, bindings))
        relations = frozenset((table.provider, table.name) for table in terms.payload)
        never_crossed = bindings.bind(2 * grid.strides[1])
        others = (
            f" UNION ALL SELECT person, asked.part + {never_crossed}, asked.day, NULL::DATE, 1 "
            "FROM never_crossed CROSS JOIN asked"
        )
    return MeasureParts(
        (
            *steps,
            f"asked AS (SELECT unnest({days}::DATE[]) AS day, unnest({parts}::BIGINT[]) AS part)",
            f"occurrence AS (SELECT stay.person, asked.part{status} AS part, asked.day AS day, "
            f"{known_day('stay.first')} AS since, 1 AS amount "
            f"FROM stay JOIN asked ON asked.day BETWEEN stay.first AND stay.last{known}{others})",
        ),
        relations,
    )


def flow_parts(question: FlowQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of persons who became or stopped being residents: as of the first such day of each period."""
    residence = residence_parts(question.rule, terms, bindings)
    if question.measure == "net":
        moves = " UNION ALL ".join((_moves("inflow", question, 1), _moves("outflow", question, -1)))
    else:
        moves = _moves(question.measure, question, 1)
    status = _status(question.rule, grid, "move.certain", bindings)
    return MeasureParts(
        (
            *residence.steps,
            asked_periods(question.periods, grid.strides[0], bindings),
            f"move AS ({moves})",
            f"occurrence AS (SELECT move.person, asked.part{status} AS part, move.day, "
            f"{known_day('move.since')} AS since, move.amount FROM move JOIN asked ON asked.number = move.number)",
        ),
        residence.relations,
    )


def duration_parts(question: DurationQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of stays that ended in a period, and of those that go on at its end where none ended."""
    residence = residence_parts(question.rule, terms, bindings)
    unfinished = bindings.bind(grid.strides[1])
    return MeasureParts(
        (
            *residence.steps,
            asked_periods(question.periods, grid.strides[0], bindings),
            _ended(question),
            f"occurrence AS (SELECT ended.person, asked.part, ended.day, "
            f"{known_day('ended.since')} AS since, 1 AS amount "
            "FROM ended JOIN asked ON asked.number = ended.number UNION ALL "
            f"SELECT stay.person, asked.part + {unfinished} AS part, asked.last AS day, "
            f"{known_day('stay.first')} AS since, 1 AS amount "
            "FROM stay JOIN asked ON stay.certain AND asked.last BETWEEN stay.first AND stay.last - 1 "
            "ANTI JOIN ended ON ended.person = stay.person AND ended.number = asked.number)",
        ),
        residence.relations,
    )


def length_parts(question: QuantileQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of the lengths, in full months, of stays that ended in each period: `amount`.

    Stays that began nobody knows when have no length, and are left out.
    """
    residence = residence_parts(question.rule, terms, bindings)
    return MeasureParts(
        (
            *residence.steps,
            asked_periods(question.periods, grid.strides[0], bindings),
            _ended(question),
            "occurrence AS (SELECT ended.person, asked.part, ended.day, ended.since, "
            f"{months_since('ended.since', 'ended.day')} AS amount FROM ended "
            f"JOIN asked ON asked.number = ended.number WHERE ended.since > {FIRST_DAY})",
        ),
        residence.relations,
    )


def itineraries_parts(question: ItinerariesQuestion, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    """Return the SQL of persons who crossed the border in each period, by whether twice in the same direction."""
    crossings = crossings_of(terms)
    return MeasureParts(
        (
            *located_steps(crossings, terms.period, bindings),
            passage_step(terms.period, bindings),
            asked_periods(question.periods, grid.strides[0], bindings),
            "occurrence AS (SELECT passage.person, "
            f"asked.part + CASE WHEN bool_or(passage.illogical) THEN {bindings.bind(grid.strides[1])} ELSE 0 END "
            "AS part, any_value(asked.last) AS day, NULL::DATE AS since, 1 AS amount "
            f"FROM passage JOIN asked ON asked.number = {period_number('passage.day', question.unit)} "
            "GROUP BY passage.person, asked.part)",
        ),
        frozenset({(crossings.table.provider, crossings.table.name)}),
    )


def _moves(measure: str, question: FlowQuestion, amount: int) -> str:
    again = " AND again" if measure == "return" else ""
    return (
        f"SELECT person, {period_number('day', question.unit)} AS number, min(day) AS day, "
        f"arg_min(since, day) AS since, arg_min(certain, day) AS certain, {amount} AS amount "
        f"FROM transition WHERE way = {_WAYS[measure]}{again} GROUP BY person, number"
    )


def _ended(question: DurationQuestion | QuantileQuestion) -> str:
    """Step `ended (person, number, day, since)`: the last stay of a person that ended in each period."""
    return (
        f"ended AS (SELECT person, {period_number('day', question.unit)} AS number, max(day) AS day, "
        "arg_max(since, day) AS since FROM transition WHERE way = 'out' AND certain GROUP BY person, number)"
    )


def _status(rule: object, grid: Grid, certain: str, bindings: Bindings) -> str:
    if not isinstance(rule, Window):
        return ""
    return f" + CASE WHEN {certain} THEN 0 ELSE {bindings.bind(grid.strides[1])} END"
