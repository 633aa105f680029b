"""How SQL is written here: identifiers from the agreement, quoted; every value a bound parameter.

No text of an analyst ever becomes SQL.
"""

import datetime
from typing import Final, TypeAlias

PERSON: Final = "CAST(synthetic_key AS UUID) AS person"
"""How every step that reads a payload table names its persons: 16 bytes of fixed width are sorted, grouped and joined
in half the time of a BLOB. The cast loses nothing: `CAST(person AS BLOB)` is the synthetic key again."""

SqlValue: TypeAlias = int | bytes | str | datetime.date | list[int] | list[str] | list[datetime.date]


class Bindings:
    """Collects the values of one statement and hands out their placeholders."""

    def __init__(self) -> None:
        self._values: dict[str, SqlValue] = {}

    def bind(self, value: SqlValue) -> str:
        """Keep a value and return its placeholder, `$p0`, `$p1`, …"""
        name = f"p{len(self._values)}"
        self._values[name] = value
        return f"${name}"

    @property
    def values(self) -> dict[str, SqlValue]:
        """Return the values by name, as DuckDB takes them; some are secret (the padded truncation key)."""
        return dict(self._values)


def relation_name(provider: str, table: str) -> str:
    """Return the name under which the analysis store registers a payload table; no other pair of names has it."""
    return f"{provider}.{table}"


def quoted(identifier: str) -> str:
    """Return an identifier as SQL takes it, whatever characters it has."""
    return '"' + identifier.replace('"', '""') + '"'
