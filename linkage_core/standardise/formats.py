"""How a column of a file is written, as its agency declares it: nothing of this is guessed from values."""

from dataclasses import dataclass

from linkage_core.standardise.countries import CountryCodes
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.names import NameOrder


@dataclass(frozen=True, slots=True)
class ColumnFormat:
    """How one column is written; each kind of quasi-identifier looks at what concerns it.

    `latest_year`: the latest year that can occur, for date formats with years of two digits, which need it.
    """

    date_format: DateFormat = "YYYY-MM-DD"
    latest_year: int | None = None
    country_codes: CountryCodes = "iso"
    name_order: NameOrder = "separate"


AS_AGREED = ColumnFormat()
"""A column that needs no declaration: ISO dates, ISO codes, one part of a name."""
