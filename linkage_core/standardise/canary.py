"""The canary records: invented, fixed, the same for every agent, one of each difficulty that the rules know.

What an agent makes of them is compared, keyed, with what every other agent makes of them, before anything is uploaded:
another library version, another normalisation, another schema fails there and not silently in the match rate. They
are no one's data, and their encodings are never uploaded. Raise `rules.VERSION` with every change.
"""

from typing import Final

from linkage_core.schema import LinkageSchema, QuasiIdentifierKind
from linkage_core.standardise.columns import standardise_column
from linkage_core.standardise.dates import DateFormat
from linkage_core.standardise.run import StandardisedRecords, standardise
from linkage_core.standardise.variables import FORMS, joined, parts_of

CANARY_VALUES: Final[dict[QuasiIdentifierKind, tuple[str, ...]]] = {
    "given-name": (
        "Zoë-Marïe", "ВАСИЛИСА", "გვანცა", "عبد الرحمن", "Ἀλέξανδρος", "  quỳnh\tanh ", "İpek", "Siobhán O.", "unknown",
        "Ｆｕｌｌ", "D’Arcy", "",
    ),
    "family-name": (
        "van der Lindqvïst", "Щербаковъ", "ჭავჭავაძე", "آل يوسف", "Παπαδοπούλου", "Nguyễn-Đỗ", "Öztürk-Straße",
        "O'Shea",
        "de la", "Ｗｉｄｔｈ", "N/A", "al-Ḥakīm ibn Ṣāliḥ",
    ),
    "date": (
        "1987-05-12", "1987-12-05", "1987-05", "1987", "1987-XX-XX", "1987-01-01", "1900-01-01", "1988-02-29",
        "1987-02-29",
        "12.05.1987", "", "2999-01-02",
    ),
    "sex": ("M", "f", "Ж", "männlich", "X", "1", "2", "9", "?", "woman", "", "diverse"),
    "country": (
        "GE", "geo", "Georgia", "268", "Côte d’Ivoire", "Türkiye", "USSR", "Atlantis", "NA",
        "XXX", "", "Korea, Republic of",
    ),
    "municipality": (
        "Saint-Étienne-du-Rouvray", "Нижний  Новгород", "თბილისი", "Ὀλυμπία", "القاهرة", "Ås", "'s-Hertogenbosch",
        "unknown",
        "", "Łódź", "Villa (East)", "北京",
    ),
    "identifier": (
        "AB 12-34.567", "00012345", "0000000", "x1", "１２３４５６", "unknown", "", "ab1234567", "99/99/99", "AA-00-BB",
        "1234567890", "pp 7Q",
    ),
    "address": (
        "12 Main Street, Apt. 4", "ул. Ленина, 5", "Hauptstraße 7b", "no fixed address", "", "Mount Ave 1/2",
        "3ème étage",
        "Ｎo. 9", "South Rd", "რუსთაველის 1", "شارع 5", "unit 6, 7th Cres.",
    ),
    "postcode": (
        "0012", "AB1 2cd", "00000", "", "D-10115", "unknown", "１０１", "2600-", "x", "99999", "SW1A  1AA", "1 000",
    ),
}  # fmt: skip
"""Twelve records; a column of each kind."""

CANARY_DATES: Final[dict[DateFormat, tuple[str, ...]]] = {
    "YYYY-MM-DD": ("1987-05-12", "1987-5-12", "1987-05-00"),
    "YYYYMMDD": ("19870512", "198705", "19870500"),
    "DD.MM.YYYY": ("12.05.1987", "05.1987", "XX.05.1987"),
    "DD/MM/YYYY": ("12/05/1987", "05/1987", "??/??/1987"),
    "MM/DD/YYYY": ("05/12/1987", "05/1987", "13/05/1987"),
}
"""Each format's own spellings."""


def standardised_canary() -> dict[str, list[str]]:
    """Return what these rules make of every canary value, by kind and date format, and of names and dates by form."""
    columns = {str(kind): standardise_column(kind, values).values for kind, values in CANARY_VALUES.items()}
    for date_format, texts in CANARY_DATES.items():
        columns[f"date/{date_format}"] = standardise_column("date", texts, date_format=date_format).values
    for kind in ("given-name", "family-name", "date"):
        for form in FORMS:
            columns[f"{kind}/{form}"] = joined(form, map(parts_of(form), columns[kind]))
    return columns


def canary_records(schema: LinkageSchema) -> StandardisedRecords:
    """Return the canary records as a chunk of this schema; its k-th column of one kind starts k values later."""
    columns: dict[str, tuple[str, ...]] = {}
    seen: dict[QuasiIdentifierKind, int] = {}
    for item in schema.quasi_identifiers:
        values, shift = CANARY_VALUES[item.kind], seen.get(item.kind, 0)
        columns[item.name] = values[shift % len(values) :] + values[: shift % len(values)]
        seen[item.kind] = shift + 1
    records, _ = standardise(schema, columns)
    return records
