"""A report as one HTML file: escaped by default, style and charts inside, no script, nothing loaded from outside."""

import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from services.common.report.cells import Table, shown
from services.common.report.charts import Bars, Columns, Dots, Histogram, Lines, table_of
from services.common.report.document import Block, Notes, Report
from services.common.report.drawing import draw

if TYPE_CHECKING:
    from jinja2 import Template

ROWS_SHOWN: Final = 8
"""A chart's table of more rows is folded away, and does not print unless it was unfolded."""

WORDS: Final = {"mend": "to mend", "look": "worth a look", "note": "to know", "good": "in order"}
"""What a note's weight is called: colour alone says nothing."""

_NAMESPACE: Final = re.compile(r'\sxmlns(:xlink)?="[^"]*"')
_OPENING: Final = re.compile(r'<svg[^>]*?viewBox="(?P<box>[^"]*)"[^>]*>')


def page(report: Report) -> str:
    """Return the report's page; it is well-formed as XML too."""
    chapters = [
        {
            "anchor": f"s{place}",
            "heading": section.heading,
            "paragraphs": section.paragraphs,
            "blocks": [_block(block, f"s{place}b{number}") for number, block in enumerate(section.blocks, 1)],
        }
        for place, section in enumerate(report.sections, 1)
    ]
    return _template().render(report=report, chapters=chapters, style=_read("page.css"), words=WORDS)


def _block(block: Block, anchor: str) -> dict[str, Any]:
    match block:
        case Table():
            return {"is": "table", "table": _table(block)}
        case Notes():
            return {"is": "notes", "notes": block.notes}
        case Bars() | Dots() | Columns() | Histogram() | Lines():
            table = table_of(block)
            return {
                "is": "chart",
                "anchor": anchor,
                "title": block.title,
                "description": block.description,
                "svg": _inline(draw(block), anchor, block.title, block.description),
                "table": _table(table),
                "unfolded": len(table.rows) <= ROWS_SHOWN,
            }


def _table(table: Table) -> dict[str, Any]:
    kinds = [column.kind for column in table.columns]
    return {
        "title": table.title,
        "heads": [(column.title, column.kind != "text") for column in table.columns],
        "rows": [
            [(shown(cell, kind), kind != "text") for cell, kind in zip(row, kinds, strict=True)] for row in table.rows
        ],
    }


def _inline(svg: str, anchor: str, title: str, description: str) -> str:
    """Return a drawing as part of a page: named and described for those who cannot see it, no namespace, no size."""
    plain = _NAMESPACE.sub("", svg)
    opening = _OPENING.match(plain)
    if opening is None:
        raise ValueError("the drawing does not begin as vl-convert's SVG does")
    named = (
        f'<svg role="img" aria-labelledby="{anchor}-title {anchor}-text" viewBox="{opening["box"]}">'
        f'<title id="{anchor}-title">{escape(title)}</title><desc id="{anchor}-text">{escape(description)}</desc>'
    )
    return named + plain[opening.end() :]


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["bound"] = _bound
    return environment.from_string(_read("page.html.jinja"))


def _bound(text: str) -> str:
    """Keep a percent sign on the line of its number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _read(name: str) -> str:
    return files("services.common.report").joinpath(name).read_text("utf-8")
