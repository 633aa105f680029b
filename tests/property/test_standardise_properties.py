import datetime
import re
from typing import get_args

from hypothesis import example, given
from hypothesis import strategies as st

from linkage_core.schema import FORMS_OF_DATES, QuasiIdentifierKind, VariableForm
from linkage_core.standardise.canary import CANARY_VALUES
from linkage_core.standardise.columns import standardise_column
from linkage_core.standardise.dates import DATE_FORMATS, DateFormat, full_date, standardise_date
from linkage_core.standardise.findings import Reason
from linkage_core.standardise.names import NameOrder, part_of
from linkage_core.standardise.text import fold
from linkage_core.standardise.variables import FORMS, joined, parts_of

KINDS = get_args(QuasiIdentifierKind)
ANY_TEXT = st.text() | st.sampled_from([v for values in CANARY_VALUES.values() for v in values])
WORDS_OF_NAMES = [
    "abd", "al", "allah", "rahman", "nur", "ud", "din", "geb", "born", "epouse", "married", "van", "der", "Petrovich",
    "Ivan", "dr", "née", "z", "domu", "e", "roz", "ep", "x'y", "Müller",
]  # fmt: skip
FORMS_OF_NAMES = tuple(form for form in FORMS if form not in FORMS_OF_DATES)
DATES = st.dates().map(lambda d: d.isoformat()) | st.from_regex(r"\d{2,4}[-./]?(\d\d|XX)[-./]?\d{2,4}", fullmatch=True)


def in_form(form: VariableForm, values: tuple[str, ...]) -> str:
    """The variable's value for one record."""
    [value] = joined(form, [tuple(part for value in values for part in parts_of(form)(value))])
    return value


@given(ANY_TEXT)
@example("\u1e9e\u0130\ufb03 ύο")
@example("ο\u0301υ\u0301")
def test_folding_is_total_idempotent_and_gives_lower_case_ascii_words(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert all(word.isascii() and word.isalnum() and word == word.lower() for word in folded.split(" ") if folded)


@given(st.sampled_from(KINDS), ANY_TEXT | DATES)
@example("family-name", "van unknown")
@example("family-name", "due silva")
@example("family-name", "Laes X")
@example("given-name", "uaea oeae")
@example("address", "street street n/a")
def test_standardising_twice_changes_nothing(kind: QuasiIdentifierKind, text: str) -> None:
    once = standardise_column(kind, [text])
    again = standardise_column(kind, once.values)
    assert again.values == once.values
    assert again.faults == []


@given(st.sampled_from(("given-name", "family-name")), st.lists(st.sampled_from(WORDS_OF_NAMES), max_size=7))
def test_names_of_particles_markers_titles_and_compounds_are_settled_by_one_pass(
    kind: QuasiIdentifierKind, words: list[str]
) -> None:
    once = standardise_column(kind, [" ".join(words)]).values
    assert standardise_column(kind, once).values == once
    assert not words or once != [""]


@given(ANY_TEXT, st.sampled_from(get_args(NameOrder)))
def test_parts_of_whole_names_lose_no_letter_and_invent_none(text: str, order: NameOrder) -> None:
    parts = part_of(text, "family", order) + part_of(text, "given", order)
    whole = text + text if order == "separate" else text
    letters = [sorted(character for character in written if character.isalnum()) for written in (parts, whole)]
    assert letters[0] == letters[1]


@given(st.sampled_from(KINDS), st.lists(ANY_TEXT | st.none(), max_size=8))
def test_a_column_keeps_its_length_and_order_whatever_it_holds(
    kind: QuasiIdentifierKind, values: list[str | None]
) -> None:
    whole = standardise_column(kind, values)
    assert whole.values == [standardise_column(kind, [value]).values[0] for value in values]
    assert all(whole.values[row] == "" or reason == Reason.IMPOSSIBLE_DATE for row, reason in whole.faults)


@given(st.sampled_from(DATE_FORMATS), ANY_TEXT | DATES)
def test_a_date_is_full_partial_or_missing_in_every_format(date_format: DateFormat, text: str) -> None:
    value, reason = standardise_date(text, date_format, 2024)
    assert value == "" or reason is None or (reason == Reason.IMPOSSIBLE_DATE and len(value) in (4, 7))
    assert len(value) in (0, 4, 7, 10)


@given(st.dates(min_value=datetime.date(1902, 1, 2), max_value=datetime.date(2100, 12, 31)))
def test_all_formats_of_one_day_give_one_date(day: datetime.date) -> None:
    y, m, d = day.isoformat().split("-")
    parts = {"YYYY": y, "YY": y[2:], "MM": m, "M": m.lstrip("0"), "DD": d, "D": d.lstrip("0")}
    read = set()
    for date_format in DATE_FORMATS:
        text = re.sub("Y+|M+|D+", lambda part: parts[part[0]], date_format)
        read |= {
            standardise_date(text, date_format, day.year),
            standardise_date(f"{text} 00:00:00", date_format, day.year),
        }
        assert full_date(text, date_format, day.year) == day
    if day.year % 100 == 0:  # all zeros may be a stand-in where years have two digits
        read.discard(("", None))
    assert len(read) == 1


@given(ANY_TEXT, ANY_TEXT)
def test_swapped_names_give_one_sorted_value(given: str, family: str) -> None:
    a, b = standardise_column("given-name", [given, family]).values
    assert in_form("sorted-tokens", (a, b)) == in_form("sorted-tokens", (b, a))


@given(st.integers(1, 12), st.integers(2, 12))
def test_swapped_day_and_month_give_one_ordered_value(month: int, day: int) -> None:
    date, swapped = f"1987-{month:02}-{day:02}", f"1987-{day:02}-{month:02}"
    assert in_form("ordered-month-day", (date,)) == in_form("ordered-month-day", (swapped,))
    assert (in_form("month-day", (date,)) == in_form("month-day", (swapped,))) == (month == day)


@given(st.sampled_from(get_args(VariableForm)), st.integers(1, 4))
def test_missing_values_form_a_missing_variable(form: VariableForm, parts: int) -> None:
    assert in_form(form, ("",) * parts) == ""
    assert form in FORMS


@given(st.sampled_from(FORMS_OF_NAMES), st.sampled_from(("given-name", "family-name")), ANY_TEXT)
def test_a_name_in_every_form_is_ascii_words_and_missing_exactly_where_the_name_is(
    form: VariableForm, kind: QuasiIdentifierKind, text: str
) -> None:
    [name] = standardise_column(kind, [text]).values
    formed = in_form(form, (name,))
    assert bool(formed) == bool(name)
    assert all(word.isascii() and word.isalnum() for word in formed.split(" ") if formed)


@given(st.sampled_from(sorted(FORMS_OF_DATES)), DATES)
def test_a_date_in_every_form_is_digits_and_missing_where_it_is_or_where_its_day_is_needed_and_unknown(
    form: VariableForm, text: str
) -> None:
    [date] = standardise_column("date", [text]).values
    formed = in_form(form, (date,))
    needs_the_day = form in ("month-day", "ordered-month-day")
    assert bool(formed) == (len(date) == 10 if needs_the_day else bool(date))
    assert formed == "" or (formed.isascii() and formed.isdigit())


@given(st.dates(), st.data())
def test_transposed_digits_and_swapped_day_and_month_leave_the_sorted_digits(
    day: datetime.date, data: st.DataObject
) -> None:
    year, month, of_month = day.isoformat().split("-")
    shuffled = ["".join(data.draw(st.permutations(part))) for part in (year, month, of_month)]
    written = [shuffled[0], *data.draw(st.permutations(shuffled[1:]))]
    assert in_form("sorted-date-digits", ("-".join(written),)) == in_form("sorted-date-digits", (day.isoformat(),))
    assert in_form("sorted-year-digits", ("-".join(written),)) == in_form("sorted-year-digits", (day.isoformat(),))
