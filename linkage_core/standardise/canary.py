"""The canary records: invented, fixed, the same for every agent, one of each difficulty that the rules know.

What an agent makes of them is compared, keyed, with what every other agent makes of them, before anything is uploaded:
another library version, another normalisation, another schema fails there and not silently in the match rate. They
are no one's data, and their encodings are never uploaded. Raise `rules.VERSION` with every change.
"""

from typing import Final, get_args

from linkage_core.schema import LinkageSchema, QuasiIdentifierKind
from linkage_core.standardise.columns import standardise_column
from linkage_core.standardise.countries import CountryCodes
from linkage_core.standardise.dates import DATE_FORMATS
from linkage_core.standardise.formats import ColumnFormat
from linkage_core.standardise.names import NameOrder
from linkage_core.standardise.run import StandardisedRecords, standardise
from linkage_core.standardise.variables import FORMS, joined, parts_of

CANARY_VALUES: Final[dict[QuasiIdentifierKind, tuple[str, ...]]] = {
    "given-name": (
        "Zoë-Marïe", "ВАСИЛИСА", "გვანცა", "عبد الرحمن", "Ἀλέξανδρος", "  quỳnh\tanh ", "İpek", "Siobhán O.", "unknown",
        "Ｆｕｌｌ", "D’Arcy", "", "Саша", "Ivanovich Petr", "Nur ud-Din", "Dr. Bi1ly", "曾志伟", "Євгенія Олегівна",
        "سهيل", "Anna geb. Vogel",
    ),
    "family-name": (
        "van der Lindqvïst", "Щербаковъ", "ჭავჭავაძე", "آل يوسف", "Παπαδοπούλου", "Nguyễn-Đỗ", "Öztürk-Straße",
        "O'Shea", "de la", "Ｗｉｄｔｈ", "N/A", "al-Ḥakīm ibn Ṣāliḥ", "Vogel geb. Müller", "Müller épouse Vogel",
        "Nowak z domu Wiśniewska", "Ђорђевић", "Μπαμπινιώτης", "Hsiao", "عبدالعزيز الحسين", "Ъгълов Jr.",
    ),
    "date": (
        "1987-05-12", "1987-12-05", "1987-05", "1987", "1987-XX-XX", "1987-01-01", "1900-01-01", "1988-02-29",
        "1987-02-29", "12.05.1987", "", "2999-01-02", "1987-05-12T00:00:00", "1987-05-12 07:30", "1978-05-12",
        "1987-05-21", "1601-01-01", "1849-05-12", "1987-00-12", "NaT",
    ),
    "sex": (
        "M", "f", "Ж", "männlich", "X", "1", "2", "9", "?", "woman", "", "diverse", "მამრობითი", "жіноча", "kobieta",
        "varón", "erkek", "άνδρας", "أنثى", "女",
    ),
    "country": (
        "GE", "geo", "Georgia", "268", "Côte d’Ivoire", "Türkiye", "USSR", "Atlantis", "NA", "XXX", "",
        "Korea, Republic of", "Korea", "CS", "DDR", "Грузия", "Republic of Korea", "საქართველო", "Alemania", "SCG",
    ),
    "municipality": (
        "Saint-Étienne-du-Rouvray", "Нижний  Новгород", "თბილისი", "Ὀλυμπία", "القاهرة", "Ås", "'s-Hertogenbosch",
        "unknown", "", "Łódź", "Villa (East)", "北京", "12345 Altdorf", "г. Киров", "Gmina Żary", "5 Vale St, Kew 3101",
        "Municipality of Gori", "Nowon-gu", "Stadt Halle (Saale)", "3a",
    ),
    "identifier": (
        "AB 12-34.567", "00012345", "0000000", "x1", "１２３４５６", "unknown", "", "ab1234567", "99/99/99", "AA-00-BB",
        "1234567890", "pp 7Q", "٠١٢٣٤٥٦", "A-1", "000001", "АВ123456", "12 34 56 78 90 12", "n/a", "ÀB1234",
        "9999 9998",
    ),
    "address": (
        "12 Main Street, Apt. 4", "ул. Ленина, 5", "Hauptstraße 7b", "no fixed address", "", "Mount Ave 1/2",
        "3ème étage", "Ｎo. 9", "South Rd", "რუსთაველის 1", "شارع 5", "unit 6, 7th Cres.", "Calle Mayor 1", "100",
        "Flat 2/11 Elm Cl", "вул. Шевченка 7", "Οδός Ερμού 3", "北京路1号", "unknown street", "P.O. Box 9",
    ),
    "postcode": (
        "0012", "AB1 2cd", "00000", "", "D-10115", "unknown", "１０１", "2600-", "x", "99999", "SW1A  1AA", "1 000",
        "0000-000", "4000-123", "N/A", "00-950", "GE-0105", "12345-6789", "k1a 0b1", "٠١٠٥",
    ),
}  # fmt: skip
"""Twenty records; a column of each kind."""

CANARY_DATES: Final = (
    "1987-05-12", "1987/05/12", "1987.05.12", "19870512", "12.05.1987", "12/05/1987", "12-05-1987", "12051987",
    "05/12/1987", "05-12-1987", "5.12.1987", "12/5/1987", "5-1-1987", "1987-5-1", "1987/12/5", "87-05-12", "870512",
    "12.05.87", "12/05/87", "12-05-87", "120587", "05/12/25", "1.5.24", "5/12/25", "01/01/00", "1987", "05.1987",
    "198705", "87", "XX.05.1987", "19870500", "??/??/1987", "13/05/1987", "000000", "99-99-99",
    "12.05.1987 10:15", "5/1/87 1:02 PM", "1987-0S-I2", "l2.O5.1987", "1987-05-32", "31.02.87",
)  # fmt: skip
"""Read in every format, with 2024 as the latest year: each takes its own and refuses the others'."""

CANARY_COUNTRIES: Final = (
    "D", "GBD", "XXB", "RKS", "GER", "SUI", "BRN", "BUR", "GM", "CH", "CA", "CA\x1fToronto", "CA\x1fLos Angeles",
    "CH\x1fSantiago", "TX", "FR", "F", "RCH", "Georgia", "276",
)  # fmt: skip
"""Read in every code list."""

CANARY_WHOLE_NAMES: Final = ("van der Berg, Jan Piet", "Иванов Иван Иванович", "欧阳修", "Jan van der 8erg", "Berg", "")
"""Read in every order."""


def standardised_canary() -> dict[str, list[str]]:
    """Return what these rules make of every canary value, however written, and of names and dates by form."""
    columns = {str(kind): standardise_column(kind, values).values for kind, values in CANARY_VALUES.items()}
    for date_format in DATE_FORMATS:
        written = ColumnFormat(date_format=date_format, latest_year=2024)
        columns[f"date/{date_format}"] = standardise_column("date", CANARY_DATES, written).values
    for codes in get_args(CountryCodes):
        written = ColumnFormat(country_codes=codes)
        columns[f"country/{codes}"] = standardise_column("country", CANARY_COUNTRIES, written).values
    for order in get_args(NameOrder):
        written = ColumnFormat(name_order=order)
        columns[f"given-name/{order}"] = standardise_column("given-name", CANARY_WHOLE_NAMES, written).values
        columns[f"family-name/{order}"] = standardise_column("family-name", CANARY_WHOLE_NAMES, written).values
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
