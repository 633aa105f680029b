"""What every measure must count in the small world, from definitions: sets of days in plain Python, no SQL."""

import datetime
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from disclosure.bounding import TruncationKey, bins_of, blocks_of, keyed_rank
from disclosure.grid import QUALITY_CLASSES, TOTAL, categories, grid_of, kept_categories
from disclosure.query.questions import (
    AtDates,
    ConflictsQuestion,
    DurationQuestion,
    EventsQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    LinksQuestion,
    OverlapQuestion,
    PersonsQuestion,
    QuantileQuestion,
    Question,
    StockQuestion,
    SyntheticQuestion,
    VariableQuestion,
)
from disclosure.query.rules import Registered, Rule, Signs, Window
from disclosure.terms import Terms
from tests import residence_reference as plain
from tests.disclosure_world import DAY_ZERO, KEY, LAST_DAY, Row, Rows

FOREVER = datetime.date.max
NOBODY_KNOWS = datetime.date.min
"""First day of a stay that began before observation."""


class Occurrence(NamedTuple):
    """A person in a category of the measure's axes: label of the choice, categories, day, begin of the stay, amount."""

    label: str
    own: tuple[str, ...]
    day: datetime.date
    since: datetime.date | None = None
    amount: int = 1


class Stay(NamedTuple):
    """First and last day, both included; `FOREVER` where it goes on, `NOBODY_KNOWS` where it began before."""

    first: datetime.date
    last: datetime.date
    certain: bool = True


class Move(NamedTuple):
    """A person becomes a resident on the day, or spends the last day as one."""

    day: datetime.date
    way: str
    since: datetime.date
    again: bool = False
    certain: bool = True


def reference_vectors(
    question: Question, world: Terms, rows: Rows, key: TruncationKey = KEY
) -> tuple[tuple[int, ...], ...]:
    """The numbers of each block that the compiled SQL must give."""
    blocks, totals = blocks_of(question, world), [Counter[tuple[str, ...]]() for _ in blocks_of(question, world)]
    grid = grid_of(question, world)
    positions = {coordinates: place for place, coordinates in enumerate(grid.coordinates())}
    for person in sorted({row["synthetic_key"] for table in rows.values() for row in table}):
        own = {t: [row for row in of if row["synthetic_key"] == person] for t, of in rows.items()}
        cells: Counter[tuple[str, tuple[str, ...]]] = Counter()
        for found in _occurrences(question, world, own):
            coordinates = _cell(question, world, own, found)
            for counted in () if coordinates is None else _counted(question, coordinates):
                cells[found.label, counted] += found.amount
        bound = blocks[0].bound
        chosen = sorted(
            (cell for cell, amount in cells.items() if amount or blocks[0].name != "balance"),
            key=lambda cell: (keyed_rank(key, person, cell[0]), positions[cell[1]]),
        )[: bound.cells]
        for label, coordinates in chosen:
            amount = cells[label, coordinates]
            for block, total in zip(blocks, totals, strict=True):
                match block.name:
                    case "count":
                        total[coordinates] += 1
                    case "balance":
                        total[coordinates] += amount
                    case "sum":
                        total[coordinates] += min(max(amount, block.bound.low), block.bound.high)
                    case "histogram":
                        assert isinstance(question, QuantileQuestion)
                        lows = bins_of(question, world)
                        place = max((i for i, low in enumerate(lows) if low <= amount), default=0)
                        total[*coordinates, str(place)] += 1
    return tuple(
        tuple(
            total[coordinates if block.name != "histogram" else (*coordinates, str(place))]
            for coordinates in grid.coordinates()
            for place in range(block.width)
        )
        for block, total in zip(blocks, totals, strict=True)
    )


def _cell(question: Question, world: Terms, own: Rows, found: Occurrence) -> tuple[str, ...] | None:
    names = {*question.dimensions, *(item.dimension for item in question.where)}
    values = {name: _value(name, world, own, found) for name in names}
    if any(value not in kept_categories(question, name, world) for name, value in values.items()):
        return None
    return (*found.own, *(values[name] for name in question.dimensions))


def _counted(question: Question, coordinates: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The cells in which one cell counts: itself, or for a synthetic file the cell of each pair of dimensions."""
    if not isinstance(question, SyntheticQuestion):
        return [coordinates]
    date, *values = coordinates
    pairs = itertools.combinations(range(len(values)), 2)
    return [(date, *(v if place in pair else TOTAL for place, v in enumerate(values))) for pair in pairs]


def _stated(name: str, world: Terms, own: Rows) -> list[list[Any]]:
    """What each source of a dimension says, in order of precedence: places in the list, or dates of birth."""
    dimension, every = world.dimension(name), categories(name, world)
    stated: list[list[Any]] = []
    for source in dimension.sources:
        given = [row[source.column] for row in own[source.provider, source.table]]
        if dimension.kind == "age":
            days = [datetime.date(value, 1, 1) if isinstance(value, int) else value for value in given]
            stated.append([day for day in days if day is not None])
        else:
            stated.append([every.index(value) for value in given if value in every[:-1]])
    return stated


def _value(name: str, world: Terms, own: Rows, found: Occurrence) -> str:
    dimension, every = world.dimension(name), categories(name, world)
    if dimension.kind == "duration":
        return _band(None if found.since is None else _months(found.since, found.day), dimension.bands, every)
    best = next((min(values) for values in _stated(name, world, own) if values), None)
    if dimension.kind == "age":
        return _band(None if best is None else _age(best, found.day), dimension.bands, every)
    return every[-1] if best is None else every[best]


def _band(figure: int | None, bands: Sequence[int], every: Sequence[str]) -> str:
    if figure is None or figure < 0:
        return every[-1]
    return every[max(i for i, low in enumerate(bands) if low <= figure)]


def _age(born: datetime.date, day: datetime.date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _months(since: datetime.date, last: datetime.date) -> int:
    """Full months from a first to a last day, both included."""
    after = last + datetime.timedelta(days=1)
    months = (after.year - since.year) * 12 + after.month - since.month
    month_end = (after + datetime.timedelta(days=1)).month != after.month  # 28 February ends the month of a 31 January
    return months - (after.day < since.day and not month_end)


def _occurrences(question: Question, world: Terms, own: Rows) -> Iterator[Occurrence]:  # noqa: C901 - a case a measure
    match question:
        case AtDates():
            for day in question.dates:
                for stay in _stays(question.rule, own):
                    if stay.first <= day <= stay.last and isinstance(question, SyntheticQuestion):
                        if stay.certain:
                            yield Occurrence(day.isoformat(), (day.isoformat(),), day, _known(stay.first))
                    elif stay.first <= day <= stay.last:
                        own_axes = (day.isoformat(), *_status(question.rule, stay.certain))
                        yield Occurrence(day.isoformat(), own_axes, day, _known(stay.first))
                if isinstance(question, StockQuestion) and isinstance(question.rule, Window) and not _journey(own):
                    yield Occurrence(day.isoformat(), (day.isoformat(), "never_crossed"), day)
        case FlowQuestion():
            yield from _flows(question, own)
        case DurationQuestion():
            yield from _durations(question, own)
        case QuantileQuestion() if world.statistics.variable(question.of) is None:
            for period in question.periods:
                ended = _ended(question.rule, own, period.first, period.last)
                if ended is not None and ended.since != NOBODY_KNOWS:
                    length = _months(ended.since, ended.day)
                    yield Occurrence(period.label, (period.label,), ended.day, ended.since, length)
        case VariableQuestion() | QuantileQuestion():
            yield from _incomes(question, own)
        case PersonsQuestion() | EventsQuestion():
            for period in question.periods:
                count = sum(_seen(question.of, row, period.first, period.last) for row in _rows(question.of, own))
                if count:
                    yield Occurrence(period.label, (period.label,), period.last, amount=count)
        case ItinerariesQuestion():
            yield from _itineraries(question, own)
        case OverlapQuestion():
            yield from _overlap(question, own)
        case LinksQuestion():
            classes = [row["quality_class"] for row in _rows(question.of, own)]
            if classes:
                yield Occurrence("class", (QUALITY_CLASSES[max(classes)],), world.period.end)
        case ConflictsQuestion():
            yield from _conflicts(question, world, own)


def _incomes(question: VariableQuestion | QuantileQuestion, own: Rows) -> Iterator[Occurrence]:
    for period in question.periods:
        rows = [row for row in own["tax", "years"] if row["year"] == period.first.year]
        values = [row["income"] for row in rows if row["income"] is not None]
        if values:
            yield Occurrence(period.label, (period.label,), period.last, amount=sum(values))


def _overlap(question: OverlapQuestion, own: Rows) -> Iterator[Occurrence]:
    first, second = question.sources
    start, end = question.over.start, question.over.end
    seen = [any(_seen(source, row, start, end) for row in _rows(source, own)) for source in question.sources]
    if any(seen):
        name = "both" if all(seen) else f"{first if seen[0] else second}_only"
        yield Occurrence("seen", (name,), end)


def _conflicts(question: ConflictsQuestion, world: Terms, own: Rows) -> Iterator[Occurrence]:
    stated = _stated(question.of, world, own)
    if any(own[source.provider, source.table] for source in world.dimension(question.of).sources):
        different, speaking = {value for values in stated for value in values}, sum(map(bool, stated))
        alike = {0: "none", 1: "single"}.get(speaking, "agreeing")
        yield Occurrence("values", ("conflicting" if len(different) > 1 else alike,), LAST_DAY)


def _itineraries(question: ItinerariesQuestion, own: Rows) -> Iterator[Occurrence]:
    journey = _journey(own)
    wrong = plain.illogical_days(_crossings(own), _number(LAST_DAY))
    for period in question.periods:
        within = range(_number(period.first), _number(period.last) + 1)
        if any(day in within for day, _ in journey):
            name = "illogical" if any(day in within for day in wrong) else "logical"
            yield Occurrence(period.label, (period.label, name), period.last)


def _flows(question: FlowQuestion, own: Rows) -> Iterator[Occurrence]:
    moves = _moves(question.rule, own)
    arrivals, departures = [m for m in moves if m.way == "in"], [m for m in moves if m.way == "out"]
    ways = {
        "inflow": [(1, arrivals)],
        "outflow": [(1, departures)],
        "net": [(1, arrivals), (-1, departures)],
        "return": [(1, [move for move in arrivals if move.again])],
    }
    for amount, chosen in ways[question.measure]:
        for period in question.periods:
            within = [move for move in chosen if period.first <= move.day <= period.last]
            if within:
                first = min(within)
                own_axes = (period.label, *_status(question.rule, first.certain))
                yield Occurrence(period.label, own_axes, first.day, _known(first.since), amount)


def _durations(question: DurationQuestion, own: Rows) -> Iterator[Occurrence]:
    for period in question.periods:
        ended = _ended(question.rule, own, period.first, period.last)
        going_on = [s for s in _stays(question.rule, own) if s.certain and s.first <= period.last < s.last]
        if ended is not None:
            yield Occurrence(period.label, (period.label, "completed"), ended.day, _known(ended.since))
        elif going_on:
            yield Occurrence(period.label, (period.label, "open"), period.last, _known(going_on[0].first))


def _ended(rule: Rule, own: Rows, first: datetime.date, last: datetime.date) -> Move | None:
    """The last certain end of a stay between two days."""
    ends = [m for m in _moves(rule, own) if m.way == "out" and m.certain and first <= m.day <= last]
    return max(ends, default=None)


def _status(rule: Rule, certain: bool) -> tuple[str, ...]:
    return ("certain" if certain else "unknown",) if isinstance(rule, Window) else ()


def _known(since: datetime.date) -> datetime.date | None:
    return None if since == NOBODY_KNOWS else since


def _moves(rule: Rule, own: Rows) -> list[Move]:
    if isinstance(rule, Window):
        found = _window(rule, own).transitions
        return sorted(Move(_day(day), way, _day(since), again, sure) for day, way, since, again, sure in found)
    stays = _stays(rule, own)
    begun = [Move(s.first, "in", s.first, again=i > 0) for i, s in enumerate(stays) if s.first > DAY_ZERO]
    return sorted([*begun, *(Move(s.last, "out", s.first) for s in stays if s.last < FOREVER)])


def _stays(rule: Rule, own: Rows) -> list[Stay]:
    match rule:
        case Registered():
            return _registered_stays(rule, own)
        case Window():
            return sorted(Stay(_day(first), _day(last), sure) for first, last, sure in _window(rule, own).stays)
        case Signs():
            years = range(DAY_ZERO.year, LAST_DAY.year + 1)
            seen = {
                (name, year)
                for name in rule.sources
                for row in _rows(name, own)
                for year in years
                if _seen(name, row, datetime.date(year, 1, 1), datetime.date(year, 12, 31))
            }
            runs = plain.signs_of_life(seen, rule.sources, rule.score, rule.gap_years, years)
            return [
                Stay(datetime.date(a, 1, 1), FOREVER if b == LAST_DAY.year else datetime.date(b, 12, 31))
                for a, b in runs
            ]


def _window(rule: Window, own: Rows) -> plain.Residence:
    return plain.residence(_crossings(own), rule.days, rule.of, rule.itinerary, _number(LAST_DAY))


def _journey(own: Rows) -> list[plain.Crossing]:
    return plain.in_order(_crossings(own), _number(LAST_DAY))


def _crossings(own: Rows) -> list[plain.Crossing]:
    ways = {"in": plain.ARRIVAL, "out": plain.DEPARTURE}
    return [(_number(row["day"]), ways.get(row["direction"], "none")) for row in own["border", "crossings"]]


def _number(day: datetime.date) -> int:
    return (day - DAY_ZERO).days


def _day(number: int) -> datetime.date:
    edges = {plain.BEFORE: NOBODY_KNOWS, plain.OPEN: FOREVER}
    return edges[number] if number in edges else DAY_ZERO + datetime.timedelta(days=number)


def _registered_stays(rule: Registered, own: Rows) -> list[Stay]:
    limit = max(1, rule.window_days)
    days: set[int] = set()
    open_from = math.inf
    for row in own["register", "spells"]:
        start = row["start"].toordinal()
        if row["end"] is None:
            open_from = min(open_from, start)
        else:
            days.update(range(start, row["end"].toordinal() + 1))
    if open_from < math.inf:
        horizon = max([*days, int(open_from)])
        days.update(range(int(open_from), horizon + 1))
    stays: list[tuple[int, int]] = []
    for day in sorted(days):
        if stays and day - stays[-1][1] - 1 < limit:
            stays[-1] = (stays[-1][0], day)
        else:
            stays.append((day, day))
    if open_from < math.inf:
        stays[-1] = (stays[-1][0], FOREVER.toordinal())
    return [
        Stay(datetime.date.fromordinal(first), datetime.date.fromordinal(last))
        for first, last in stays
        if last - first + 1 >= limit
    ]


def _rows(source: str, own: Rows) -> Sequence[Row]:
    return own[{"border": ("border", "crossings"), "tax": ("tax", "years"), "register": ("register", "spells")}[source]]


def _seen(source: str, row: Row, start: datetime.date, end: datetime.date) -> bool:
    if source == "border":
        return bool(start <= row["day"] <= end)
    if source == "tax":
        return bool(start.year <= row["year"] <= end.year)
    return bool(row["start"] <= end and (row["end"] is None or (row["end"] >= start and row["end"] >= row["start"])))
