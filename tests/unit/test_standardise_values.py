import datetime
from typing import get_args

import pytest

from linkage_core.schema import IdentifierScheme
from linkage_core.standardise.addresses import standardise_address, standardise_municipality, standardise_postcode
from linkage_core.standardise.dates import (
    DATE_FORMATS,
    SHAPES,
    DateFormat,
    full_date,
    has_two_digit_years,
    standardise_date,
)
from linkage_core.standardise.findings import Reason
from linkage_core.standardise.identifiers import standardise_identifier, verdicts
from linkage_core.standardise.sex import standardise_sex
from linkage_core.standardise.text import fold

WITHOUT_CHECK_DIGIT = {
    "ar.dni", "cr.cpf", "cr.cr", "cu.ni", "dk.cpr", "fi.veronumero", "id.nik", "my.nric", "pe.cui", "pk.cnic", "us.ssn",
    "us.itin",
}  # fmt: skip


@pytest.mark.parametrize(
    ("spellings", "folded"),
    [
        (("Zoë-Marïe", "ZOE MARIE", "zoë\u2010marïe", "Zoe\u0308 Marie", "Ｚoe  Marie"), "zoe marie"),
        (("O'Shea", "O’SHEA", "oʼshea"), "oshea"),
        (("Гагик", "ГАГИК"), "gagik"),
        (("Щербаковъ", "щербаков"), "shcherbakov"),
        (("გვანცა",), "gvantsa"),
        (("Παπαδοπούλου", "ΠΑΠΑΔΟΠΟΥΛΟΥ"), "papadopoulou"),
        (("Straße", "STRASSE"), "strasse"),
        (("Łódź", "łodz"), "lodz"),
        (("İpek", "ipek", "IPEK"), "ipek"),
        (("\u200b", "---", "", "\ufeff \t"), ""),
    ],
)
def test_spellings_of_one_text_fold_to_one_value(spellings: tuple[str, ...], folded: str) -> None:
    assert {fold(spelling) for spelling in spellings} == {folded}


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("1987-05-12", "YYYY-MM-DD", "1987-05-12"),
        (" 1987-05-12 ", "YYYY-MM-DD", "1987-05-12"),
        ("19870512", "YYYYMMDD", "1987-05-12"),
        ("12.05.1987", "DD.MM.YYYY", "1987-05-12"),
        ("12/05/1987", "DD/MM/YYYY", "1987-05-12"),
        ("12/05/1987", "MM/DD/YYYY", "1987-12-05"),
        ("1987-05", "YYYY-MM-DD", "1987-05"),
        ("1987-05-XX", "YYYY-MM-DD", "1987-05"),
        ("05.1987", "DD.MM.YYYY", "1987-05"),
        ("00.05.1987", "DD.MM.YYYY", "1987-05"),
        ("19870500", "YYYYMMDD", "1987-05"),
        ("1987", "DD/MM/YYYY", "1987"),
        ("1987-XX-XX", "YYYY-MM-DD", "1987"),
        ("12.XX.1987", "DD.MM.YYYY", "1987"),
        ("1988-02-29", "YYYY-MM-DD", "1988-02-29"),
    ],
)
def test_full_and_partial_dates_are_read_in_their_declared_format(
    text: str, date_format: DateFormat, expected: str
) -> None:
    assert standardise_date(text, date_format) == (expected, None)


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("1987-05-12T00:00:00", "YYYY-MM-DD"),
        ("1987-05-12 00:00:00.000", "YYYY-MM-DD"),
        ("1987-05-12T00:00:00Z", "YYYY-MM-DD"),
        ("1987-05-12T02:00:00+02:00", "YYYY-MM-DD"),
        ("12.5.1987 7:30", "D.M.YYYY"),
        ("5/12/1987 12:00:00 AM", "M/D/YYYY"),
    ],
)
def test_a_time_behind_a_full_date_is_cut_off(text: str, date_format: DateFormat) -> None:
    assert standardise_date(text, date_format) == ("1987-05-12", None)


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("5.2.1987", "D.M.YYYY", "1987-02-05"),
        ("05.02.1987", "D.M.YYYY", "1987-02-05"),
        ("2/5/1987", "M/D/YYYY", "1987-02-05"),
        ("1987-2-5", "YYYY-M-D", "1987-02-05"),
        ("05-02-1987", "DD-MM-YYYY", "1987-02-05"),
        ("05021987", "DDMMYYYY", "1987-02-05"),
        ("1987/02/05", "YYYY/MM/DD", "1987-02-05"),
        ("021987", "DDMMYYYY", "1987-02"),
        ("0.2.1987", "D.M.YYYY", "1987-02"),
    ],
)
def test_days_and_months_of_one_digit_and_other_separators_have_formats_of_their_own(
    text: str, date_format: DateFormat, expected: str
) -> None:
    assert standardise_date(text, date_format) == (expected, None)


@pytest.mark.parametrize(
    ("text", "date_format", "latest_year", "expected"),
    [
        ("87-05-12", "YY-MM-DD", 2024, "1987-05-12"),
        ("870512", "YYMMDD", 2024, "1987-05-12"),
        ("12.05.24", "DD.MM.YY", 2024, "2024-05-12"),
        ("12.05.25", "DD.MM.YY", 2024, "1925-05-12"),
        ("12/05/25", "DD/MM/YY", 2025, "2025-05-12"),
        ("5/12/99", "M/D/YY", 1999, "1999-05-12"),
        ("05.00", "DD.MM.YY", 2024, "2000-05"),
        ("87", "YY-MM-DD", 2024, "1987"),
        ("00-00-00", "YY-MM-DD", 2024, ""),
        ("999999", "YYMMDD", 2024, ""),
    ],
)
def test_years_of_two_digits_are_the_last_ones_not_after_the_declared_latest_year(
    text: str, date_format: DateFormat, latest_year: int, expected: str
) -> None:
    assert standardise_date(text, date_format, latest_year) == (expected, None)


def test_years_of_two_digits_without_a_latest_year_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="needs the latest year"):
        standardise_date("87-05-12", "YY-MM-DD")
    assert [f for f in DATE_FORMATS if has_two_digit_years(f)] == [f for f in DATE_FORMATS if "YYYY" not in f]


@pytest.mark.parametrize(
    ("text", "day"),
    [("12.05.1987", datetime.date(1987, 5, 12)), ("XX.05.1987", None), ("05.1987", None), ("31.02.1987", None),
     ("12.05.1987 00:00", None), (" 12.05.1987", None), ("01.01.1987", datetime.date(1987, 1, 1))],
)  # fmt: skip
def test_a_full_date_has_every_part_and_nothing_else(text: str, day: datetime.date | None) -> None:
    assert full_date(text, "DD.MM.YYYY") == day


def test_the_first_of_january_is_kept_as_the_year_alone() -> None:
    assert standardise_date("1987-01-01", "YYYY-MM-DD") == ("1987", None)


@pytest.mark.parametrize(
    "text", ["1900-01-01", "1901-01-01", "9999-12-31", "9999-99-99", "0000-00-00", "", "n/a", "NaT"]
)
def test_stand_ins_for_no_date_are_missing_without_a_finding(text: str) -> None:
    assert standardise_date(text, "YYYY-MM-DD") == ("", None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1987-02-29", "1987"),  # the day or the month may be wrong
        ("1987-04-31", "1987"),
        ("1987-13-01", "1987"),
        ("1987-45-67", "1987"),
        ("1987-05-32", "1987-05"),  # the day is
        ("1987-XX-45", "1987"),
        ("1849-05-05", ""),
        ("2101-05-05", ""),
    ],
)
def test_of_a_day_that_cannot_be_what_can_be_is_kept_and_the_rest_is_counted(text: str, kept: str) -> None:
    assert standardise_date(text, "YYYY-MM-DD") == (kept, Reason.IMPOSSIBLE_DATE)
    assert not Reason.IMPOSSIBLE_DATE.refuses


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("198O-05-12", "YYYY-MM-DD", "1980-05-12"),
        ("l987-05-I2", "YYYY-MM-DD", "1987-05-12"),
        ("12.0S.1987", "DD.MM.YYYY", "1987-05-12"),
        ("1Z/5/1987", "D/M/YYYY", "1987-05-12"),
        ("1987051T", "YYYYMMDD", "1987-05-17"),
        ("I9SO-05-12", "YYYY-MM-DD", ""),  # three letters: who knows what this is
        ("lB.Ob.1990", "DD.MM.YYYY", ""),
        ("1987-05-1e", "YYYY-MM-DD", ""),
        ("19B7-05-12T00:00:00", "YYYY-MM-DD", ""),
    ],
)
def test_letters_that_look_like_digits_are_read_as_digits_in_a_date(
    text: str, date_format: DateFormat, expected: str
) -> None:
    assert standardise_date(text, date_format) == (expected, None if expected else Reason.UNPARSABLE_DATE)


@pytest.mark.parametrize(
    "text", ["12.05.1987", "1987-5-12", "87-05-12", "1987-05T00:00", "1987-05-12 noon", "abc", "١٩٨٧-٠٥-١٢", "1987--05"]
)
def test_a_date_of_another_shape_is_refused(text: str) -> None:
    assert standardise_date(text, "YYYY-MM-DD") == ("", Reason.UNPARSABLE_DATE)
    assert Reason.UNPARSABLE_DATE.refuses


def test_every_declarable_date_format_has_a_shape() -> None:
    assert set(DATE_FORMATS) == set(SHAPES)


def test_sex_is_m_f_x_or_missing_and_any_other_code_is_refused() -> None:
    codes = ["M", "male", "1", "F", "weiblich", "2", "ж", "divers", "X", "9", "0", "", "unknown"]
    assert [standardise_sex(code)[0] for code in codes] == ["m"] * 3 + ["f"] * 4 + ["x"] * 2 + [""] * 4
    words = {
        "m": "мужской чоловіча მამრობითი άνδρας ذكر 男 erkek varón muž",
        "f": "женский 女 أنثى θήλυ kobieta kvinna",
    }
    assert all(standardise_sex(word) == (sex, None) for sex, listed in words.items() for word in listed.split())
    assert {standardise_sex(letter)[1] for letter in "hknev"} == {Reason.UNKNOWN_SEX_CODE}  # two languages disagree
    assert standardise_sex("q") == ("", Reason.UNKNOWN_SEX_CODE)
    assert Reason.UNKNOWN_SEX_CODE.refuses


@pytest.mark.parametrize(
    ("text", "expected"),
    [("AB 12-34.567", "ab1234567"), ("00012345", "00012345"), ("0000000", ""), ("x1", ""), ("12345678", ""), ("", "")],
)
def test_identifiers_keep_letters_digits_and_leading_zeros(text: str, expected: str) -> None:
    assert standardise_identifier(text) == (expected, None)


def test_a_number_that_fails_its_scheme_is_missing_and_counted() -> None:
    assert standardise_identifier("131052-308T", "fi.hetu") == ("131052308t", None)
    assert standardise_identifier("131052-308U", "fi.hetu") == ("", Reason.INVALID_IDENTIFIER)
    assert standardise_identifier("", "fi.hetu") == standardise_identifier("0000000", "luhn") == ("", None)
    assert standardise_identifier("٣٦٨٠٥٢٨٠١٠٩", "ee.ik") == ("", Reason.INVALID_IDENTIFIER)
    assert not Reason.INVALID_IDENTIFIER.refuses


@pytest.mark.parametrize(
    ("scheme", "spellings"),
    [
        ("cz.rc", ("710319/2745", "7103192745", " 710319 / 2745")),
        ("nl.bsn", ("1112.22.333", "111222333")),
        ("es.nie", ("x-2482300w", "X2482300W")),
        ("il.idnr", ("3933742-3", "039337423")),
        ("ee.ik", ("36805280109", "３６８０５２８０１０９")),
    ],
)
def test_spellings_of_one_valid_number_are_one(scheme: IdentifierScheme, spellings: tuple[str, ...]) -> None:
    assert len({standardise_identifier(spelling, scheme) for spelling in spellings}) == 1


@pytest.mark.parametrize("scheme", get_args(IdentifierScheme))
def test_every_scheme_accepts_its_probe_and_refuses_most_or_all_of_its_neighbours(scheme: IdentifierScheme) -> None:
    probe, *near = verdicts(scheme)
    assert probe
    if scheme not in WITHOUT_CHECK_DIGIT:
        assert sum(map(bool, near)) <= 2


def test_the_number_of_a_company_is_no_scheme_of_persons() -> None:
    assert not {"md.idno", "br.cnpj", "fi.ytunnus", "vatin"} & set(get_args(IdentifierScheme))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("5 Vale St, Kew 3101", "kew"),
        ("D-10115 Berlin", "berlin"),
        ("10 Downing St, London SW1A 2AA, United Kingdom", "london"),
        ("Stadt Halle (Saale)", "halle"),
        ("г. Киров", "kirov"),
        ("Gmina Żary", "zary"),
        ("Municipality of Gori", "gori"),
        ("ქალაქი თბილისი, საქართველო", "tbilisi"),
        ("Nowon-gu", "nowon"),
        ("New Town", "new town"),
        ("City of Kew", "kew"),
        ("с. Ивановка", "ivanovka"),
        ("St. Gallen", "saint gallen"),
        ("Luxembourg", "luxembourg"),
        ("City", "city"),
        ("3a", ""),
        ("(unknown)", ""),
    ],
)
def test_a_municipality_is_what_is_left_of_an_address_without_streets_postcodes_and_kinds_of_place(
    text: str, place: str
) -> None:
    assert standardise_municipality(text) == (place, None)


def test_address_parts_are_folded_street_types_shortened_and_stand_ins_missing() -> None:
    assert standardise_address("12 Main Street, Apt. 4") == ("12 main st apt 4", None)
    assert standardise_address("No Fixed Address") == ("", None)
    assert standardise_municipality("Saint-Étienne") == ("saint etienne", None)
    assert standardise_postcode("AB1 2cd") == ("ab12cd", None)
    assert standardise_postcode("0000") == ("", None)
