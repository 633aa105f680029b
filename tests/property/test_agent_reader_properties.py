"""CSV read by columns in batches gives the rows and the faults that reading it row by row gives, whatever it holds."""

import csv
import io
from collections.abc import Iterator
from typing import Final
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.provider_agent import csv_blocks as csv_module
from services.provider_agent.csv_blocks import UNDECODABLE
from services.provider_agent.faults import Fault, FaultLog
from services.provider_agent.mapping import ColumnSource, FileSource
from services.provider_agent.reader import read_blocks

LONGEST: Final = 60
PIECES = st.sampled_from(
    [
        b"a,b,c",
        b"a",
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b'""',
        b'"x\ny",',
        b"\xff",
        "é".encode(),
        b"\x85",
        b"\xe2\x80\xa8",
    ]
    + [b"1,2,3\n"] * 6
    + [b"x" * (LONGEST // 2)]
)
FILES = st.lists(PIECES, max_size=40).map(b"".join)


def row_by_row(source: FileSource) -> tuple[list[tuple[str, ...]], list[int], tuple[str, ...]]:
    """Rows, their numbers and the faults: the definition."""
    log, rows, numbers, number = FaultLog(), [], [], 0
    text = io.TextIOWrapper(source.path.open("rb"), encoding="utf-8-sig", errors="surrogateescape", newline="")

    def lines() -> Iterator[str]:
        while line := text.readline(LONGEST):
            if len(line) >= LONGEST:
                raise OverflowError
            yield line

    with text:
        reader = csv.reader(lines(), strict=True)
        next(reader)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error:
                number += 1
                log.add_unread(Fault("f.csv", number, "", "is not well-formed CSV (quotes); mend the row"))
                continue
            except OverflowError:
                long = f"is longer than {csv_module.LONGEST_LINE:,} characters; is it CSV?"
                log.add_unread(Fault("f.csv", number + 1, "", long))
                break
            if not row:
                continue
            number += 1
            if len(row) != 3:
                reason = "does not have the header's 3 fields; look for a stray delimiter or quote"
                log.add_unread(Fault("f.csv", number, "", reason, f"it has {len(row)}"))
                continue
            for name, value in zip(("id", "given"), row, strict=False):
                if any("\ud800" <= character <= "\udfff" for character in value):
                    log.add(Fault("f.csv", number, name, UNDECODABLE, "declared: utf-8"))
            numbers.append(number)
            rows.append(tuple("" if any("\ud800" <= c <= "\udfff" for c in v) else v for v in row[:2]))
    return rows, numbers, log.lines()


@given(FILES, st.sampled_from([1, 2, 7, 500]), st.sampled_from([3, 10]))
@example(b'1,2,3\n4,"5,6\n7,8,9\n', 500, 10)
@example(b"1,2,3\r", 500, 3)
@example(b"1,2,3\n" + b"x" * LONGEST + b"\n4,5,6\n", 500, 3)
@example(b"1,\xff,3\n4,5,\xff\n6,7\n\n8,9,10", 2, 10)
def test_columns_and_faults_are_those_of_reading_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, batch_rows: int, part_characters: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "f.csv"
    path.write_bytes(b"id,given,family\n" + content)
    columns = {"given_name": ColumnSource(column="given")}
    source = FileSource(path=path, local_id="id", columns=columns)
    log = FaultLog()
    with (
        mock.patch.object(csv_module, "LONGEST_LINE", LONGEST),
        mock.patch.object(csv_module, "_PART_CHARACTERS", part_characters),
        mock.patch.object(csv_module, "_BATCH_ROWS", batch_rows),
    ):
        blocks = list(read_blocks(source, log, block_rows=5))
    assert all(len(block.numbers) <= 5 for block in blocks)
    rows, numbers, faults = row_by_row(source)
    assert [number for block in blocks for number in block.numbers] == numbers
    assert [row for b in blocks for row in zip(b.columns["id"], b.columns["given"], strict=True)] == rows
    assert [line for line in log.lines() if "at offset" not in line] == list(faults)
