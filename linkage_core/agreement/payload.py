"""The payload whitelist: what agencies may deliver for statistics.

Only what is listed here may be delivered, and only in closed types: a category of a public code list, an integer in
public bounds, a date or a year. There is no free text: a name could hide in it.
"""

from typing import Literal

from pydantic import Field, model_validator

from linkage_core.schema import Clause, Name

TableKind = Literal["person", "event", "spell"]
ColumnType = Literal["category", "integer", "date", "year"]


class PayloadColumn(Clause):
    """One variable of a payload table.

    `code_list` names the public list of a category; `minimum` and `maximum` (both included) bound an integer or year.
    """

    name: Name
    type: ColumnType
    required: bool = False
    code_list: Name | None = None
    minimum: int | None = None
    maximum: int | None = None
    coarsening: str = ""

    @model_validator(mode="after")
    def _type_has_its_bounds(self) -> "PayloadColumn":
        if (self.type == "category") != (self.code_list is not None):
            raise ValueError("a category column, and only that, names a code_list")
        bounded = self.type in ("integer", "year")
        if bounded != (self.minimum is not None and self.maximum is not None):
            raise ValueError("an integer or year column, and only that, has minimum and maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum is above maximum")
        return self


class PayloadTable(Clause):
    """One table that one provider delivers.

    *person*: at most one row per local person. *event*: any number, each at `time`, a date or year column.
    *spell*: any number, each from `start` to `end` (an empty end is an open spell; both days included).
    `rows_per_person` caps event and spell rows at intake.
    """

    provider: Name
    name: Name
    kind: TableKind
    columns: tuple[PayloadColumn, ...] = Field(min_length=1)
    time: Name | None = None
    start: Name | None = None
    end: Name | None = None
    rows_per_person: int = Field(default=1, ge=1, le=10_000)

    def column(self, name: str) -> PayloadColumn | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @model_validator(mode="after")
    def _kind_has_its_columns(self) -> "PayloadTable":
        wanted = {"person": (), "event": ("time",), "spell": ("start", "end")}[self.kind]
        for role in ("time", "start", "end"):
            name = getattr(self, role)
            if (role in wanted) != (name is not None):
                raise ValueError(
                    f"table {self.name}: a {self.kind} table {'needs' if role in wanted else 'has no'} {role}"
                )
            if name is None:
                continue
            column = self.column(name)
            if column is None or column.type not in (("date", "year") if role == "time" else ("date",)):
                raise ValueError(f"table {self.name}: {role} must name a date column")
            if role != "end" and not column.required:
                raise ValueError(f"table {self.name}: column {name} must be required")
        if self.kind == "person" and self.rows_per_person != 1:
            raise ValueError(f"table {self.name}: a person table has one row per person")
        return self
