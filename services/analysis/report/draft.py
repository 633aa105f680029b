"""A quality report on released tables: one value, a page of it and JSON."""

from collections.abc import Sequence

from disclosure.errors import QueryFault
from linkage_core.agreement.document import Agreement
from services.analysis.export.observations import Publication
from services.analysis.report.facts import BILLION, Facts
from services.analysis.report.headings import sections
from services.common.report.document import Fact, Report
from services.wire.convert.queries import BudgetBalance, ReleaseSummary


def draft(
    agreement: Agreement, tables: Sequence[Publication], releases: Sequence[ReleaseSummary], budget: BudgetBalance
) -> Report:
    """Return the report; `releases` are all of the lineage so far. Raises `QueryFault` without a table."""
    if not tables:
        raise QueryFault("a quality report is about released tables: name one or more")
    facts = Facts(agreement, tuple(tables), tuple(releases), budget)
    spent = sum(table.release.nano_rho for table in facts.tables)
    return Report(
        title=f"Quality report: {agreement.title}",
        subtitle=f"{agreement.id} · wave {', '.join(facts.waves)} · SIMS 2.0",
        intro=(
            f"A draft on {len(facts.tables)} released tables, from the signed agreement and the releases themselves. "
            "What only the office knows is marked: to be written."
        ),
        facts=(
            Fact("tables", len(facts.tables)),
            Fact("cells", facts.observations),
            Fact("unreliable cells", facts.share("U"), "share"),
            Fact("rho of those with noise" if facts.perturbed else "rho of these tables", spent / BILLION, "number"),
            Fact("rho left in all", budget.total_left / BILLION, "number"),
            *([Fact("tables not differentially private", len(facts.perturbed))] if facts.perturbed else []),
        ),
        sections=sections(facts),
        closing=(
            "Drafted by Symbolon from released figures and public clauses alone; nothing in it cost privacy budget. "
            "It is the office's report once the office has completed it."
        ),
    )
