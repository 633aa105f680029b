"""Questions as analysts keep them: files in TOML or JSON, or standard input."""

import json
import sys
from pathlib import Path
from typing import Any, Final

MOST_NAMES: Final = 3
"""Categories of a comparison that a table's heading names, before it counts them."""


def read_question(place: str) -> dict[str, Any]:
    """Read a question as `read_question_and_figures` does, without the figures."""
    return read_question_and_figures(place)[0]


def read_question_and_figures(place: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Read a question, and the expected figures beside it, from a file or standard input.

    Raises `QueryFault` for what is neither TOML nor JSON, and for a question that is not well formed.
    """
    import tomllib

    from disclosure.errors import QueryFault
    from disclosure.planning import EXPECTED
    from disclosure.query.parsing import parse_question

    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise QueryFault(f"the question {place} cannot be read: {reason}") from None
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        raise QueryFault(f"the question {place} is neither TOML nor JSON", (str(error),)) from None
    figures = document.pop(EXPECTED, None) if isinstance(document, dict) else None
    parse_question(document)  # what is wrong with it is told here, before anything is sent
    return dict(document), figures


def question_in_words(question: dict[str, Any]) -> str:
    """Return the heading of a question's table: what it says beyond the defaults."""
    when = question.get("at") or question.get("over")
    if isinstance(when, dict):
        when = [when["start"], "to", when["end"]]
    of = question.get("of") or ()
    words = [str(question["measure"]), *((of,) if isinstance(of, str) else of), *map(str, when or ())]
    by, label = question.get("by") or [], question.get("mechanism")
    parts = [" ".join(words) + (f" by {', '.join(by)}" if by else "") + (f" ({label})" if label else "")]
    for item in question.get("where") or ():
        kept = item["in"]
        parts.append(f"{item['dimension']} {' or '.join(kept) if len(kept) <= MOST_NAMES else f'in {len(kept)}'}")
    return ", ".join((*parts, *_rule_in_words(question.get("rule") or {})))


def _rule_in_words(rule: dict[str, Any]) -> list[str]:
    """What a heading says of a residence rule that is not the default one."""
    match rule:
        case {"kind": "registered", "minimum_months": 0}:
            return ["registered at all"]
        case {"kind": "window", "days": days, "of": of, "itinerary": itinerary}:
            return [f"{days} of {of} days", *([] if itinerary == "midpoint" else [f"itineraries: {itinerary}"])]
        case {"kind": "signs", "sources": sources, "score": score}:
            gap = [f"gaps of {rule['gap_years']}"] if rule.get("gap_years") else []
            return [
                f"signs of life in {', '.join(f'{name} {weight}' for name, weight in sources.items())}: {score}",
                *gap,
            ]
        case _:
            return []
