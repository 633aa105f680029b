"""The whole language, from a document to a question and to the one form that all its spellings share.

measure:   stock | synthetic | inflow | outflow | net | return | duration | persons | events | sum | mean | quantile
           | overlap | conflicts | links | itineraries
of:        overlap: two sources; persons, events: a source; sum, mean: a variable; duration: a dimension of
           durations; quantile: a variable or a dimension of durations; conflicts: a dimension; links: a source
at:        synthetic: one date; stock: one date, a list of them, or {start, end, by: year | quarter | month}
over:      a list of years, or {start, end, by: year | quarter | month} of whole ones; overlap: {start, end}
rule:      {kind: registered, minimum_months: 12 | 0}, {kind: window, days: 365, of: 487, itinerary: midpoint
           | drop | flag}, or {kind: signs, sources: {name: weight}, score, gap_years}
by:        dimensions of the agreement (the unit of time may be named too, by which the table always is)
where:     [{dimension, in: [categories]}]
quantiles: quantile: per mille
at_most:   events: rows of one person that count in a period
cells_per_person: a tighter bound on the cells that one person counts in, for less noise
count_links: stock, persons, inflow, outflow, return, duration: true has people counted beside whom a missed link moves
accuracy:  {half_width: at 95 %}, {nano_rho: price}, or, for stock, flows and persons, {cell_key: true}, which asks
           for cell-key perturbation and not for differential privacy
"""

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from disclosure.errors import QueryFault
from disclosure.query.questions import (
    AtDates,
    CountsLinks,
    EventsQuestion,
    OverlapQuestion,
    OverPeriods,
    QuantileQuestion,
    Question,
)
from disclosure.table import CELL_KEY
from linkage_core.agreement.canonical import canonical_bytes

FORMAT: Final = "symbolon-question/3"

LONGEST_QUESTION: Final = 500_000
"""Characters of a question: room for every code of the longest code list, and no room to keep a service busy."""

_LISTS: Final = frozenset({"at", "over", "by", "quantiles"})
_KINDS: Final = frozenset({"cut", "list", "registered", "window", "signs"})
_QUESTION: TypeAdapter[Question] = TypeAdapter(Annotated[Question, Field(discriminator="measure")])


def parse_question(document: bytes | str | Mapping[str, Any]) -> Question:
    """Parse a question from JSON, or from what a YAML or TOML reader gives; raises `QueryFault` with every fault.

    Where a list is expected, one item may stand for itself.
    """
    if isinstance(document, bytes | str) and len(document) > LONGEST_QUESTION:
        raise QueryFault(f"the question has {len(document)} characters, {LONGEST_QUESTION} at most")
    try:
        data = json.loads(document) if isinstance(document, bytes | str) else dict(document)
        if isinstance(data, dict):
            alone = {name for name in _LISTS & data.keys() if not isinstance(data[name], list | dict | tuple)}
            data |= {name: [data[name]] for name in alone}
        text = json.dumps(data, default=_date_text)
    except (TypeError, ValueError, RecursionError):
        raise QueryFault(
            "the question is not JSON, or holds more than texts, numbers, dates, lists, mappings"
        ) from None
    try:
        return _QUESTION.validate_json(text)
    except ValidationError as error:
        raise QueryFault("the question is not well formed", tuple(_faults(error.errors()))) from None


def _faults(errors: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong, in the words of the language; a list is not called empty because of what is wrong in it."""
    for error in errors:
        where = error["loc"]
        if error["type"] == "too_short" and any(e["loc"][: len(where)] == where != e["loc"] for e in errors):
            continue
        match error["type"]:
            case "union_tag_not_found" | "union_tag_invalid" if "discriminator" in error["ctx"]:
                name = error["ctx"]["discriminator"].strip("'")
                said = f"there are {known}" if (known := error["ctx"].get("expected_tags")) else "is missing"
                yield f"{_place((*where, name))}: {said.replace(chr(39), '')}"
            case "missing":
                yield f"{_place(where)}: is missing"
            case "extra_forbidden":
                yield f"{_place(where)}: is no part of such a question"
            case "model_type" if where[-1:] == ("accuracy",):
                yield f"{_place(where)}: give half_width, of a 95 % interval, or nano_rho, a price"
            case "model_type":
                yield f"{_place(where)}: several values are expected, by their names"
            case _:
                yield f"{_place(where)}: {str(error['msg']).removeprefix('Value error, ')}"


def _place(where: tuple[int | str, ...]) -> str:
    """Return the path of a fault as the analyst wrote it, without the kinds that a union was told apart by."""
    return ".".join(str(part) for part in where if part not in _KINDS) or "question"


def _date_text(value: object) -> str:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError


def canonical_question(question: Question, complete: Mapping[str, frozenset[str]]) -> dict[str, JsonValue]:
    """Return the one form that all spellings of a question share, without its accuracy: its keys are in order.

    A question by cell-key perturbation names that mechanism, so that no table with noise ever answers it or is answered
    by it.

    `complete` gives every category of each dimension: a comparison that keeps all of them says nothing and is left out.
    The bound `cells_per_person` is no part of it: it has its own place in what identifies a release.
    """
    form: dict[str, JsonValue] = {
        "format": FORMAT,
        "measure": question.measure,
        "by": list(question.dimensions),
        "where": [
            {"dimension": item.dimension, "in": list(kept)}
            for item in sorted(question.where, key=lambda item: item.dimension)
            if (kept := sorted(set(item.categories))) != sorted(complete.get(item.dimension, ()))
        ],
    }
    if question.by_cell_key:
        form["mechanism"] = CELL_KEY
    if isinstance(question, OverlapQuestion):
        form["of"] = list(question.sources)
        form["over"] = question.over.model_dump(mode="json")
        return _in_order(form)
    if (of := getattr(question, "of", None)) is not None:
        form["of"] = of
    if (rule := getattr(question, "rule", None)) is not None:
        form["rule"] = rule.model_dump(mode="json")
    if isinstance(question, CountsLinks) and question.count_links:
        form["count_links"] = True
    if isinstance(question, AtDates):
        form["at"] = [date.isoformat() for date in question.dates]
    if isinstance(question, OverPeriods):
        form["over"] = [period.label for period in question.periods]
    if isinstance(question, EventsQuestion):
        form["at_most"] = question.at_most
    if isinstance(question, QuantileQuestion):
        form["quantiles"] = list(question.per_mille)
    return _in_order(form)


def _in_order(form: dict[str, JsonValue]) -> dict[str, JsonValue]:
    ordered: dict[str, JsonValue] = json.loads(canonical_bytes(form))
    return ordered
