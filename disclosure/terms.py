"""The clauses of an agreement that decide what may leave: nothing else of the agreement is known on this floor."""

from dataclasses import dataclass

from linkage_core.agreement.canonical import digest
from linkage_core.agreement.clauses import Budget, Period
from linkage_core.agreement.document import Agreement
from linkage_core.agreement.payload import PayloadTable
from linkage_core.agreement.statistics import ColumnReference, Dimension, Statistics, TableReference, Variable


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement says about statistics; `lineage` and `agreement_hash` are hexadecimal.

    That the agreement is in force, and that the analyst is on the roster, is checked before by the caller, who has the
    clock and the roster.
    """

    lineage: str
    agreement_hash: str
    project: str
    statistics: Statistics
    payload: tuple[PayloadTable, ...]
    period: Period
    budget: Budget
    minimum_cell_count: int
    unmatched_rows_kept: bool
    sources_with_duplicates: tuple[str, ...]

    @classmethod
    def of(cls, agreement: Agreement) -> "Terms":
        """Return the terms of an agreement."""
        return cls(
            lineage=agreement.lineage,
            agreement_hash=agreement.hash.hex(),
            project=agreement.project,
            statistics=agreement.statistics,
            payload=agreement.payload,
            period=agreement.period,
            budget=agreement.budget,
            minimum_cell_count=agreement.minimum_cell_count,
            unmatched_rows_kept=agreement.unmatched_rows == "keep",
            sources_with_duplicates=agreement.matching.sources_with_duplicates,
        )

    def table(self, reference: TableReference | ColumnReference) -> PayloadTable:
        """Return the payload table that a checked agreement refers to, or that a column is in."""
        wanted = (reference.provider, reference.table)
        return next(table for table in self.payload if (table.provider, table.name) == wanted)

    def source_table(self, name: str) -> PayloadTable:
        """Return the table in which a source's rows are, for a source that passed policy."""
        return self.table(next(source.table for source in self.statistics.sources if source.name == name))

    def dimension(self, name: str) -> Dimension:
        """Return a dimension that passed policy."""
        return next(dimension for dimension in self.statistics.dimensions if dimension.name == name)

    def variable(self, name: str) -> Variable:
        """Return a variable that passed policy."""
        return next(variable for variable in self.statistics.variables if variable.name == name)

    @property
    def concepts_digest(self) -> str:
        """SHA-256 (hexadecimal) of every clause that gives a question its meaning.

        Two versions of an agreement that differ in other clauses only (a larger budget, a later expiry) share it, so
        that what was released under one answers the same question under the other.
        """
        return digest(
            {
                "statistics": self.statistics.model_dump(mode="json", exclude={"cell_keys"}),
                "payload": [table.model_dump(mode="json") for table in self.payload],
                "period": self.period.model_dump(mode="json"),
                "unmatched_rows_kept": self.unmatched_rows_kept,
            }
        ).hex()
