# ruff: noqa: S608 - identifiers come quoted from the signed agreement, every value is a bound parameter
"""From a question to one SQL statement that returns bounded numbers per cell.

The order of work on a person's rows is what makes the bound true: 1. the measure's own rule on the full history
(`sql_residence`, `sql_migration`, `sql_sources`); 2. conflicts between sources resolved to one value per dimension
(`sql_dimensions`); 3. distinct person-cells; 4. only then the bound, on their number and on what is in each; 5. sums
over persons. No step depends on the order of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from disclosure.bounding import (
    Block,
    BlockName,
    ContributionBound,
    TruncationKey,
    bins_of,
    blocks_of,
    counts_links,
    keyed_rank_sql,
)
from disclosure.cell_keys.record_keys import RecordKey, record_key_sql
from disclosure.grid import Grid, PairGrid
from disclosure.query.questions import (
    AtDates,
    ConflictsQuestion,
    DurationQuestion,
    EventsQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    LinksQuestion,
    OverlapQuestion,
    PersonsQuestion,
    QuantileQuestion,
    Question,
    VariableQuestion,
)
from disclosure.sql_bindings import Bindings, SqlValue
from disclosure.sql_dimensions import DimensionParts, dimension_parts
from disclosure.sql_migration import duration_parts, flow_parts, itineraries_parts, length_parts, stock_parts
from disclosure.sql_moved import PersonCells, moved_steps
from disclosure.sql_pairs import pair_steps
from disclosure.sql_parts import MeasureParts
from disclosure.sql_sources import conflicts_parts, links_parts, overlap_parts, seen_parts, variable_parts
from disclosure.terms import Terms
from disclosure.uncertainty.deciding import deciding_providers


@dataclass(frozen=True, slots=True)
class CompiledQuestion:
    """One DuckDB statement with named parameters; it returns rows (position, a number for each block), none for zeros.

    `relations` are the (provider, table) pairs that must be registered as `relation_name` says, with `synthetic_key`
    (BLOB of 16 bytes, never NULL), categories as VARCHAR, dates as DATE, integers and years as BIGINT.
    `parameters` hold padded secret keys: they are not shown by `repr`.
    """

    sql: str
    parameters: Mapping[str, SqlValue] = field(repr=False)
    relations: frozenset[tuple[str, str]]
    grid: Grid
    blocks: tuple[Block, ...]

    def vectors(self, rows: Mapping[int, Sequence[int]]) -> tuple[tuple[int, ...], ...]:
        """Return each block's numbers over the full grid, zeros included; raises `ValueError` for one outside it."""
        lengths = [self.grid.size * block.width for block in self.blocks]
        if any(not 0 <= position < max(lengths) or len(row) != len(self.blocks) for position, row in rows.items()):
            raise ValueError("a number lies outside the grid")
        vectors = [[0] * length for length in lengths]
        for position, row in rows.items():
            for vector, block, number in zip(vectors, self.blocks, row, strict=True):
                if number < 0 <= block.bound.low:
                    raise ValueError("a number is below what its block allows")
                vector[position] = number
        return tuple(map(tuple, vectors))


def compile_question(
    question: Question, terms: Terms, grid: Grid, key: TruncationKey, record_key: RecordKey | None = None
) -> CompiledQuestion:
    """Return the statement for a question that passed policy.

    With a `record_key`, a row has the sum of its persons' record keys behind its numbers, which is as secret as they.
    """
    bindings = Bindings()
    blocks = blocks_of(question, terms)
    measure = _measure_parts(question, terms, grid, bindings)
    dimensions = dimension_parts(question, terms, grid, bindings)
    if isinstance(grid, PairGrid):
        bounded = pair_steps(grid, dimensions)
    else:
        bounded = (
            _person_cell(blocks[0], dimensions),
            *_bounded(blocks[0].bound, grid, key, bindings),
            *_numbered(question, blocks[0], terms, bindings),
        )
    numbers = [_NUMBERS[block.name] for block in blocks]
    if record_key is not None:
        inner, outer = (f"{bindings.bind(pad)}::BLOB" for pad in record_key.pads())
        numbers.append(f"sum({record_key_sql(inner, outer, 'CAST(person AS BLOB)')})")
    last = "numbers"
    if counts_links(question):
        bounded += _moved(question, blocks[0], terms, grid, key, bindings)
        numbers[0], last = "CAST(sum(counted) AS BIGINT)", "counted_beside"
    return CompiledQuestion(
        f"WITH {', '.join((*measure.steps, *dimensions.steps, *bounded))} "
        f"SELECT position, {', '.join(numbers)} FROM {last} GROUP BY position",
        bindings.values,
        measure.relations | dimensions.relations,
        grid,
        blocks,
    )


_NUMBERS: Final[Mapping[BlockName, str]] = {
    "count": "count(*)",
    "histogram": "count(*)",
    "balance": "CAST(sum(amount) AS BIGINT)",
    "sum": "CAST(sum(amount) AS BIGINT)",
    "gained": "CAST(sum(gained) AS BIGINT)",
    "lost": "CAST(sum(lost) AS BIGINT)",
}


def _measure_parts(question: Question, terms: Terms, grid: Grid, bindings: Bindings) -> MeasureParts:
    match question:
        case AtDates():
            return stock_parts(question, terms, grid, bindings)
        case FlowQuestion():
            return flow_parts(question, terms, grid, bindings)
        case DurationQuestion():
            return duration_parts(question, terms, grid, bindings)
        case PersonsQuestion() | EventsQuestion():
            return seen_parts(question, terms, grid, bindings)
        case QuantileQuestion() if terms.statistics.variable(question.of) is None:
            return length_parts(question, terms, grid, bindings)
        case QuantileQuestion() | VariableQuestion():
            return variable_parts(question, terms, grid, bindings)
        case OverlapQuestion():
            return overlap_parts(question, terms, grid, bindings)
        case ConflictsQuestion():
            return conflicts_parts(question, terms, grid, bindings)
        case LinksQuestion():
            return links_parts(question, terms, grid, bindings)
        case ItinerariesQuestion():
            return itineraries_parts(question, terms, grid, bindings)


def _moved(
    question: Question, block: Block, terms: Terms, grid: Grid, key: TruncationKey, bindings: Bindings
) -> tuple[str, ...]:
    """Steps that end in `counted_beside`: the same measure again with either file silent."""

    def person_cells() -> PersonCells:
        measure = _measure_parts(question, terms, grid, bindings)
        dimensions = dimension_parts(question, terms, grid, bindings)
        steps = (*measure.steps, *dimensions.steps, _person_cell(block, dimensions))
        return PersonCells(steps, measure.relations | dimensions.relations)

    one, other = deciding_providers(question, terms)
    return moved_steps({silent: person_cells() for silent in (one, other)}, block.bound, grid, key, bindings)


def _person_cell(block: Block, dimensions: DimensionParts) -> str:
    """Step `person_cell (person, position, amount)`: one row per person and cell."""
    nonzero = "HAVING sum(o.amount) <> 0" if block.name == "balance" else ""
    return (
        f"person_cell AS (SELECT o.person, {' + '.join(('o.part', *dimensions.terms))} AS position, "
        f"sum(o.amount) AS amount FROM occurrence AS o {' '.join(dimensions.joins)} "
        f"GROUP BY o.person, position {nonzero})"
    )


def _bounded(bound: ContributionBound, grid: Grid, key: TruncationKey, bindings: Bindings) -> tuple[str, ...]:
    """Steps that end in `bounded (person, position, amount)`: of each person the cells that the keyed choice keeps."""
    if not bound.truncates:
        return ("bounded AS (SELECT person, position, amount FROM person_cell)",)
    inner, outer = (f"{bindings.bind(pad)}::BLOB" for pad in key.pads())
    periods, stride = bindings.bind(list(grid.axes[0].categories)), bindings.bind(grid.strides[0])
    label = f"({periods}::VARCHAR[])[position // {stride} + 1]"
    rank = keyed_rank_sql(inner, outer, "CAST(person AS BLOB)", label)
    most = bindings.bind(bound.cells)
    return (
        # Only the cells of persons with too many are ranked: hashes are dear, and all others keep all of theirs.
        f"crowded AS (SELECT person FROM person_cell GROUP BY person HAVING count(*) > {most})",
        "bounded AS (SELECT person, position, amount FROM person_cell ANTI JOIN crowded USING (person) UNION ALL "
        "(SELECT person, position, amount FROM person_cell SEMI JOIN crowded USING (person) QUALIFY row_number() OVER "
        f"(PARTITION BY person ORDER BY {rank}, position) <= {most}))",
    )


def _numbered(question: Question, block: Block, terms: Terms, bindings: Bindings) -> tuple[str, ...]:
    """Steps that end in `numbers (person, position, amount)`: amounts clamped, or positions spread over bins."""
    if block.name == "sum":
        low, high = bindings.bind(block.bound.low), bindings.bind(block.bound.high)
        clamped = f"least(greatest(amount, {low}), {high})"
        return (f"numbers AS (SELECT person, position, {clamped} AS amount FROM bounded)",)
    if isinstance(question, QuantileQuestion):
        lows = bins_of(question, terms)
        bins = bindings.bind(list(lows))
        return (
            f"bin AS (SELECT unnest({bins}::BIGINT[]) AS low, unnest(range(len({bins}::BIGINT[]))) AS place)",
            f"numbers AS (SELECT b.person, b.position * {bindings.bind(len(lows))} + bin.place AS position, "
            f"b.amount FROM bounded AS b ASOF JOIN bin ON greatest(b.amount, {bindings.bind(lows[0])}) >= bin.low)",
        )
    return ("numbers AS (SELECT person, position, amount FROM bounded)",)
