"""What the linkage unit's operator reads of a wave's links: the model as it is kept, the pages, the notes."""

import json
from dataclasses import replace

import pytest

from linkage_core.errors import InputFault, Tampered
from linkage_core.linking.probabilistic.model import Finding, Interval, LinkageModel, TextbookModel
from services.common.report.charts import Lines
from services.common.report.document import Report
from services.linkage_unit.quality.model_page import comparisons_table, model_page
from services.linkage_unit.quality.notes import model_notes, notes_of
from services.linkage_unit.quality.overall import NOTHING_WRONG, overall
from services.linkage_unit.quality.quality_page import classes_table, pairs_table, quality_page
from services.linkage_unit.quality.stored import FORMAT, model_bytes, model_digest, read_model
from services.linkage_unit.quality.words import CLOSING, level_names
from tests.support.link_models import MEETING, MODEL, NAMES, NUMBER, OTHER, linked
from tests.support.pages import assert_self_contained, texts

PAGES = {"model": model_page(linked()), "quality": quality_page(linked()), "no model": quality_page(linked(None))}


def headings(report: Report) -> list[str]:
    return [section.heading for section in report.sections]


# --------------------------------------------------------------------------------------------------- as it is kept


def test_a_kept_model_is_read_back_as_it_was() -> None:
    kept = model_bytes(MODEL)
    assert read_model(kept, model_digest(kept)) == MODEL
    assert model_bytes(read_model(kept, model_digest(kept))) == kept
    assert json.loads(kept)["format"] == FORMAT


def test_a_kept_model_in_which_a_figure_was_changed_is_refused() -> None:
    kept = model_bytes(MODEL)
    assert b"0.9931" in kept
    with pytest.raises(Tampered, match="signed manifest"):
        read_model(kept.replace(b"0.9931", b"0.9999"), model_digest(kept))


def test_a_model_of_another_format_is_refused_by_name() -> None:
    kept = model_bytes(MODEL).replace(FORMAT.encode(), b"symbolon-linkage-model/9")
    with pytest.raises(InputFault, match="symbolon-linkage-model/9"):
        read_model(kept, model_digest(kept))


def test_a_number_that_is_none_is_not_kept() -> None:
    with pytest.raises(ValueError, match="JSON"):
        model_bytes(replace(MODEL, comparisons=(replace(NAMES, chance=float("nan")), NUMBER)))


# ---------------------------------------------------------------------------------------------------------- overall


def test_precision_is_weighted_by_links_and_recall_by_matches() -> None:
    found = overall(MODEL)
    assert found.links == 1650
    assert found.precision.estimate == pytest.approx((1010 * 0.9931 + 640 * 0.96) / 1650)
    assert found.recall.low == pytest.approx((1030 * 0.9611 + 700 * 0.83) / 1730)


def test_one_pair_of_files_keeps_its_own_interval_and_none_has_nothing_wrong() -> None:
    alone = overall(replace(MODEL, meetings=(MEETING,)))
    assert alone.precision.low == pytest.approx(MEETING.precision.low)
    assert overall(replace(MODEL, meetings=())).precision == NOTHING_WRONG


# ------------------------------------------------------------------------------------------------------------ pages


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_self_contained_and_says_for_whom_it_is(name: str) -> None:
    page = PAGES[name].to_html()
    assert_self_contained(page)
    shown = texts(page)
    assert CLOSING in shown
    assert "nothing of it goes to a provider, in any form" in shown
    assert "charged to the privacy budget" in shown


def test_the_quality_page_has_every_pair_class_and_threshold_with_its_interval() -> None:
    assert pairs_table(MODEL).rows[0][:2] == ("register – tax", 1010)
    shown = texts(PAGES["quality"].to_html())
    for text in (
        "0.9931",
        "0.9874 – 0.9978",
        "0.9611 – 0.9842",
        "by similarity, accepted",
        "border – tax",
    ):
        assert text in shown
    assert len(classes_table(MODEL).rows) == 6
    curves = [block for section in PAGES["quality"].sections for block in section.blocks if isinstance(block, Lines)]
    assert [[mark.text for mark in curve.marks] for curve in curves] == [["agreed and recommended"]] * 2 + [
        ["agreed", "recommended"]
    ] * 2
    assert all(point.low is not None for point in curves[0].lines[0].points)


def test_the_json_of_the_quality_page_has_the_figures_as_numbers() -> None:
    kept = json.loads(PAGES["quality"].to_json())
    facts = {fact["label"]: fact["value"] for fact in kept["facts"]}
    assert facts["links"] == 1650
    assert facts["estimated precision"] == pytest.approx(overall(MODEL).precision.estimate)


def test_the_model_page_has_m_u_and_weight_of_every_level_beside_the_textbooks() -> None:
    rows = comparisons_table(MODEL).rows
    assert len(rows) == len(NAMES.m) + len(NUMBER.m) + 2
    assert rows[0] == ("names", "0.960 or more", 0.5, 0.0000002, 12.5, 21.3, 0.5, 0.0001)
    assert rows[5] == ("", "missing", 0.02, 0.05, -0.4, None, None, None)
    assert rows[6][:3] == ("national-number", "agrees", 0.98)
    shown = texts(PAGES["model"].to_html())
    for text in (
        "2.00 × 10⁻⁷",
        "CLK: names",
        "Match key: national-number",
        "many to one",
        "matches (m)",
        "different people (u)",
    ):
        assert text in shown


def test_the_model_page_shows_what_a_rare_name_adds_in_each_clk() -> None:
    rare = replace(
        NUMBER, name="family", kind="frequency-class", edges=(1.0, 2.0), m=(0.4, 0.2, 0.4), u=(0.9, 0.09, 0.01),
        weight=(0.0, 1.4, 3.2), log_ratio=(-1.2, 1.2, 5.3), missing_weight=0.0, of_clk="names",
    )  # fmt: skip
    model = replace(MODEL, comparisons=(NAMES, NUMBER, rare), textbook=TextbookModel("none"))
    assert level_names(rare) == ("not near, class 3 or none", "near, class 2", "near, class 1")
    assert ("family in names", "near, class 1", 0.4, 0.01, 3.2) in [row[:5] for row in comparisons_table(model).rows]
    shown = texts(model_page(linked(model)).to_html())
    for text in ("Frequency class: family in names", "What a rare name adds.", "class 1 is the rarest"):
        assert text in shown


def test_levels_are_named_by_the_dice_at_which_they_begin() -> None:
    assert level_names(NAMES)[0] == "below 0.610"
    assert level_names(NAMES)[-1] == "0.960 or more"
    assert level_names(replace(NAMES, edges=(1.0,))) == ("not equal", "equal")
    assert len(level_names(NAMES)) == len(NAMES.m)


def test_a_model_without_a_textbook_answer_is_shown_with_the_reason() -> None:
    model = replace(MODEL, textbook=TextbookModel("the mixture did not converge"))
    page = texts(model_page(linked(model)).to_html())
    assert "It has no answer here: the mixture did not converge." in page
    assert comparisons_table(model).rows[0][-2:] == (None, None)


def test_a_wave_of_the_weighted_mean_has_counts_and_no_estimate() -> None:
    wave = linked(None)
    with pytest.raises(InputFault, match="weighted mean"):
        model_page(wave)
    assert "Pairs of files" not in headings(PAGES["no model"])
    shown = texts(PAGES["no model"].to_html())
    assert "was not estimated" in shown
    assert "as the agreement says so" in shown


def test_what_identifiers_say_stands_beside_what_the_model_says_without_them() -> None:
    shown = texts(PAGES["quality"].to_html())
    for text in ("pairs that share one: found without it", "0.9642", "links of two: that agree", "0.9917"):
        assert text in shown


def test_without_a_file_that_holds_each_person_once_thresholds_are_not_in_bits() -> None:
    page = texts(quality_page(linked(replace(MODEL, basis="chance"))).to_html())
    assert "2.1 standard deviations" in page
    assert "2.1 bits" not in page
    assert "at best an upper bound" in page


def test_sides_that_a_registry_settled_are_named_apart() -> None:
    own = replace(MEETING, providers=("tax", "tax"), way="within", settled=(False, False))
    old = replace(MEETING, providers=("tax", "tax"), settled=(True, False))
    names = [row[0] for row in pairs_table(replace(MODEL, meetings=(own, old))).rows]
    assert names == ["tax – itself", "tax (registry) – tax"]


# ------------------------------------------------------------------------------------------------------------ notes


def found(model: LinkageModel) -> list[str]:
    return [f"{note.weight}: {note.found}" for note in model_notes(model)]


def test_what_a_guard_found_stands_before_all_else_but_for_whom_the_page_is() -> None:
    guard = Finding("duplicates-inside", ("tax",), "about 40 records are there twice", "declare it")
    notes = notes_of(linked(replace(MODEL, findings=(*MODEL.findings, guard))))
    assert notes[0].weight == "note"
    assert (notes[1].weight, notes[1].found) == ("mend", "tax: about 40 records are there twice.")
    assert notes[1].advice == "Declare it."
    assert [note.weight for note in notes[1:]] == sorted(
        (note.weight for note in notes[1:]), key=["mend", "look", "note", "good"].index
    )


def test_without_findings_the_guards_are_said_to_be_content() -> None:
    assert not any(line.startswith("good") for line in found(MODEL))
    assert any(line.startswith("good: No guard") for line in found(replace(MODEL, findings=())))


def test_a_recommended_threshold_is_told_where_it_differs_from_the_agreed_one() -> None:
    told = [line for line in found(MODEL) if "threshold" in line]
    assert told == [
        "note: border – tax: a lower threshold would serve better, 2.1 bits instead of 3.4. "
        "The best F1 by the estimates."
    ]
    assert not any("threshold" in line for line in found(replace(MODEL, meetings=(MEETING,))))


def test_low_precision_and_recall_are_told_and_high_ones_are_not() -> None:
    def told(*meetings: object) -> list[str]:
        notes = notes_of(linked(replace(MODEL, meetings=tuple(meetings))))  # type: ignore[arg-type] # meetings
        return [note.found for note in notes if "one link in twenty" in note.found or "one match" in note.found]

    assert [line.partition(":")[0] for line in told(MEETING, OTHER)] == ["border – tax", "border – tax"]
    assert told(MEETING) == []
    assert told(replace(OTHER, precision=Interval(1, 1, 1), recall=Interval(0.96, 0.95, 0.97))) == []


def test_a_textbook_answer_far_from_the_models_is_told_and_a_near_one_is_not() -> None:
    assert any("2,900 pairs for matches, where this one estimates 1,730" in line for line in found(MODEL))
    near = replace(MODEL, textbook=replace(MODEL.textbook, matches=1750.0))
    assert not any("textbook" in line for line in found(near))


def test_conflicts_of_identifiers_and_keys_left_out_are_told() -> None:
    told = [note.found for note in notes_of(linked(None))]
    assert "national-number: 3 people have two identifiers." in told
    assert "national-number: 1 identifier is used by two people or more." in told
    assert any("tax 2" in line for line in told)
    assert any("left out 15 keys of 420" in line for line in told)
