"""What one agency knows at the end of one year: its identities, rows of payload, and who stands behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.agencies import AgencyTables
from simulation.error_profiles import BORDER_POLICE
from simulation.identifiers import Numbers

_BORDER_KEEPS_YEARS: Final = 2
"""A traveller is in the border's file of the year of a crossing and of the year after it."""


@dataclass(frozen=True, slots=True)
class Known:
    """One agency's file of identities at the end of a year, unsorted, with what only the truth may hold."""

    identities: pa.Table
    person: Numbers
    """Row in the batch's people, for each identity."""
    errors: pa.Table
    """Columns `local_id` and `error`: what is still wrong."""
    payload: Mapping[str, pa.Table]
    """The other tables by name, of these identities and as of that day."""

    def stands_for(self) -> pa.Table:
        """Columns `person` (row in the batch's people) and `local_id`."""
        return pa.table({"person": pa.array(self.person), "local_id": self.identities["local_id"]})


def differing(identities: pa.Table, before: pa.Table) -> pa.Table:
    """The rows that are new, or differ from the row of the same local id before."""
    known = set(zip(*(column.to_pylist() for column in before.columns), strict=True))
    rows = zip(*(column.to_pylist() for column in identities.columns), strict=True)
    return identities.filter(pa.array([row not in known for row in rows], type=pa.bool_()))


def gone(identities: pa.Table, before: pa.Table) -> pa.Table:
    """The local ids of before that are no longer there."""
    still = pc.is_in(before["local_id"], identities["local_id"].combine_chunks())
    return before.select(["local_id"]).filter(pc.invert(still))


def joined(agencies: Sequence[AgencyTables]) -> Known:
    """Several lots of rows of one agency as one."""
    names = agencies[0].tables.keys() - {"identities"}
    return Known(
        identities=pa.concat_tables([agency.tables["identities"] for agency in agencies]),
        person=np.concatenate([agency.person for agency in agencies]),
        errors=pa.concat_tables([_errors(agency) for agency in agencies]),
        payload={name: pa.concat_tables([agency.tables[name] for agency in agencies]) for name in names},
    )


def mended(known: Known, flawless: pa.Table, rows: npt.NDArray[np.bool_]) -> Known:
    """The same file with the identities at `rows` (a mask) as they are without error."""
    right = flawless.filter(pa.array(rows))
    wrong = known.identities.filter(pa.array(~rows))
    order = np.argsort(np.concatenate([np.flatnonzero(~rows), np.flatnonzero(rows)]), kind="stable")
    return Known(
        identities=pa.concat_tables([wrong, right]).take(pa.array(order)),
        person=known.person,
        errors=known.errors.filter(pc.invert(pc.is_in(known.errors["local_id"], right["local_id"].combine_chunks()))),
        payload=known.payload,
    )


def seen_in(known: Known, provider: str, year: int) -> npt.NDArray[np.bool_]:
    """Which identities the agency holds for a year: registered on a day of it, crossing lately, taxed for it."""
    seen = pa.concat_arrays([ids for table in known.payload.values() for ids in _seen_local_ids(table, provider, year)])
    found: npt.NDArray[np.bool_] = pc.is_in(known.identities["local_id"], seen).to_numpy(zero_copy_only=False)
    return found


def _seen_local_ids(table: pa.Table, provider: str, year: int) -> list[pa.Array]:
    columns = set(table.column_names)
    first, last = date(year, 1, 1).isoformat(), date(year, 12, 31).isoformat()
    if "start" in columns:
        begun = pc.less_equal(table["start"], last)
        going_on = pc.fill_null(pc.greater_equal(table["end"], first), True)
        rows = pc.and_(begun, going_on)
    elif "date" in columns:
        kept = _BORDER_KEEPS_YEARS if provider == BORDER_POLICE else 1
        since = date(year - kept + 1, 1, 1).isoformat()
        rows = pc.and_(pc.less_equal(table["date"], last), pc.greater_equal(table["date"], since))
    elif "year" in columns:
        rows = pc.equal(table["year"], year)
    else:
        return []
    return [table["local_id"].filter(rows).combine_chunks()]


def only(known: Known, rows: npt.NDArray[np.bool_], year: int) -> Known:
    """The identities at `rows` (a mask), sorted by local id, with their payload up to the end of the year."""
    identities = known.identities.filter(pa.array(rows))
    local_ids = identities["local_id"].combine_chunks()
    order = pc.sort_indices(local_ids)
    return Known(
        identities=identities.take(order),
        person=known.person[rows][order.to_numpy()],
        errors=known.errors.filter(pc.is_in(known.errors["local_id"], local_ids)),
        payload={
            name: _until(table.filter(pc.is_in(table["local_id"], local_ids)), year)
            for name, table in known.payload.items()
        },
    )


def _until(table: pa.Table, year: int) -> pa.Table:
    """The rows that had begun by the end of the year; spells that end later are open."""
    columns, last = set(table.column_names), date(year, 12, 31).isoformat()
    if "start" in columns:
        table = table.filter(pc.less_equal(table["start"], last))
        end = pc.if_else(pc.less_equal(table["end"], last), table["end"], pa.scalar(None, pa.string()))
        return table.set_column(table.column_names.index("end"), "end", end)
    if "date" in columns:
        return table.filter(pc.less_equal(table["date"], last))
    if "year" in columns:
        return table.filter(pc.less_equal(table["year"], year))
    return table


def _errors(agency: AgencyTables) -> pa.Table:
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *agency.errors.values()])
    kinds = [kind for kind, of_kind in agency.errors.items() for _ in range(len(of_kind))]
    return pa.table(
        {"local_id": pa.array(agency.local_id[rows], type=pa.string()), "error": pa.array(kinds, type=pa.string())}
    )
