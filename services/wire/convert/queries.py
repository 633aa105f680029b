"""Requests and answers of the analysis service's Queries (M8); apart from `analysis`, since agents know no releases.

Each call has four functions: `<call>_request_to_wire` and `<call>_response_from_wire` for the analyst,
`<call>_request_from_wire` and `<call>_response_to_wire` for the analysis service.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast, get_args

from pydantic import JsonValue

from disclosure.bounding import BlockName
from disclosure.table import Cell, Corrected, Covers, Flag, MechanismName, Noised, Release
from linkage_core.errors import InputFault
from services.wire import messages
from services.wire.convert.signed import signed_from_wire, signed_to_wire
from services.wire.v1 import queries_pb2

CELLS_PER_BLOCK: Final = 5_000
"""Cells in one message of an answer: about half a mebibyte with many long categories."""
NUMBERS_PER_BLOCK: Final = 50_000
"""Raw noisy numbers in one message of an answer."""


_NOT_WHOLE: Final = "the answer to a question did not come whole; asking again is free"


@dataclass(frozen=True, slots=True)
class BudgetBalance:
    """Caps of the privacy budget and what is left under each, in nano-rho; None where the agreement sets no such cap.

    In all, of the wave, of the analyst, of the project, of this calendar year. Caps include increases.
    """

    total: int
    total_left: int
    wave: int
    wave_left: int
    analyst: int
    analyst_left: int
    project: int | None = None
    project_left: int | None = None
    year: int | None = None
    year_left: int | None = None


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector that gets noise of its own, without its numbers; as `disclosure.table.Noised` has it."""

    name: str
    width: int
    noise_sd_millionths: int
    half_width: int
    cells_per_person: int
    l2_squared: int
    nano_rho: int


@dataclass(frozen=True, slots=True)
class QueryPreview:
    """What a question would cost and give, before it is asked. It touched no data."""

    wave: str
    nano_rho: int
    cell_count: int
    vectors: tuple[Vector, ...]
    tables_like_this_left: int
    already_released: bool
    free_half_width: int | None
    budget: BudgetBalance
    mechanism: MechanismName


@dataclass(frozen=True, slots=True)
class Answer:
    """A released table, from which wave, whether it was charged now, the budget after it, and its signed provenance.

    Tables of invented persons have no provenance.
    """

    release: Release
    wave: str
    charged: bool
    budget: BudgetBalance
    provenance: bytes = b""


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """A release without its cells: what was asked of which wave, at what price, with which noise."""

    release_id: str
    wave: str
    query: str
    released_at: str
    nano_rho: int
    half_width: int
    unit: str
    cell_count: int
    mechanism: str


def preview_query_request_to_wire(query: str, wave: str) -> queries_pb2.PreviewQueryRequest:
    """Write a question whose price is asked for; an empty wave means the latest complete one."""
    return queries_pb2.PreviewQueryRequest(query=query, wave=wave)


def preview_query_request_from_wire(wire: queries_pb2.PreviewQueryRequest) -> tuple[str, str]:
    """Read a question whose price is asked for, and the wave (empty: the latest complete one)."""
    return wire.query, wire.wave


def preview_query_response_to_wire(preview: QueryPreview) -> queries_pb2.PreviewQueryResponse:
    """Write price and precision of a question."""
    return queries_pb2.PreviewQueryResponse(
        wave=preview.wave,
        nano_rho=preview.nano_rho,
        cell_count=preview.cell_count,
        vectors=[_vector_to_wire(vector) for vector in preview.vectors],
        tables_like_this_left=preview.tables_like_this_left,
        already_released=preview.already_released,
        free_half_width=preview.free_half_width,
        budget=_budget_to_wire(preview.budget),
        mechanism=preview.mechanism,
    )


def preview_query_response_from_wire(wire: queries_pb2.PreviewQueryResponse) -> QueryPreview:
    """Read price and precision of a question."""
    return QueryPreview(
        wire.wave,
        wire.nano_rho,
        wire.cell_count,
        tuple(_vector_from_wire(vector) for vector in wire.vectors),
        wire.tables_like_this_left,
        wire.already_released,
        wire.free_half_width if wire.HasField("free_half_width") else None,
        _budget_from_wire(wire.budget),
        _mechanism(wire.mechanism),
    )


def run_query_request_to_wire(question: messages.SignedStatement) -> queries_pb2.RunQueryRequest:
    """Write a signed `Question`; its context names the wave, or none for the latest complete one."""
    return queries_pb2.RunQueryRequest(question=signed_to_wire(question))


def run_query_request_from_wire(wire: queries_pb2.RunQueryRequest) -> messages.SignedStatement:
    """Read the signed question of a request; nothing is verified yet."""
    return signed_from_wire(wire.question)


def run_query_response_to_wire(answer: Answer) -> Iterator[queries_pb2.RunQueryResponse]:
    """Write an answer as a stream: what is known of the table, then its cells in blocks, then its totals."""
    release = answer.release
    yield queries_pb2.RunQueryResponse(
        answer=queries_pb2.Answer(
            release=_release_to_wire(release, answer.wave),
            charged=answer.charged,
            budget=_budget_to_wire(answer.budget),
            provenance=answer.provenance,
        )
    )
    for start in range(0, len(release.cells), CELLS_PER_BLOCK):
        cells = release.cells[start : start + CELLS_PER_BLOCK]
        yield queries_pb2.RunQueryResponse(block=queries_pb2.CellBlock(cells=[_cell_to_wire(cell) for cell in cells]))
    for start in range(0, len(release.totals), CELLS_PER_BLOCK):
        totals = release.totals[start : start + CELLS_PER_BLOCK]
        yield queries_pb2.RunQueryResponse(block=queries_pb2.CellBlock(totals=[_cell_to_wire(cell) for cell in totals]))
    noisy = [number for vector in release.noised for number in vector.values]
    for start in range(0, len(noisy), NUMBERS_PER_BLOCK):
        numbers = noisy[start : start + NUMBERS_PER_BLOCK]
        yield queries_pb2.RunQueryResponse(block=queries_pb2.CellBlock(noisy=numbers))


def run_query_response_from_wire(parts: Iterable[queries_pb2.RunQueryResponse]) -> Answer:
    """Read an answer from its stream; raises `InputFault` if the table did not come whole."""
    head: queries_pb2.Answer | None = None
    cells: list[Cell] = []
    totals: list[Cell] = []
    noisy: list[int] = []
    for part in parts:
        if part.WhichOneof("part") == "answer":
            head = part.answer
        cells += [_cell_from_wire(cell) for cell in part.block.cells]
        totals += [_cell_from_wire(cell) for cell in part.block.totals]
        noisy += part.block.noisy
    if head is None:
        raise InputFault(_NOT_WHOLE)
    wire = head.release
    noised = _noised(wire.vectors, noisy)
    if len(cells) != wire.cell_count or len(totals) != wire.total_count:
        raise InputFault(_NOT_WHOLE)
    release = Release(
        release_id=wire.release_id,
        question=_json(wire.query, "the canonical words"),
        question_hash=wire.question_hash,
        agreement_hash=wire.agreement_hash,
        data_version=wire.data_version,
        released_at=wire.released_at,
        mechanism=_mechanism(wire.mechanism),
        nano_rho=wire.nano_rho,
        noised=noised,
        unit=wire.unit,
        decimals=wire.decimals,
        axes=tuple(wire.axes),
        cells=tuple(cells),
        totals_axes=tuple(wire.totals_axes),
        totals=tuple(totals),
        derived_from=wire.derived_from,
        covers=_covers(wire.covers),
        explanation=wire.explanation,
        declared_rates=_json(wire.declared_rates, "the declared rates") if wire.declared_rates else None,
    )
    return Answer(release, wire.wave, head.charged, _budget_from_wire(head.budget), head.provenance)


def get_release_request_to_wire(release_id: str) -> queries_pb2.GetReleaseRequest:
    """Write the request for a released table; it is answered as a question is."""
    return queries_pb2.GetReleaseRequest(release_id=release_id)


def get_release_request_from_wire(wire: queries_pb2.GetReleaseRequest) -> str:
    """Read which released table is wanted."""
    return wire.release_id


def list_releases_request_to_wire() -> queries_pb2.ListReleasesRequest:
    """Write the request for every release of the agreement's lineage."""
    return queries_pb2.ListReleasesRequest()


def list_releases_response_to_wire(
    releases: Iterable[tuple[Release, str]], budget: BudgetBalance
) -> queries_pb2.ListReleasesResponse:
    """Write releases, each with its wave, without their cells."""
    return queries_pb2.ListReleasesResponse(
        releases=[_release_to_wire(release, wave) for release, wave in releases], budget=_budget_to_wire(budget)
    )


def list_releases_response_from_wire(
    wire: queries_pb2.ListReleasesResponse,
) -> tuple[tuple[ReleaseSummary, ...], BudgetBalance]:
    """Read what was released so far, and the budget left to the caller."""
    summaries = tuple(
        ReleaseSummary(
            r.release_id,
            r.wave,
            r.query,
            r.released_at,
            r.nano_rho,
            r.vectors[0].half_width if r.vectors else 0,
            r.unit,
            r.cell_count,
            r.mechanism,
        )
        for r in wire.releases
    )
    return summaries, _budget_from_wire(wire.budget)


def _release_to_wire(release: Release, wave: str) -> queries_pb2.Release:
    return queries_pb2.Release(
        release_id=release.release_id,
        query=_text(release.question),
        question_hash=release.question_hash,
        agreement_hash=release.agreement_hash,
        data_version=release.data_version,
        released_at=release.released_at,
        mechanism=release.mechanism,
        nano_rho=release.nano_rho,
        vectors=[_vector_to_wire(vector_of(noised)) for noised in release.noised],
        unit=release.unit,
        decimals=release.decimals,
        axes=release.axes,
        cell_count=len(release.cells),
        wave=wave,
        totals_axes=release.totals_axes,
        total_count=len(release.totals),
        derived_from=release.derived_from,
        covers=release.covers,
        explanation=release.explanation,
        declared_rates="" if release.declared_rates is None else _text(release.declared_rates),
    )


def vector_of(noised: Noised) -> Vector:
    """Return what is known of a noisy vector besides its numbers."""
    return Vector(
        noised.name,
        noised.width,
        noised.noise_sd_millionths,
        noised.half_width,
        noised.bound_cells,
        noised.l2_squared,
        noised.nano_rho,
    )


def _noised(wires: Iterable[queries_pb2.Vector], noisy: list[int]) -> tuple[Noised, ...]:
    """Read the vectors of a table: its raw numbers are one sequence, shared out by the vectors' widths."""
    vectors = [_vector_from_wire(wire) for wire in wires]
    width = sum(vector.width for vector in vectors)
    cells, rest = divmod(len(noisy), width) if width else (0, len(noisy))
    if rest or not cells:
        raise InputFault(_NOT_WHOLE)
    noised, start = [], 0
    for vector in vectors:
        end = start + cells * vector.width
        noised.append(
            Noised(
                _name(vector.name),
                vector.width,
                vector.noise_sd_millionths,
                vector.half_width,
                vector.cells_per_person,
                vector.l2_squared,
                vector.nano_rho,
                tuple(noisy[start:end]),
            )
        )
        start = end
    return tuple(noised)


def _vector_to_wire(vector: Vector) -> queries_pb2.Vector:
    return queries_pb2.Vector(
        name=vector.name,
        width=vector.width,
        noise_sd_millionths=vector.noise_sd_millionths,
        half_width=vector.half_width,
        cells_per_person=vector.cells_per_person,
        l2_squared=str(vector.l2_squared),
        nano_rho=vector.nano_rho,
    )


def _vector_from_wire(wire: queries_pb2.Vector) -> Vector:
    if not wire.l2_squared.isdecimal():
        raise InputFault("the bound of a noisy vector is not a number")
    return Vector(
        wire.name,
        wire.width,
        wire.noise_sd_millionths,
        wire.half_width,
        wire.cells_per_person,
        int(wire.l2_squared),
        wire.nano_rho,
    )


def _name(name: str) -> BlockName:
    if name not in get_args(BlockName):
        raise InputFault("the table has a noisy vector of a kind that this version does not know")
    return cast(BlockName, name)


def _text(document: Mapping[str, JsonValue]) -> str:
    """Write a part of a release in the order that it has, so that its table is the same byte for byte at the reader."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _json(text: str, what: str) -> dict[str, JsonValue]:
    try:
        return cast(dict[str, JsonValue], json.loads(text))
    except ValueError:
        raise InputFault(f"{what} of a released table are not JSON") from None


def _covers(text: str) -> Covers:
    if text not in get_args(Covers):
        raise InputFault("the intervals of the table allow for something that this version does not know")
    return cast(Covers, text)


def _mechanism(name: str) -> MechanismName:
    if name not in get_args(MechanismName):
        raise InputFault("the table was made by a mechanism that this version does not know")
    return cast(MechanismName, name)


def _cell_to_wire(cell: Cell) -> queries_pb2.Cell:
    return queries_pb2.Cell(
        coordinates=cell.coordinates,
        value=cell.value,
        low=cell.low,
        high=cell.high,
        noise_sd_millionths=cell.noise_sd_millionths,
        flags=cell.flags,
        corrected=None if cell.corrected is None else _corrected_to_wire(cell.corrected),
    )


def _corrected_to_wire(corrected: Corrected) -> queries_pb2.Corrected:
    return queries_pb2.Corrected(value=corrected.value, low=corrected.low, high=corrected.high)


def _cell_from_wire(wire: queries_pb2.Cell) -> Cell:
    unknown = sorted(set(wire.flags) - set(get_args(Flag)))
    if unknown:
        raise InputFault(f"a cell has {len(unknown)} flags that this version does not know")
    return Cell(
        tuple(wire.coordinates),
        wire.value if wire.HasField("value") else None,
        wire.low if wire.HasField("low") else None,
        wire.high if wire.HasField("high") else None,
        wire.noise_sd_millionths,
        tuple(cast(Flag, flag) for flag in wire.flags),
        Corrected(wire.corrected.value, wire.corrected.low, wire.corrected.high)
        if wire.HasField("corrected")
        else None,
    )


def _budget_to_wire(budget: BudgetBalance) -> queries_pb2.BudgetBalance:
    return queries_pb2.BudgetBalance(
        total=budget.total,
        total_left=budget.total_left,
        wave=budget.wave,
        wave_left=budget.wave_left,
        analyst=budget.analyst,
        analyst_left=budget.analyst_left,
        project=budget.project,
        project_left=budget.project_left,
        year=budget.year,
        year_left=budget.year_left,
    )


def _budget_from_wire(wire: queries_pb2.BudgetBalance) -> BudgetBalance:
    return BudgetBalance(
        wire.total,
        wire.total_left,
        wire.wave,
        wire.wave_left,
        wire.analyst,
        wire.analyst_left,
        project=wire.project if wire.HasField("project") else None,
        project_left=wire.project_left if wire.HasField("project_left") else None,
        year=wire.year if wire.HasField("year") else None,
        year_left=wire.year_left if wire.HasField("year_left") else None,
    )
