"""Questions as analysts keep them: files in TOML or JSON, or standard input."""

import json
import sys
from pathlib import Path
from typing import Any


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
