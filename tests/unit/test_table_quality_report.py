"""The drafted quality report: every heading of SIMS 2.0, filled from facts or marked for the office, never invented."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from disclosure.errors import QueryFault
from disclosure.grid import QUALITY_CLASSES
from disclosure.table import CELL_KEY, Release
from linkage_core.agreement.declared_rates import DeclaredRates, LinkageSensitivity, PairRates
from linkage_core.agreement.document import Agreement
from services.analysis.export.observations import publication
from services.analysis.report.accuracy import MOST_DOTS, budget_over_time, estimates
from services.analysis.report.draft import draft
from services.analysis.report.facts import Facts, last_day
from services.common.report.cells import Table
from services.common.report.charts import Dots
from services.common.report.document import Notes, Report
from services.wire.convert.queries import BudgetBalance, ReleaseSummary
from tests.support.pages import assert_self_contained
from tests.support.parties import make_parties
from tests.support.releases import made_up

BUDGET = BudgetBalance(1_000_000_000, 940_000_000, 500_000_000, 440_000_000, 250_000_000, 190_000_000)


@pytest.fixture(scope="module")
def agreement(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    return make_parties(tmp_path_factory.mktemp("parties")).verified.document


def stock(**question: object) -> Release:
    return made_up({"sex": ["f", "m", "unknown"]}, np.array([410, 390, 1]), 4.0, **question)  # type: ignore[arg-type]


def summaries(*rhos: int) -> tuple[ReleaseSummary, ...]:
    return tuple(
        ReleaseSummary(
            f"{place:032x}",
            "w1",
            "{}",
            f"2026-0{place}-01T09:00:00+00:00",
            rho,
            8,
            "persons",
            3,
            "discrete-gaussian" if rho else CELL_KEY,
        )
        for place, rho in enumerate(rhos, 1)
    )


def drafted(agreement: Agreement, *releases: Release) -> Report:
    tables = [publication(each, "w1") for each in releases]
    return draft(agreement, tables, summaries(20_000_000, 40_000_000), BUDGET)


def words_of(report: Report, heading: str) -> str:
    (section,) = [each for each in report.sections if each.heading == heading]
    notes = [note.found for block in section.blocks if isinstance(block, Notes) for note in block.notes]
    return " ".join((*section.paragraphs, *notes))


def test_every_heading_of_sims_is_there_and_none_is_empty(agreement: Agreement) -> None:
    report = drafted(agreement, stock())
    assert [section.heading.split(" ", 1)[0] for section in report.sections] == [f"S.{n}" for n in range(1, 20)]
    assert all(section.paragraphs or section.blocks for section in report.sections)


def test_facts_come_from_the_agreement_and_the_releases(agreement: Agreement) -> None:
    report = drafted(agreement, stock())
    mandate = words_of(report, "S.6 Institutional mandate")
    assert agreement.legal_basis in mandate
    assert agreement.hash.hex() in mandate
    assert agreement.population in words_of(report, "S.3 Statistical presentation")
    assert "1 rho over all agreements" in words_of(report, "S.7 Confidentiality")
    assert "0.94 are left" in words_of(report, "S.7 Confidentiality")
    timeliness = next(section for section in report.sections if section.heading.startswith("S.14")).blocks[0]
    assert isinstance(timeliness, Table)
    assert timeliness.rows[0][1:] == ("2024-01-01", "2026-03-01", 790)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "registered", "minimum_months": 0}, "however short"),
        ({"kind": "registered", "minimum_months": 12}, "at least 12 months"),
        ({"kind": "window", "days": 365, "of": 487, "itinerary": "midpoint"}, "365 days of a window of 487 days"),
        ({"kind": "signs", "sources": {"tax": 2}, "score": 3, "gap_years": 1}, "score of at least 3 in a year (tax 2)"),
    ],
)
def test_rules_of_residence_are_told_in_words(agreement: Agreement, rule: dict[str, object], words: str) -> None:
    assert words in words_of(drafted(agreement, stock(rule=rule)), "S.3 Statistical presentation")


def test_what_only_the_office_knows_is_marked_and_not_invented(agreement: Agreement) -> None:
    report = drafted(agreement, stock())
    for heading in ("S.1 Contact", "S.12 Relevance", "S.16 Cost and burden", "S.19 Comment"):
        assert "To be written by the office" in words_of(report, heading)
    assert "the tables reported here hold none" in words_of(report, "S.13 Accuracy and reliability")


def test_what_the_linkage_unit_declares_is_told_with_how_far_one_row_moves_the_linkage(agreement: Agreement) -> None:
    pair = PairRates(
        providers=("border", "tax"),
        precision_per_mille=990,
        precision_error_per_mille=2,
        recall_per_mille=930,
        recall_error_per_mille=5,
        correlation_per_cent=0,
    )
    moved = LinkageSensitivity(trials=50, mean_changed_per_mille=1_140, most_changed=3)
    rates = DeclaredRates(
        lineage=agreement.lineage, agreement="a0" * 32, wave="w1", run="b0" * 32, pairs=(pair,), sensitivity=moved
    )
    told = replace(stock(), explanation="corrected as declared", declared_rates=rates.model_dump(mode="json"))
    report = drafted(agreement, told)
    words = words_of(report, "S.13 Accuracy and reliability")
    assert "corrected as declared" in words
    assert "changed 1.14 groups on average and 3 at most, in 50 trials" in words
    blocks = next(section for section in report.sections if section.heading.startswith("S.13")).blocks
    (table,) = [each for each in blocks if isinstance(each, Table) and each.title.startswith("Links of wave w1")]
    assert table.rows[0][:2] == ("border and tax", 0.99)
    assert "no rates are declared" in words_of(drafted(agreement, stock()), "S.13 Accuracy and reliability")


def test_shares_of_linked_persons_by_group_come_from_a_charged_table_of_links(agreement: Agreement) -> None:
    counts = np.array([[40, 100, 3], [500, 300, 2], [300, 200, -1], [160, 400, 1]])
    links = made_up(
        {"origin": ("home", "other", "unknown")}, counts, 4.0, own={"class": QUALITY_CLASSES}, measure="links", of="tax"
    )
    report = drafted(agreement, stock(), links)
    blocks = next(section for section in report.sections if section.heading.startswith("S.13")).blocks
    (chart,) = [each for each in blocks if isinstance(each, Dots) and each.title.startswith("Linked persons")]
    home, other = chart.dots  # three unknown persons amid such noise have no share
    assert (home.label, other.label) == ("home", "other")
    assert home.value == pytest.approx(0.96, abs=1e-5)
    assert other.value == pytest.approx(0.9, abs=1e-5)
    # By the delta method: the noise in persons not linked, seen from 960 of 1,000 and 900 of 1,000 persons.
    for share, number, bar in ((0.96, 1000, home), (0.9, 1000, other)):
        error = 1.96 * 4 * np.hypot(share, np.sqrt(3) * (1 - share)) / number
        assert bar.low == pytest.approx(share - error, abs=error / 10)
        assert bar.high == pytest.approx(share + error, abs=error / 10)
    assert "such a table is among those" in words_of(report, "S.13 Accuracy and reliability")


def test_estimates_stand_with_their_intervals_and_large_tables_with_their_largest(agreement: Agreement) -> None:
    small = estimates(publication(stock(), "w1"))
    assert [(dot.label, dot.value, dot.low, dot.high) for dot in small.dots][:2] == [
        ("2024-01-01 · f", 410, 402, 418),
        ("2024-01-01 · m", 390, 382, 398),
    ]
    codes = [f"c{number}" for number in range(100)]
    large = estimates(publication(made_up({"country": codes}, np.arange(100) * 10, 4.0), "w1"))
    assert [dot.value for dot in large.dots] == [number * 10 for number in range(60, 100)]
    assert len(large.dots) == MOST_DOTS
    assert "40 largest of 100 cells" in large.description


def test_the_budget_over_time_adds_up_the_list_of_releases(agreement: Agreement) -> None:
    facts = Facts(agreement, (), summaries(20_000_000, 40_000_000, 1), BUDGET)
    assert [bar.value for bar in budget_over_time(facts).bars] == pytest.approx([0.02, 0.06, 0.060000001])


def test_breaks_between_tables_of_one_measure_are_named(agreement: Agreement) -> None:
    later = replace(stock(at=["2025-01-01"]), data_version="ef" * 32, release_id="1" * 32)
    assert "data version" in words_of(drafted(agreement, stock(), later), "S.15 Coherence and comparability")
    assert "no break" in words_of(drafted(agreement, stock()), "S.15 Coherence and comparability")


@pytest.mark.parametrize(
    ("period", "day"),
    [
        ({"at": ["2023-01-01", "2024-01-01"]}, "2024-01-01"),
        ({"at": None, "over": ["2022", "2023"]}, "2023-12-31"),
        ({"at": None, "over": ["2023-Q4"]}, "2023-12-31"),
        ({"at": None, "over": ["2024-02"]}, "2024-02-29"),
        ({"at": None, "over": {"start": "2022-01-01", "end": "2022-06-30"}}, "2022-06-30"),
        ({"at": None}, "None"),
    ],
)
def test_the_last_day_of_a_table_is_read_from_its_period(period: dict[str, object], day: str) -> None:
    assert str(last_day(publication(stock(**period), "w1"))) == day


def test_the_report_is_one_page_with_charts_and_the_same_as_json(agreement: Agreement, tmp_path: Path) -> None:
    report = drafted(agreement, stock(), made_up({}, np.array([5]), 4.0, number=1))
    page = report.to_html()
    assert_self_contained(page)
    assert page.count("<svg") == 3
    facts = json.loads(report.to_json())
    assert [section["heading"] for section in facts["sections"]] == [each.heading for each in report.sections]


def test_a_report_about_nothing_is_refused(agreement: Agreement) -> None:
    with pytest.raises(QueryFault, match="name one or more"):
        draft(agreement, [], (), BUDGET)
