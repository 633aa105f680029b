"""Each statistic of an identities file on rows whose defects are known."""

import random
from datetime import date, timedelta

import pytest

from linkage_core.schema import QuasiIdentifier
from linkage_core.standardise.countries import with_places
from linkage_core.standardise.dates import DateFormat
from services.provider_agent.profiling.calendar import expected_by_day, written_day
from services.provider_agent.profiling.columns import suspects
from services.provider_agent.profiling.spelling import MIXED, NO_LETTERS, Oddity, oddities, script_of
from tests.support.profiles import column_of, profile, schema_of

GIVEN = ("anna", "bojan", "chidi", "dilnoza", "elif", "farid", "gudrun", "hamid", "ines", "jun")
FAMILY = ("haddad", "kowalska", "okafor", "yilmaz", "petrov", "silva", "nguyen", "larsen", "ibragimov", "moreau")


def people(count: int, seed: int = 1) -> dict[str, list[str]]:
    """Persons with frequent names, each with a birth date of its own."""
    dice = random.Random(seed)
    first = date(1940, 1, 2)
    days = dice.sample(range(25_000), count)
    born = [first + timedelta(days=day) for day in days]
    return {
        "given_name": [dice.choice(GIVEN) for _ in range(count)],
        "family_name": [dice.choice(FAMILY) for _ in range(count)],
        "birth_date": [day.isoformat() for day in born],
    }


def test_fill_counts_present_complete_nothing_stand_ins_and_what_could_not_be_used() -> None:
    found = profile(
        {
            "given_name": ["Anna", "", " ", "unknown", "n/a"],
            "family_name": ["Haddad"] * 5,
            "birth_date": ["1987-03-04", "1987-XX-XX", "1900-01-01", "1987-02-30", ""],
        }
    )
    given, born = column_of(found, "given_name"), column_of(found, "birth_date")
    assert (given.rows, given.present, given.complete, given.stand_ins, given.unusable) == (5, 1, 1, 2, 0)
    assert (born.rows, born.present, born.complete, born.stand_ins, born.unusable) == (5, 3, 1, 1, 0)
    assert born.findings == {"impossible-date": 1}


def test_a_country_is_missing_although_its_place_is_there() -> None:
    countries = with_places(["France", "", ""], ["Lyon", "Lyon", ""])
    found = profile({"born_in": countries}, schema=schema_of(QuasiIdentifier(name="born_in", kind="country")))
    born_in = column_of(found, "born_in")
    assert (born_in.present, born_in.stand_ins, born_in.unusable) == (1, 0, 0)


@pytest.mark.parametrize("block_rows", [7, 10_000])
def test_what_is_counted_does_not_depend_on_blocks_or_on_the_key(block_rows: int) -> None:
    rows = people(200)
    rows["given_name"][3:9] = [""] * 6
    rows["birth_date"][5] = rows["birth_date"][6] = ""
    assert profile(rows, block_rows=block_rows, key=b"k" * 32) == profile(rows)


def test_distinct_values_are_counted_as_standardised_and_none_is_kept() -> None:
    found = profile(
        {
            "given_name": ["Anna", "ANNA ", "Ánna", "Bojan", "unknown"],
            "family_name": ["Xqzcanaryone"] * 5,
            "birth_date": [""] * 5,
        }
    )
    given = column_of(found, "given_name").frequencies
    assert (given.rows, given.distinct, given.once, given.heaviest) == (4, 2, 1, (3, 1))
    assert "xqzcanary" not in repr(found).lower()


def test_dates_are_counted_as_written_in_full_so_that_a_placeholder_on_1_january_is_seen() -> None:
    rows = people(600)
    rows["birth_date"][:40] = ["1970-01-01"] * 40
    rows["birth_date"][40:80] = ["1970"] * 40
    born = column_of(profile(rows), "birth_date")
    assert born.suspects == (40,)
    assert born.frequencies.rows == 560


@pytest.mark.parametrize(
    ("heaviest", "expected"),
    [
        ((300, 200, 150, 120, 100, 90), ()),
        ((300, 90, 80, 70), (300,)),
        ((500, 400, 100, 90), (500, 400)),
        ((9, 1, 1), ()),
        ((30, 30), ()),
        ((30,), ()),
        ((), ()),
    ],
)
def test_a_value_is_suspect_if_it_is_far_above_the_next_rank(
    heaviest: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert suspects("family-name", heaviest) == expected
    assert suspects("sex", heaviest) == ()


def test_numbers_under_two_local_ids_are_seen() -> None:
    one, two, three = "KX4409152", "KX4409163", "KX4409174"
    rows = {"passport": [one, two, two, three, three, three, ""], "given_name": ["Anna"] * 7}
    found = profile(rows, schema=schema_of(QuasiIdentifier(name="passport", kind="identifier")))
    passport = column_of(found, "passport").frequencies
    assert (passport.distinct, passport.by_size) == (3, {2: 1, 3: 1, 4: 0, 5: 0})
    assert found.people.twice is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna Maria", Oddity(0)),
        ("O'Neill", Oddity(0)),
        ("Ana 2", Oddity.DIGITS),
        ("J", Oddity.ONE_LETTER),
        (" j. ", Oddity.ONE_LETTER),
        ("李", Oddity(0)),
        ("Pe?rovic", Oddity.DAMAGED),
        ("Petrovi\ufffd", Oddity.DAMAGED),
        ("José".encode().decode("latin-1"), Oddity.DAMAGED),
        ("José", Oddity(0)),
        ("Ömer Şahin", Oddity(0)),
        ("?", Oddity(0)),
        ("x" * 61, Oddity.LONG),
        ("7" * 61, Oddity.LONG | Oddity.DIGITS),
        ("", Oddity(0)),
    ],
)
def test_oddities_of_a_name(text: str, expected: Oddity) -> None:
    assert oddities(text) == expected


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Anna", "Latin"),
        ("Ömer Şahin", "Latin"),
        ("Олена", "Cyrillic"),
        ("გიორგი", "Georgian"),
        ("محمد", "Arabic"),
        ("Ελένη", "Greek"),
        ("李", "Chinese characters"),
        ("Pеtrov", MIXED),  # the second letter is Cyrillic
        ("12", NO_LETTERS),
        ("—", NO_LETTERS),
    ],
)
def test_scripts_of_a_name(text: str, script: str) -> None:
    assert script_of(text) == script


def test_spelling_is_counted_by_rows_of_names_only() -> None:
    found = profile(
        {
            "given_name": ["Anna", "Олена", "Олена", "J", ""],
            "family_name": ["Haddad"] * 4 + ["Haddad 2"],
            "birth_date": ["1987-03-04"] * 5,
        }
    )
    given, family, born = (column_of(found, name) for name in ("given_name", "family_name", "birth_date"))
    assert given.scripts == {"Latin": 2, "Cyrillic": 2}
    assert given.oddities == {Oddity.ONE_LETTER: 1}
    assert family.oddities == {Oddity.DIGITS: 1}
    assert (born.scripts, born.oddities) == ({}, {})


def test_columns_that_are_missing_together_are_counted_by_pattern() -> None:
    rows = people(10)
    rows["given_name"][0] = rows["birth_date"][0] = rows["birth_date"][1] = rows["birth_date"][2] = ""
    missing = profile(rows).people.missing
    assert dict(missing) == {(): 7, ("birth_date",): 2, ("given_name", "birth_date"): 1}


def test_heaps_of_dates_are_counted_and_ages_told_by_year() -> None:
    rows = people(4)
    rows["birth_date"] = ["1980-01-01", "1985-06-01", "2024-03-15", "1899-07-31"]
    dates = column_of(profile(rows), "birth_date").calendar
    assert dates is not None
    assert (dates.full, dates.first_of_january, dates.first_of_month, dates.fifteenth) == (4, 1, 2, 1)
    assert (dates.round_years, dates.years, dates.over_oldest) == (2, 4, 1)
    assert (dates.by_day[0], dates.by_day[14], dates.by_day[30]) == (2, 1, 1)
    assert dates.by_month == (1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0)
    assert (dates.by_age[0], dates.by_age[8], dates.by_age[9], dates.by_age[-1]) == (1, 1, 1, 1)


def test_an_even_spread_over_days_makes_a_whole() -> None:
    assert sum(expected_by_day()) == pytest.approx(1.0)
    assert expected_by_day()[0] == pytest.approx(12 / 365.2425)
    assert expected_by_day()[30] == pytest.approx(7 / 365.2425)


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("1987-03-04", "YYYY-MM-DD"),
        ("19870304", "YYYYMMDD"),
        (" 04.03.1987", "DD.MM.YYYY"),
        ("04/03/1987", "DD/MM/YYYY"),
        ("03/04/1987", "MM/DD/YYYY"),
        ("4.3.1987", "D.M.YYYY"),
        ("870304", "YYMMDD"),
        ("1987-03-04T00:00:00", "YYYY-MM-DD"),
    ],
)
def test_a_date_is_read_in_its_declared_format(text: str, date_format: DateFormat) -> None:
    assert written_day(text, date_format) == 3 * 32 + 4


def test_a_date_is_read_only_if_it_is_whole() -> None:
    for text in (
        "1987",
        "1987-03",
        "1987-XX-XX",
        "1987-03-00",
        "1987-32-04",
        "9999-99-99",
        "1987-03-04 1",
        "١٩٨٧-03-04",
        "",
    ):
        assert written_day(text, "YYYY-MM-DD") == -1


def test_a_month_above_the_twelfth_tells_of_day_and_month_exchanged() -> None:
    rows = people(4)
    rows["birth_date"] = ["1987-30-04", "1987-04-30", "1987-31-31", "1987-13-12"]
    dates = column_of(profile(rows), "birth_date").calendar
    assert dates is not None
    assert dates.month_above_12 == 2


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_exchanged_days_are_estimated_from_where_the_heap_of_firsts_lies(share: float) -> None:
    dice = random.Random(5)
    rows = people(20_000, seed=3)
    true = 0
    for place, text in enumerate(rows["birth_date"]):
        year, month, day = text.split("-")
        if dice.random() < 0.1:
            day = "01"
        if day <= "12" and dice.random() < share:
            true += day != month
            month, day = day, month
        rows["birth_date"][place] = f"{year}-{month}-{day}"
    dates = column_of(profile(rows), "birth_date").calendar
    assert dates is not None
    assert dates.exchanged is not None
    assert dates.exchanged.low <= true <= dates.exchanged.high
    assert (dates.exchanged.low > 0) == (share > 0)
    assert dates.exchanged.high < 0.4 * 20_000


def test_without_a_heap_nothing_is_said_of_exchanged_days() -> None:
    dates = column_of(profile(people(20_000)), "birth_date").calendar
    assert dates is not None
    assert dates.exchanged is None


def test_swapped_names_are_told_from_the_files_own_frequencies() -> None:
    rows = people(2_000)
    for place in range(0, 2_000, 100):
        rows["given_name"][place], rows["family_name"][place] = rows["family_name"][place], rows["given_name"][place]
    swapped = profile(rows).people.swapped
    assert swapped is not None
    assert (swapped.judged, swapped.swapped, swapped.one_in) == (2_000, 20, 1)


def test_names_that_are_usual_in_both_columns_are_not_called_swapped() -> None:
    rows = people(2_000)
    rows["given_name"][:400] = ["thomas"] * 400
    rows["family_name"][300:700] = ["thomas"] * 400
    rows["given_name"][700:710] = [f"rare{n}" for n in range(10)]
    swapped = profile(rows).people.swapped
    assert swapped is not None
    assert swapped.swapped == 0


def test_persons_there_twice_are_counted_by_how_they_agree() -> None:
    rows = people(1_000)
    for copy, original in ((990, 1), (991, 2), (992, 2)):
        for column in rows.values():
            column[copy] = column[original]
    swapped, without_given, without_family = 993, 994, 995
    rows["given_name"][swapped], rows["family_name"][swapped] = rows["family_name"][3], rows["given_name"][3]
    rows["given_name"][without_given], rows["family_name"][without_given] = "", rows["family_name"][4]
    rows["given_name"][without_family], rows["family_name"][without_family] = rows["given_name"][5], "unknown"
    for copy, original in ((swapped, 3), (without_given, 4), (without_family, 5)):
        rows["birth_date"][copy] = rows["birth_date"][original]
    twice = profile(rows).people.twice
    assert twice is not None
    assert twice.exact.by_size == {2: 1, 3: 1, 4: 0, 5: 0}
    assert twice.exact.pairs == 4
    assert twice.other_order == 1
    assert twice.part_missing == 2
    assert twice.part_missing_by_chance < 0.1


def test_second_names_in_another_order_are_the_same_words() -> None:
    rows = people(50)
    rows["given_name"][:2] = ["Maria Elena", "Elena Maria"]
    rows["family_name"][1] = rows["family_name"][0]
    rows["birth_date"][1] = rows["birth_date"][0]
    twice = profile(rows).people.twice
    assert twice is not None
    assert (twice.exact.pairs, twice.other_order) == (0, 1)


def test_namesakes_born_on_one_day_are_expected_in_the_number_in_which_chance_makes_them() -> None:
    dice = random.Random(9)
    born = [(date(1980, 1, 2) + timedelta(days=n)).isoformat() for n in range(300)]
    rows = {
        "given_name": [dice.choice(GIVEN) for _ in range(3_000)],
        "family_name": [dice.choice(FAMILY) for _ in range(3_000)],
        "birth_date": [dice.choice(born) for _ in range(3_000)],
    }
    twice = profile(rows).people.twice
    assert twice is not None
    assert twice.by_chance > 100
    assert abs(twice.exact.pairs - twice.by_chance) < 6 * twice.by_chance**0.5


def test_a_value_is_looked_at_again_after_the_standardiser_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = people(3_000)
    rows["given_name"] = [f"{name} {number % 700}" for number, name in enumerate(rows["given_name"])]
    expected = profile(rows, block_rows=100)
    monkeypatch.setattr("linkage_core.standardise.columns.MOST_REMEMBERED_BYTES", 100_000)
    assert profile(rows, block_rows=100) == expected
