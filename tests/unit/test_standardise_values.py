import pytest

from linkage_core.standardise.addresses import standardise_address, standardise_municipality, standardise_postcode
from linkage_core.standardise.countries import ALIASES, standardise_country
from linkage_core.standardise.dates import DATE_FORMATS, SHAPES, DateFormat, standardise_date
from linkage_core.standardise.findings import Reason
from linkage_core.standardise.identifiers import standardise_identifier
from linkage_core.standardise.sex import standardise_sex
from linkage_core.standardise.text import fold


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


def test_the_first_of_january_is_kept_as_the_year_alone() -> None:
    assert standardise_date("1987-01-01", "YYYY-MM-DD") == ("1987", None)


@pytest.mark.parametrize(
    "text", ["1900-01-01", "1901-01-01", "9999-12-31", "9999-99-99", "0000-00-00", "", "n/a", "NaT"]
)
def test_stand_ins_for_no_date_are_missing_without_a_finding(text: str) -> None:
    assert standardise_date(text, "YYYY-MM-DD") == ("", None)


@pytest.mark.parametrize("text", ["1987-02-29", "1987-13-01", "1987-04-31", "1849-05-05", "2101-05-05"])
def test_a_day_that_cannot_be_is_missing_and_counted(text: str) -> None:
    assert standardise_date(text, "YYYY-MM-DD") == ("", Reason.IMPOSSIBLE_DATE)
    assert not Reason.IMPOSSIBLE_DATE.refuses


@pytest.mark.parametrize(
    "text", ["12.05.1987", "1987-5-12", "87-05-12", "1987-05-12T00:00", "abc", "١٩٨٧-٠٥-١٢", "1987--05"]
)
def test_a_date_of_another_shape_is_refused(text: str) -> None:
    assert standardise_date(text, "YYYY-MM-DD") == ("", Reason.UNPARSABLE_DATE)
    assert Reason.UNPARSABLE_DATE.refuses


def test_every_declarable_date_format_has_a_shape() -> None:
    assert set(DATE_FORMATS) == set(SHAPES)


def test_sex_is_m_f_x_or_missing_and_any_other_code_is_refused() -> None:
    codes = ["M", "male", "1", "F", "weiblich", "2", "ж", "divers", "X", "9", "0", "", "unknown"]
    assert [standardise_sex(code)[0] for code in codes] == ["m"] * 3 + ["f"] * 4 + ["x"] * 2 + [""] * 4
    assert standardise_sex("q") == ("", Reason.UNKNOWN_SEX_CODE)
    assert Reason.UNKNOWN_SEX_CODE.refuses


@pytest.mark.parametrize(
    ("spellings", "code"),
    [
        (("GE", "geo", "Georgia", "268"), "GEO"),
        (("Côte d’Ivoire", "COTE D'IVOIRE", "Ivory Coast", "CI"), "CIV"),
        (("AF", "004", "4"), "AFG"),
        (("NA", "Namibia"), "NAM"),
        (("USSR", "Soviet Union", "SUN"), "SUN"),
        (("Kosovo", "XKX"), "XKX"),
    ],
)
def test_names_and_codes_of_a_country_give_its_alpha_3_code(spellings: tuple[str, ...], code: str) -> None:
    assert {standardise_country(spelling) for spelling in spellings} == {(code, None)}


def test_every_alias_of_a_country_is_written_as_it_is_looked_up() -> None:
    assert [alias for alias in ALIASES if fold(alias) != alias] == []


def test_an_unknown_country_is_missing_and_counted_and_stateless_is_missing() -> None:
    assert standardise_country("Atlantis") == ("", Reason.UNKNOWN_COUNTRY)
    assert not Reason.UNKNOWN_COUNTRY.refuses
    assert standardise_country("stateless") == ("", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("AB 12-34.567", "ab1234567"), ("00012345", "00012345"), ("0000000", ""), ("x1", ""), ("12345678", ""), ("", "")],
)
def test_identifiers_keep_letters_digits_and_leading_zeros(text: str, expected: str) -> None:
    assert standardise_identifier(text) == (expected, None)


def test_address_parts_are_folded_street_types_shortened_and_stand_ins_missing() -> None:
    assert standardise_address("12 Main Street, Apt. 4") == ("12 main st apt 4", None)
    assert standardise_address("No Fixed Address") == ("", None)
    assert standardise_municipality("Saint-Étienne") == ("saint etienne", None)
    assert standardise_postcode("AB1 2cd") == ("ab12cd", None)
    assert standardise_postcode("0000") == ("", None)
