"""Requests and answers of the analysis service go over the wire and come back the same; what is malformed is told."""

from dataclasses import replace

import pytest

from disclosure.bounding import MOVED
from disclosure.table import CELL_KEY, Cell, Corrected, Noised, Release
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Context
from linkage_core.errors import InputFault
from linkage_core.types import AgreementHash, Lineage, PartyName
from services.wire import messages
from services.wire.convert import analysis, queries
from services.wire.convert.signed import sign_message
from services.wire.v1 import queries_pb2

CONTEXT = Context(Lineage(b"l" * 16), AgreementHash(b"a" * 32), 1, "w1")
SIGNED = sign_message(
    Secret(bytes(32)), PartyName("tax"), PartyName("analysis"), CONTEXT, messages.TransferCommit(b"i" * 16, b"r" * 32)
)
BUDGET = queries.BudgetBalance(10, 9, 8, 7, 6, 5)
RELEASE = Release(
    release_id="1" * 32,
    question={"measure": "stock", "at": ["2023-01-01"]},
    question_hash="2" * 64,
    agreement_hash="3" * 64,
    data_version="4" * 64,
    released_at="2026-06-15T12:00:00+00:00",
    mechanism="discrete-gaussian",
    nano_rho=2**40,
    noised=(
        Noised("sum", 1, 5_000_000, 10, 2, 2 * 10**24, 2**39, tuple(range(-3, 4))),
        Noised("histogram", 2, 5_000_000, 10, 2, 2, 2**39, tuple(range(14))),
    ),
    unit="crowns",
    decimals=3,
    axes=("date", "sex"),
    cells=(
        *(
            Cell(("2023-01-01", str(i)), i - 3, i - 13, i + 7, 5_000_000, ("U", "P"), Corrected(i - 4, i - 15, i + 8))
            for i in range(6)
        ),
        Cell(("2023-01-01", "6"), None, 0, None, 0, ("A", "N")),
    ),
    totals_axes=("date",),
    totals=(Cell(("2023-01-01",), -1, -30, 28, 14_000_000, ()),),
    covers="noise and linkage",
    explanation="corrected",
    declared_rates={"wave": "w1", "pairs": []},
)


def test_a_wave_s_public_keys_come_back_the_same() -> None:
    assert analysis.get_wave_keys_request_from_wire(analysis.get_wave_keys_request_to_wire("w1")) == "w1"
    assert analysis.get_wave_keys_response_from_wire(analysis.get_wave_keys_response_to_wire(SIGNED)) == SIGNED


def test_an_answer_comes_back_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "CELLS_PER_BLOCK", 3)
    monkeypatch.setattr(queries, "NUMBERS_PER_BLOCK", 4)
    answer = queries.Answer(RELEASE, "w1", True, BUDGET, b"provenance")
    parts = list(queries.run_query_response_to_wire(answer))
    assert len(parts) == 1 + 3 + 1 + 6
    assert queries.run_query_response_from_wire(parts) == answer


def test_people_who_move_travel_beside_the_table() -> None:
    count = RELEASE.noised[0]
    beside = tuple(replace(count, name=name, noise_sd_millionths=4 * count.noise_sd_millionths) for name in MOVED)
    answer = queries.Answer(replace(RELEASE, noised=(count, *beside)), "w1", True, BUDGET)
    assert queries.run_query_response_from_wire(list(queries.run_query_response_to_wire(answer))) == answer


@pytest.mark.parametrize("kept", [slice(1), slice(1, None), slice(0), slice(2), slice(3)])
def test_an_answer_that_came_in_part_is_told(kept: slice) -> None:
    parts = list(queries.run_query_response_to_wire(queries.Answer(RELEASE, "w1", True, BUDGET)))
    with pytest.raises(InputFault, match="whole"):
        queries.run_query_response_from_wire(parts[kept])


def test_what_this_version_does_not_know_in_a_table_is_told() -> None:
    parts = list(queries.run_query_response_to_wire(queries.Answer(RELEASE, "w1", True, BUDGET)))
    parts[1].block.cells[0].flags.append("X")
    with pytest.raises(InputFault, match="flags"):
        queries.run_query_response_from_wire(parts)
    del parts[1].block.cells[0].flags[2:]
    parts[0].answer.release.vectors[0].name = "none"
    with pytest.raises(InputFault, match="vector"):
        queries.run_query_response_from_wire(parts)
    parts[0].answer.release.vectors[0].name = "sum"
    parts[0].answer.release.mechanism = "none"
    with pytest.raises(InputFault, match="mechanism"):
        queries.run_query_response_from_wire(parts)


def test_previews_and_lists_come_back_the_same() -> None:
    wire = queries.preview_query_request_to_wire("{}", "w1")
    assert queries.preview_query_request_from_wire(wire) == ("{}", "w1")
    preview = queries.QueryPreview(
        "w1",
        2**40,
        5,
        (queries.vector_of(RELEASE.noised[0]), queries.vector_of(RELEASE.noised[1])),
        1,
        True,
        7,
        BUDGET,
        CELL_KEY,
    )
    assert queries.preview_query_response_from_wire(queries.preview_query_response_to_wire(preview)) == preview
    assert queries.run_query_request_from_wire(queries.run_query_request_to_wire(SIGNED)) == SIGNED
    listed = queries.list_releases_response_to_wire([(RELEASE, "w1")], BUDGET)
    summaries, budget = queries.list_releases_response_from_wire(listed)
    assert budget == BUDGET
    assert (summaries[0].release_id, summaries[0].wave, summaries[0].cell_count) == (RELEASE.release_id, "w1", 7)
    assert queries.list_releases_request_to_wire() == queries_pb2.ListReleasesRequest()
