"""Bounds on what one person may contribute, derived per measure, and the keyed choice of what is kept.

The bound is the noise's licence: were a person able to contribute more than it says, an analyst would learn more about
that person than the ledger charges for. The choice of the cells kept is keyed and depends on nothing but the person and
the cell: never on the order of rows, and nobody without the key can foresee it.
"""

import hmac
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from disclosure.person_keys import PersonKey
from disclosure.query.questions import (
    AtDates,
    CountsLinks,
    DurationQuestion,
    EventsQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    OverPeriods,
    QuantileQuestion,
    Question,
    SyntheticQuestion,
    VariableQuestion,
)
from disclosure.query.rules import Window
from disclosure.terms import Terms

BlockName = Literal["count", "balance", "sum", "histogram", "gained", "lost"]
"""Persons per cell; persons with a sign; clamped amounts added up; persons per cell and bin; persons whom a cell would
gain, or lose, were their link missed."""

MOVED: Final[tuple[BlockName, BlockName]] = ("gained", "lost")
"""Blocks that stand beside a count for the model of linkage errors, and are no part of the table."""

MOVED_NOISE: Final = 4
"""How many times the table's noise people who move have: they count by the share of links that are missed."""


@dataclass(frozen=True, slots=True)
class ContributionBound:
    """At most `cells` cells of a block change when one synthetic key and all its rows are added or removed.

    Each of them changes by at least `low` and at most `high`, and `l2_squared` bounds the squared Euclidean length of
    the change: an exact integer, since every measure counts in integers. `truncates` tells whether persons with more
    cells exist in principle and lose some of them.
    """

    cells: int
    l2_squared: int
    truncates: bool
    low: int = 0
    high: int = 1

    @property
    def l2(self) -> float:
        """The L2 sensitivity, rounded upward."""
        return square_root_upward(self.l2_squared)


@dataclass(frozen=True, slots=True)
class Block:
    """One vector of a question that gets noise of its own: `width` numbers for each cell of the grid."""

    name: BlockName
    width: int
    bound: ContributionBound
    noise_factor: int = 1
    """How many times the noise of the first block it has."""


def square_root_upward(value: int) -> float:
    """Return the least double (or its neighbour) that is not below the square root of a non-negative integer."""
    root = math.sqrt(value)
    while Fraction(root) ** 2 < value:
        root = math.nextafter(root, math.inf)
    return root


def blocks_of(question: Question, terms: Terms) -> tuple[Block, ...]:
    """Return the vectors that a question measures, each with its bound; the question passed policy.

    *Stock*: a person is in at most one cell a date, *duration* and *itineraries*: in one a period; so the cells are as
    many as the dates or periods, and nothing is truncated. *Synthetic*: one cell of each pair of dimensions. *Overlap*,
    *conflicts*, *links*: one cell. All others have a public number of cells that truncates: a person is in at most one
    cell a period (`net`: in two where a dimension moves with time, as age does). Counts change by 1 a cell, `net` by 1
    either way, events and sums by what they are clamped to. A mean has two vectors, a quantile one with a number for
    each bin. Where links are counted too, two more tell whom each cell would gain and lose by a missed link: two halves
    and one person a date or period. By cell-key perturbation, which has no price, nothing is truncated: a person's
    cells must not depend on what else is asked, or the same cell would have another key.
    """
    measured = _measured(question, terms)
    if not counts_links(question):
        return measured
    bound = measured[0].bound
    two = ContributionBound(2 * bound.cells, 2 * bound.l2_squared, bound.truncates)
    gained, lost = MOVED
    return (*measured, Block(gained, 1, two, MOVED_NOISE), Block(lost, 1, bound, MOVED_NOISE))


def counts_links(question: Question) -> bool:
    """Tell whether people whom a missed link would move are counted beside the table."""
    return isinstance(question, CountsLinks) and question.count_links


def _measured(question: Question, terms: Terms) -> tuple[Block, ...]:
    match question:
        case SyntheticQuestion():
            return (_count(math.comb(len(question.dimensions), 2), truncates=False),)
        case AtDates():
            return (_count(len(question.dates), truncates=False),)
        case DurationQuestion() | ItinerariesQuestion():
            return (_count(len(question.periods), truncates=False),)
        case FlowQuestion(measure="net"):
            possible = len(question.periods) * (2 if _moves(question, terms) else 1)
            cells = _kept_cells(question, terms, possible)
            return (Block("balance", 1, ContributionBound(cells, cells, cells < possible, low=-1)),)
        case EventsQuestion():
            return (_clamped("sum", _periods(question, terms), 0, question.at_most),)
        case VariableQuestion():
            bound = _periods(question, terms)
            variable = terms.variable(question.of)
            total = _clamped("sum", bound, variable.minimum, variable.maximum)
            return (total,) if question.measure == "sum" else (total, Block("count", 1, bound))
        case QuantileQuestion():
            return (Block("histogram", len(bins_of(question, terms)), _periods(question, terms)),)
        case OverPeriods():
            return (Block("count", 1, _periods(question, terms)),)
        case _:
            return (_count(1, truncates=False),)


def bins_of(question: QuantileQuestion, terms: Terms) -> tuple[int, ...]:
    """Return the lowest values of the bins that a quantile is read from, rising; the last bin is open."""
    variable = terms.statistics.variable(question.of)
    return variable.bins if variable is not None else terms.dimension(question.of).bands


def _count(cells: int, *, truncates: bool) -> Block:
    return Block("count", 1, ContributionBound(cells, cells, truncates))


def _periods(question: OverPeriods, terms: Terms) -> ContributionBound:
    possible = len(question.periods)
    cells = _kept_cells(question, terms, possible)
    return ContributionBound(cells, cells, cells < possible)


def _kept_cells(question: OverPeriods, terms: Terms, possible: int) -> int:
    if question.by_cell_key:
        return possible
    agreed = terms.budget.flow_cells_per_person
    return min(agreed if question.cells_per_person is None else question.cells_per_person, agreed, possible)


def _clamped(name: BlockName, bound: ContributionBound, low: int, high: int) -> Block:
    largest = max(abs(low), abs(high))
    return Block(name, 1, ContributionBound(bound.cells, bound.cells * largest**2, bound.truncates, low, high))


def _moves(question: FlowQuestion, terms: Terms) -> bool:
    """Tell whether a person may be in different categories on two days of one period."""
    if isinstance(question.rule, Window):
        return True
    named = {*question.dimensions, *(item.dimension for item in question.where)}
    return any(terms.dimension(name).kind != "attribute" for name in named)


class TruncationKey(PersonKey):
    """The key of the choice of cells kept; a new version makes every question a new one."""


def keyed_rank(key: PersonKey, synthetic_key: bytes, label: str) -> str:
    """Return the rank of a person-cell: HMAC-SHA256(key, synthetic key ‖ label), hexadecimal. Lowest ranks are kept."""
    return hmac.digest(key.material, synthetic_key + label.encode(), "sha256").hex()


def keyed_rank_sql(inner: str, outer: str, synthetic_key: str, label: str) -> str:
    """Return the SQL twin of `keyed_rank` over four SQL expressions: two padded keys, a BLOB and a VARCHAR."""
    return f"sha256({outer} || unhex(sha256({inner} || {synthetic_key} || encode({label}))))"
