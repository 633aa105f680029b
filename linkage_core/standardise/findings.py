"""What standardisation reports about a value: a row, a field and a reason, never the value."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a value, or a part of it, became missing although the file holds something; each says what to do."""

    UNPARSABLE_DATE = "unparsable-date"
    IMPOSSIBLE_DATE = "impossible-date"
    UNKNOWN_SEX_CODE = "unknown-sex-code"
    UNKNOWN_COUNTRY = "unknown-country"
    AMBIGUOUS_COUNTRY = "ambiguous-country"
    INVALID_IDENTIFIER = "invalid-identifier"
    REQUIRED_MISSING = "required-missing"

    @property
    def refuses(self) -> bool:
        """True if the file must be mended first; False if the value is taken as missing and counted."""
        return self in _REFUSING

    @property
    def advice(self) -> str:
        """What happened and what to do, for an agency's own screen."""
        return _ADVICE[self]


_REFUSING = frozenset({Reason.UNPARSABLE_DATE, Reason.UNKNOWN_SEX_CODE, Reason.REQUIRED_MISSING})

_ADVICE = {
    Reason.UNPARSABLE_DATE: "does not have the declared date format; mend the value or the mapping's date_format",
    Reason.IMPOSSIBLE_DATE: "names a day that does not exist or an implausible year; what cannot be is taken as "
    "missing",
    Reason.UNKNOWN_SEX_CODE: "is no known code of sex; recode it as m, f or x",
    Reason.UNKNOWN_COUNTRY: "is no known country name and no code of the declared list; taken as missing",
    Reason.AMBIGUOUS_COUNTRY: "may mean several countries; declare its code list or the column of the place; "
    "taken as missing",
    Reason.INVALID_IDENTIFIER: "fails the check digits of its scheme and links nobody; taken as missing",
    Reason.REQUIRED_MISSING: "is empty, and the linkage schema requires it",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One value that could not be used as it is: `row` counts from 0, `field` is the quasi-identifier's name."""

    field: str
    row: int
    reason: Reason


Standardised = tuple[str, Reason | None]
"""A standardised value ("" = missing), and why it, or a part of it, is missing although the file holds something."""
