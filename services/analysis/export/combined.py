"""Reconciled tables and accounts as data frames: figures beside the raw released ones that they were made from."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from disclosure.accounts import CAUSES, Account, Series
from disclosure.reconciliation import Reconciled

if TYPE_CHECKING:
    import pandas as pd


def reconciled_frame(found: Reconciled) -> "pd.DataFrame":
    """Return a reconciled table: its axes, then value, low, high, sd, raw_value, raw_sd; nothing rounded or clipped."""
    import pandas as pd

    table = found.numbers
    axes = (*table.own_axes, *table.dimensions)
    cells = [(*own, *codes) for own in table.own for codes in itertools.product(*table.categories)]
    frame = pd.DataFrame(cells, columns=list(axes), dtype=object)
    for name, values in (("value", found.values), ("low", found.low), ("high", found.high)):
        frame[name] = values.reshape(-1)
    frame["sd"] = found.sd
    frame["raw_value"] = found.raw.reshape(-1)
    frame["raw_sd"] = found.raw_sd
    frame.attrs = {"release_id": table.release_id, "interval_covers": "the noise; not errors of linkage or coverage"}
    return frame


def account_frame(found: Account) -> "pd.DataFrame":
    """Return an account, one row a period and cell.

    Columns: period, the dimensions, then stock_start, inflow, outflow, other_change (where there is one), stock_end and
    residual, each with its `_sd`. Where figures were made to agree, `residual` is what was adjusted away, and the raw
    released tables keep what was measured.
    """
    import pandas as pd

    cells = [(period, *cell) for period in found.periods for cell in found.cells]
    frame = pd.DataFrame(cells, columns=["period", *found.dimensions], dtype=object)
    ends = Series(found.stock.values[1:], found.stock.sd[1:])
    starts = Series(found.stock.values[:-1], found.stock.sd[:-1])
    parts = {"stock_start": starts, "inflow": found.inflow, "outflow": found.outflow}
    if found.other is not None:
        parts["other_change"] = found.other
    for name, series in {**parts, "stock_end": ends, "residual": found.residual}.items():
        frame[name] = np.asarray(series.values).reshape(-1)
        frame[f"{name}_sd"] = np.asarray(series.sd).reshape(-1)
    frame.attrs = {"adjusted": found.adjusted, "residual_is_of": CAUSES, "dates": list(found.dates)}
    return frame
