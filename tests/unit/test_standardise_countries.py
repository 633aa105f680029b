from typing import get_args

import pycountry
import pytest

from linkage_core.standardise.countries import (
    CountryCodes,
    CountryReading,
    read_country,
    standardise_country,
    with_places,
)
from linkage_core.standardise.country_codes import FIPS, ICAO, IOC, RENAMED, ROAD, SUCCESSORS
from linkage_core.standardise.country_names import ALIASES, AMBIGUOUS_NAMES, country_names
from linkage_core.standardise.findings import Reason
from linkage_core.standardise.text import fold


@pytest.mark.parametrize(
    ("spellings", "code"),
    [
        (("GE", "geo", "Georgia", "268", "Грузия", "საქართველო", "Georgien", "Géorgie"), "GEO"),
        (("Côte d’Ivoire", "COTE D'IVOIRE", "Ivory Coast", "CI", "Elfenbeinküste", "Costa d'Avorio"), "CIV"),
        (("AF", "004", "4"), "AFG"),
        (("NA", "Namibia"), "NAM"),
        (("USSR", "Soviet Union", "SUN", "SU", "СССР", "UdSSR", "810"), "SUN"),
        (("Kosovo", "XKX"), "XKX"),
        (("Republic of Korea", "Korea, Republic of", "South Korea", "Südkorea"), "KOR"),
        (("Deutschland", "Allemagne", "Alemania", "Германия", "德国", "DDR", "East Germany", "278"), "DEU"),
        (("Burma", "BUR", "Myanmar", "Birma"), "MMR"),
        (("Zaire", "ZAR", "ZR"), "COD"),
        (("YMD", "South Yemen"), "YEM"),
    ],
)
def test_names_and_codes_of_a_country_give_its_alpha_3_code(spellings: tuple[str, ...], code: str) -> None:
    assert {standardise_country(spelling) for spelling in spellings} == {(code, None)}


@pytest.mark.parametrize(
    ("codes", "spelling", "code"),
    [
        ("icao", "D", "DEU"), ("icao", "GBN", "GBR"), ("icao", "RKS", "XKX"), ("icao", "UNK", "XKX"),
        ("icao", "FRA", "FRA"),
        ("ioc", "GER", "DEU"), ("ioc", "SUI", "CHE"), ("ioc", "NED", "NLD"), ("ioc", "DEN", "DNK"),
        ("ioc", "POR", "PRT"), ("ioc", "BUR", "BFA"), ("ioc", "BRN", "BHR"), ("ioc", "FRA", "FRA"),
        ("iso", "BRN", "BRN"),
        ("fips", "GM", "DEU"), ("iso", "GM", "GMB"), ("fips", "CH", "CHN"), ("fips", "GG", "GEO"),
        ("road", "F", "FRA"), ("road", "RCH", "CHL"), ("road", "GE", "GEO"),
        ("numident", "TX", "USA"), ("numident", "FR", "FRA"),
        ("icao", "Germany", "DEU"), ("fips", "Грузия", "GEO"),
    ],
)  # fmt: skip
def test_a_code_means_what_the_declared_list_says_and_a_name_is_read_in_every_list(
    codes: CountryCodes, spelling: str, code: str
) -> None:
    assert standardise_country(spelling, codes) == (code, None)


@pytest.mark.parametrize(
    ("codes", "spelling", "candidates"),
    [
        ("numident", "CA", ("CAN", "USA")), ("numident", "CH", ("CHE", "CHL")), ("numident", "GM", ("DEU", "GMB")),
        ("numident", "Georgia", ("GEO", "USA")), ("iso", "CS", ("CSK", "SCG")), ("iso", "Korea", ("KOR", "PRK")),
        ("iso", "Congo", ("COD", "COG")), ("ioc", "UAR", ("EGY", "SYR")),
    ],
)  # fmt: skip
def test_a_spelling_of_two_countries_is_missing_and_flagged_with_its_candidates(
    codes: CountryCodes, spelling: str, candidates: tuple[str, ...]
) -> None:
    assert read_country(spelling, codes) == CountryReading("", candidates)
    assert standardise_country(spelling, codes) == ("", Reason.AMBIGUOUS_COUNTRY)
    assert not Reason.AMBIGUOUS_COUNTRY.refuses


def test_the_place_beside_an_ambiguous_code_decides_it_where_it_is_known() -> None:
    places = ["Toronto", "LOS ANGELES", "Ontario", "Sacramento", "SAN FRANCISC", "nowhere", ""]
    codes = [standardise_country(text, "numident")[0] for text in with_places(["CA"] * len(places), places)]
    assert codes == ["CAN", "USA", "CAN", "USA", "USA", "", ""]
    chile, switzerland = with_places(["CH", "CH"], ["Santiago", "Genève"])
    assert [standardise_country(text, "numident")[0] for text in (chile, switzerland)] == ["CHL", "CHE"]
    [france] = with_places(["FRA"], ["Toronto"])
    assert standardise_country(france) == ("FRA", None)


def test_a_former_state_keeps_its_code_and_tells_its_successors() -> None:
    assert read_country("Czechoslovakia") == CountryReading("CSK", ("CZE", "SVK"))
    assert standardise_country("CSK") == ("CSK", None)
    known = {country.alpha_3 for country in pycountry.countries} | {"XKX"}
    assert {code for successors in SUCCESSORS.values() for code in successors} <= known


def test_every_table_is_written_as_it_is_looked_up_and_names_countries_that_exist() -> None:
    known = {country.alpha_3 for country in pycountry.countries} | {"XKX"} | set(SUCCESSORS)
    for table in (ALIASES, RENAMED, ICAO, IOC, FIPS, ROAD):
        assert [spelling for spelling in table if fold(spelling) != spelling] == []
        assert set(table.values()) <= known
    assert [name for name in AMBIGUOUS_NAMES if fold(name) != name] == []
    assert set(country_names().values()) <= known


def test_codes_that_are_alpha_3_of_another_country_are_the_few_known_ones_of_the_olympic_list() -> None:
    alpha_3 = {country.alpha_3.lower() for country in pycountry.countries}
    assert {code for code in IOC if code in alpha_3} == {"brn"}


def test_an_unknown_country_is_missing_and_counted_and_stateless_is_missing() -> None:
    assert standardise_country("Atlantis") == ("", Reason.UNKNOWN_COUNTRY)
    assert standardise_country("D") == ("", Reason.UNKNOWN_COUNTRY)
    assert not Reason.UNKNOWN_COUNTRY.refuses
    assert {standardise_country("stateless"), standardise_country("XXB", "icao")} == {("", None)}


def test_every_alpha_3_code_is_itself_in_every_list_that_does_not_give_it_away() -> None:
    for codes in get_args(CountryCodes):
        for country in pycountry.countries:
            expected = "BHR" if codes == "ioc" and country.alpha_3 == "BRN" else country.alpha_3
            assert standardise_country(country.alpha_3, codes) == (expected, None)
