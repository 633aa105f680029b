"""What a quality report is drafted from: the agreement, released tables, and the list of all releases."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from disclosure.table import CELL_KEY
from linkage_core.agreement.declared_rates import DeclaredRates
from linkage_core.agreement.document import Agreement
from services.analysis.export.observations import Publication
from services.wire.convert.queries import BudgetBalance, ReleaseSummary

BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Facts:
    """The agreement in force, the tables that are reported on, every release of the lineage so far, and the budget."""

    agreement: Agreement
    tables: tuple[Publication, ...]
    releases: tuple[ReleaseSummary, ...]
    budget: BudgetBalance

    @property
    def waves(self) -> tuple[str, ...]:
        """The waves that the tables come from, each once, in order."""
        return tuple(dict.fromkeys(str(table.facts["WAVE"]) for table in self.tables))

    @property
    def declared(self) -> tuple[DeclaredRates, ...]:
        """What the linkage unit declares of the tables' waves, each once."""
        found = {
            str(table.facts["WAVE"]): DeclaredRates.model_validate_json(str(table.facts["LINKAGE_RATES"]))
            for table in self.tables
            if table.facts["LINKAGE_RATES"]
        }
        return tuple(found.values())

    @property
    def perturbed(self) -> tuple[Publication, ...]:
        """The tables by cell-key perturbation, which are not differentially private."""
        return tuple(table for table in self.tables if not table.release.is_private)

    @property
    def perturbed_releases(self) -> int:
        """How many of the lineage's releases are by cell-key perturbation, reported on here or not."""
        return sum(release.mechanism == CELL_KEY for release in self.releases)

    @property
    def observations(self) -> int:
        """How many cells the tables have together."""
        return sum(len(table.observations) for table in self.tables)

    def share(self, flag: str) -> float:
        """Return the share of cells with a flag."""
        flagged = sum(flag in each.flags for table in self.tables for each in table.observations)
        return flagged / self.observations


def name_of(table: Publication) -> str:
    """Return a table's name for people: its measure, what of, when, by which dimensions, and that it is not private."""
    question = table.release.question
    of = question.get("of", "")
    words = [str(question["measure"]), " and ".join(map(str, of)) if isinstance(of, list) else str(of)]
    period = str(table.facts["REFERENCE_PERIOD"])
    by = question.get("by")
    dimensions = f", by {', '.join(map(str, by))}" if isinstance(by, list) and by else ""
    label = "" if table.release.is_private else f" ({table.release.mechanism})"
    return " ".join(word for word in (*words, period) if word) + dimensions + label


def rule_in_words(rule: Mapping[str, JsonValue]) -> str:
    """Return who is a resident by a question's rule, as `disclosure.query.rules` has them."""
    match rule:
        case {"kind": "registered", "minimum_months": 0}:
            return "registered, for however short a time"
        case {"kind": "registered", "minimum_months": months}:
            return f"registered for at least {months} months, absences shorter than that not counted"
        case {"kind": "window", "days": days, "of": window, "itinerary": itinerary}:
            return (
                f"in the country for at least {days} days of a window of {window} days, unknown outcomes apart; of "
                f"illogical itineraries: {itinerary}"
            )
        case {"kind": "signs", "sources": dict(sources), "score": score}:
            weights = ", ".join(f"{name} {weight}" for name, weight in sources.items())
            return f"seen in sources with a score of at least {score} in a year ({weights})"
        case _:
            return f"as the question's rule says: {', '.join(f'{name} {part}' for name, part in rule.items())}"


def last_day(table: Publication) -> datetime.date | None:
    """Return the last day that a table is about, or None where it is about no time."""
    period = str(table.facts["REFERENCE_PERIOD"])
    if not period:
        return None
    last = period.replace("/", ", ").split(", ")[-1]
    year, _, rest = last.partition("-")
    if rest.startswith("Q"):
        return _end_of_month(int(year), 3 * int(rest[1:]))
    if len(rest) == len("07"):
        return _end_of_month(int(year), int(rest))
    return datetime.date.fromisoformat(last) if rest else datetime.date(int(year), 12, 31)


def _end_of_month(year: int, month: int) -> datetime.date:
    return datetime.date(year + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1)
