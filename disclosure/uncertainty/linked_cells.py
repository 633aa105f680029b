"""What linkage errors do to a table: a linear map on its cells.

A link joins two halves, the rows of one file and those of the other. Some cells count people *as linked*: those seen in
both of two sources; residents whose category another file fills in. Missing such a link takes one from that cell and
puts each half into a cell of its own, or outside the table; a false link does the reverse:

| table                                        | linked cell       | first half          | second half              |
|----------------------------------------------|-------------------|---------------------|--------------------------|
| overlap of two sources                       | both              | first only          | second only              |
| ... by a category that the first file knows  | both, category    | first only, category| second only, `unknown`   |
| residents by a category of another file      | category          | `unknown`           | outside                  |
| seen in one file, by a category of the other | category          | `unknown`           | outside                  |
| whatever else two files decide together      | (counted beside)  | the measure's cell  | outside                  |

So a missed link moves an overlap table by -1, +1, +1; it takes a resident's category away; and where a person's signs
of life lie in two files it makes a phantom person, and for flows a phantom immigrant or emigrant. For the last row two
vectors stand beside the table and are no part of it: linked people whom a cell would gain if their link were missed
(who would count twice; whose category the other file told), and those whom it would lose (who would fall short of the
score of signs; whose category the other file told). A match more takes one from a cell that would gain, and gives one
to a cell that would lose.

People are conserved: each map leaves the number of rows of the first file, and of the second, as they are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

OUTSIDE: Final = -1
"""The place of a half that the table does not count, and of a cell that is no part of any sum."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LinkedCells:
    """The cells that count people as linked, and where halves of missed links would be; int64, (linked,) each.

    `cell`: each once; `first`, `second`: places of halves, `OUTSIDE` for none; `group`: whose rates hold there;
    `whole`: the place that gains a person for each match more, `cell` itself unless people are counted beside.
    """

    cell: Places
    first: Places
    second: Places
    group: Places
    whole: Places

    def __len__(self) -> int:
        """The number of linked cells."""
        return len(self.cell)


def overlap_cells(categories: int, *, first_unknown: int | None, second_unknown: int | None) -> LinkedCells:
    """Return the map of an overlap table (both, first only, second only) x (categories).

    `first_unknown`: the category of somebody whom only the second file's rows tell of, where the first file alone knows
    the category; None where the second knows it too. `second_unknown` the other way round. Somebody seen in one file
    alone may have a category all the same, by a link to a row of the other file that was not seen.
    """
    every = np.arange(categories, dtype=np.int64)
    of_first = np.full(categories, second_unknown, np.int64) if second_unknown is not None else every
    of_second = np.full(categories, first_unknown, np.int64) if first_unknown is not None else every
    links = LinkedCells(every, categories + of_first, 2 * categories + of_second, every, every)
    for seen, unknown in ((1, second_unknown), (2, first_unknown)):
        if unknown is not None:
            told = np.delete(every, unknown)
            left = np.full(len(told), seen * categories + unknown, np.int64)
            outside = np.full(len(told), OUTSIDE, np.int64)
            links = joined(links, LinkedCells(seen * categories + told, left, outside, told, seen * categories + told))
    return links


def joined(one: LinkedCells, other: LinkedCells) -> LinkedCells:
    """Return two maps as one; no cell is in both."""
    return LinkedCells(
        np.concatenate([one.cell, other.cell]),
        np.concatenate([one.first, other.first]),
        np.concatenate([one.second, other.second]),
        np.concatenate([one.group, other.group]),
        np.concatenate([one.whole, other.whole]),
    )


def filled_cells(rows: int, categories: int, unknown: int) -> LinkedCells:
    """Return the map of a table (rows) x (categories) of one file's people whose category another file fills in."""
    known = np.delete(np.arange(categories, dtype=np.int64), unknown)
    cell = (categories * np.arange(rows, dtype=np.int64)[:, None] + known).ravel()
    first = np.repeat(categories * np.arange(rows, dtype=np.int64) + unknown, len(known))
    return LinkedCells(cell, first, np.full(len(cell), OUTSIDE, np.int64), np.tile(known, rows), cell)


def moved_cells(cells: int) -> LinkedCells:
    """Return the map of (the measure, gained, lost), each of so many cells: people who move are counted beside it."""
    measure = np.arange(cells, dtype=np.int64)
    outside = np.full(cells, OUTSIDE, np.int64)
    gained = LinkedCells(cells + measure, measure, outside, measure, outside)
    return joined(gained, LinkedCells(2 * cells + measure, outside, outside, measure, measure))
