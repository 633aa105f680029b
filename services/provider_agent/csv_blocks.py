"""CSV in blocks of columns: Python's `csv` in strict mode decides what a row is, batches of rows become columns.

A table library would repair silently what must be refused here: it fills short rows up, and names no row for bytes that
cannot be decoded. Undecodable bytes are carried as lone surrogates (PEP 383) up to the field that holds them. A batch
without any fault becomes columns at once; one that has a fault is taken row by row.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from enum import Enum
from itertools import chain, islice
from operator import itemgetter
from typing import Any, BinaryIO, Final

from services.provider_agent.blocks import Block, has_columns
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import FileSource

LONGEST_LINE: Final = 1 << 20
"""Characters; a longer line is a broken quote or not a CSV file, and would be held in memory whole."""

UNDECODABLE: Final = "holds bytes that are not of the declared encoding; declare the right one, or convert the file"
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCAN_BYTES: Final = 1 << 20
_BATCH_ROWS: Final = 500
"""Rows that exist as rows at a time: few, so that Python's collector does not walk over them again and again."""

_PART_CHARACTERS: Final = 1 << 18
"""Characters read at a time: fewer than those of the longest line, so that only the first and the last line of a part
can be too long."""


def read_csv(source: FileSource, faults: FaultLog, block_rows: int) -> Iterator[Block]:
    """Yield the mapped columns of a CSV file, at most `block_rows` rows at a time; faults go to the log."""
    with source.path.open("rb") as file:
        if not _mark_fits(source, file, faults):
            return
        encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
        text = io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")
        rows = csv.reader(chain.from_iterable(_lines(text)), delimiter=source.delimiter, strict=True)
        places = _places_in_header(source, rows, faults)
        if places is None:
            return
        width, columns = places
        yield from _csv_blocks(source, rows, width, columns, faults, block_rows)


class _Unread(Enum):
    """What stands in a batch for a row that could not be read."""

    MALFORMED = "is not well-formed CSV (quotes); mend the row"
    TOO_LONG = f"is longer than {LONGEST_LINE:,} characters; is it CSV?"


_Row = list[str] | _Unread


def _csv_blocks(
    source: FileSource, rows: Any, width: int, columns: dict[str, int], faults: FaultLog, block_rows: int
) -> Iterator[Block]:
    number = 0
    undecodable = False
    block = Block([], {name: [] for name in columns})
    for batch in _batches(rows, min(block_rows, _BATCH_ROWS)):
        if len(block.numbers) + len(batch) > block_rows:
            yield block
            block = Block([], {name: [] for name in columns})
        if not _add_whole(block, batch, width, columns, number):
            undecodable |= _add_by_rows(block, source, batch, width, columns, number, faults)
        number += len(batch)
    if block.numbers:
        yield block
    if undecodable:
        offset = _first_undecodable_offset(source)
        faults.add(Fault(source.label, 0, "", UNDECODABLE, f"the first such byte is at offset {offset:,}"))


def _batches(rows: Any, batch_rows: int) -> Iterator[list[_Row]]:
    """Yield rows in batches, without empty ones; nothing is read on after a line that is too long."""
    ended = False
    while not ended:
        batch: list[_Row] = []
        while not ended and len(batch) < batch_rows:
            try:
                for row in islice(rows, batch_rows - len(batch)):
                    batch.append(row)  # noqa: PERF402 - what was read before an error is kept
                ended = len(batch) < batch_rows
            except csv.Error:
                batch.append(_Unread.MALFORMED)
            except _LineTooLong:
                batch.append(_Unread.TOO_LONG)
                ended = True
        yield [row for row in batch if row]


def _add_whole(block: Block, batch: list[_Row], width: int, columns: dict[str, int], before: int) -> bool:
    """Add a batch to a block column by column, if no row of it has any fault; tells whether it did."""
    lines = [row for row in batch if isinstance(row, list)]
    if len(lines) < len(batch) or any(fields != width for fields in set(map(len, lines))):
        return False
    read = {name: list(map(itemgetter(place), lines)) for name, place in columns.items()}
    if any(_is_undecodable("".join(column)) for column in read.values()):
        return False
    block.numbers.extend(range(before + 1, before + len(lines) + 1))
    for name, column in read.items():
        block.columns[name] += column
    return True


def _add_by_rows(
    block: Block,
    source: FileSource,
    batch: list[_Row],
    width: int,
    columns: dict[str, int],
    before: int,
    faults: FaultLog,
) -> bool:
    """Add what can be read of a batch, row by row; tells whether there were bytes that are not of the encoding."""
    undecodable = False
    for number, row in enumerate(batch, before + 1):
        if isinstance(row, _Unread):
            faults.add_unread(Fault(source.label, number, "", row.value))
            continue
        if len(row) != width:
            faults.add_unread(_ragged(source, number, len(row), width))
            continue
        block.numbers.append(number)
        for name, place in columns.items():
            value = row[place]
            if _is_undecodable(value):
                faults.add(Fault(source.label, number, name, UNDECODABLE, f"declared: {source.encoding}"))
                undecodable = True
                value = ""
            block.columns[name].append(value)
    return undecodable


class _LineTooLong(Exception):
    """A line is so long that it is not read on."""


def _lines(text: io.TextIOWrapper) -> Iterator[list[str]]:
    """Yield the lines of a file in lists, with their ends as they are; raises `_LineTooLong` after those before it."""
    rest = ""
    while part := text.read(_PART_CHARACTERS):
        lines = io.StringIO(rest + part, newline="").readlines()
        rest = lines.pop()  # it may go on, and a carriage return may be half of a line end
        if lines and len(lines[0]) >= LONGEST_LINE:
            raise _LineTooLong
        yield lines
        if len(rest) >= LONGEST_LINE:
            raise _LineTooLong
    if rest:
        yield [rest]


def _mark_fits(source: FileSource, file: BinaryIO, faults: FaultLog) -> bool:
    start = file.read(3)
    file.seek(0)
    if start[:2] in _UTF16_MARKS:
        faults.add_unread(Fault(source.label, 0, "", "begins with the mark of UTF-16; save it as UTF-8"))
        return False
    if start == codecs.BOM_UTF8 and source.encoding != "utf-8":
        reason = "begins with the mark of UTF-8; declare encoding utf-8 in the mapping"
        faults.add_unread(Fault(source.label, 0, "", reason, f"declared: {source.encoding}"))
        return False
    return True


def _places_in_header(source: FileSource, rows: Any, faults: FaultLog) -> tuple[int, dict[str, int]] | None:
    try:
        header = [name.strip() for name in next(rows)]
    except StopIteration:
        faults.add_unread(Fault(source.label, 0, "", "is empty; it needs a header line"))
        return None
    except (csv.Error, _LineTooLong):
        faults.add_unread(Fault(source.label, 0, "", "has a header line that is not well-formed CSV"))
        return None
    return (
        (len(header), {name: header.index(name) for name in source.file_columns})
        if has_columns(source, header, faults)
        else None
    )


def _ragged(source: FileSource, number: int, got: int, expected: int) -> Fault:
    reason = f"does not have the header's {expected} fields; look for a stray delimiter or quote"
    return Fault(source.label, number, "", reason, f"it has {got}")


def _is_undecodable(value: str) -> bool:
    if value.isascii():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate stands for the byte
        return True
    return False


def _first_undecodable_offset(source: FileSource) -> int:
    decoder = codecs.getincrementaldecoder(source.encoding)("strict")
    consumed = 0
    with source.path.open("rb") as file:
        while block := file.read(_SCAN_BYTES):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return consumed - pending + error.start
            consumed += len(block)
    return consumed
