"""An agency's files, read: every listed kind of bad input is found with file, row and field, and no value is shown."""

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage_core.errors import InputFault
from services.provider_agent.blocks import Block
from services.provider_agent.csv_blocks import LONGEST_LINE
from services.provider_agent.faults import DETAILED_FAULTS, Fault, FaultLog
from services.provider_agent.fingerprint import fingerprint, unchanged
from services.provider_agent.mapping import ColumnSource, FileSource
from services.provider_agent.reader import read_blocks

CANARY = "Xqzcanary"


def source(path: Path, **changes: Any) -> FileSource:
    columns = {"given_name": ColumnSource(column="given"), "family_name": ColumnSource(column="family")}
    return FileSource(**{"path": path, "local_id": "id", "columns": columns, **changes})


def read(path: Path, **changes: Any) -> tuple[list[Block], tuple[str, ...]]:
    faults = FaultLog()
    return list(read_blocks(source(path, **changes), faults)), faults.lines()


def csv_file(folder: Path, content: bytes | str) -> Path:
    path = folder / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_comes_in_blocks_with_row_numbers_from_one(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,given,family\n" + "".join(f"{n},a{n},b{n}\n" for n in range(25)))
    blocks = list(read_blocks(source(path), FaultLog(), block_rows=10))
    assert [len(block.numbers) for block in blocks] == [10, 10, 5]
    assert blocks[2].numbers == [21, 22, 23, 24, 25]
    assert blocks[2].columns["given"] == ["a20", "a21", "a22", "a23", "a24"]


def test_a_mark_of_utf8_at_the_beginning_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    blocks, faults = read(csv_file(tmp_path, b"\xef\xbb\xbfid,given,family\n1,\xc3\x85sa,Berg\n"))
    assert faults == ()
    assert blocks[0].columns == {"id": ["1"], "given": ["Åsa"], "family": ["Berg"]}


def test_a_declared_encoding_and_delimiter_are_used(tmp_path: Path) -> None:
    blocks, faults = read(
        csv_file(tmp_path, "id;given;family\n1;Łucja;Ž\n".encode("cp1250")), encoding="cp1250", delimiter=";"
    )
    assert faults == ()
    assert blocks[0].columns["given"] == ["Łucja"]


def test_quoted_fields_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    blocks, faults = read(csv_file(tmp_path, 'id,given,family\r\n1,"a,""b""\nc",d\r\n\r\n2,e,f\r\n'))
    assert faults == ()
    assert blocks[0].columns["given"] == ['a,"b"\nc', "e"]
    assert blocks[0].numbers == [1, 2]


@pytest.mark.parametrize(
    ("content", "changes", "expected"),
    [
        ("id,given\n1,a\n", {}, "people.csv, column family: the file has no such column among its 2"),
        ("id,given,family,family\n1,a,b,c\n", {}, "people.csv, column family: occurs 2 times in the header"),
        ("", {}, "people.csv: is empty; it needs a header line"),
        (f"id,given,family\n1,{CANARY}\n2,a,b\n", {}, "row 1: does not have the header's 3 fields"),
        (f"id,given,family\n1,a,b\n2,{CANARY},b,c\n", {}, "row 2: does not have the header's 3 fields"),
        (f'id,given,family\n1,a,b\n2,"{CANARY}"x,b\n', {}, "row 2: is not well-formed CSV"),
        (f'id,given,family\n1,a,b\n2,"{CANARY},b\n', {}, "row 2: is not well-formed CSV"),
        (b"id,given,family\n1,a,b\n2,Xqzcanary\xff,b\n", {}, "row 2, given: holds bytes that are not of the declared"),
        (b"\xff\xfei\x00d\x00", {}, "people.csv: begins with the mark of UTF-16"),
        (b"\xef\xbb\xbfid,given,family\n", {"encoding": "cp1252"}, "begins with the mark of UTF-8"),
        ("id,given,family\n1," + "a" * LONGEST_LINE + ",b\n", {}, "row 1: is longer than"),
        (b"no parquet", {"format": "parquet"}, "people.csv: is not a Parquet file"),
    ],
    ids=lambda value: None if isinstance(value, str | bytes) and len(value) > 60 else str(value)[:40],
)
def test_what_cannot_be_read_is_told_with_its_place_and_without_its_value(
    tmp_path: Path, content: bytes | str, changes: dict[str, Any], expected: str
) -> None:
    _, faults = read(csv_file(tmp_path, content), **changes)
    assert any(expected in fault for fault in faults), faults
    assert CANARY not in "".join(faults)


def test_mixed_encodings_name_each_field_and_the_offset_of_the_first_byte(tmp_path: Path) -> None:
    content = b"id,given,family\n1,\xc3\x85sa,b\n2,\xc5sa,b\n3,c,\xe9\n"
    _, faults = read(csv_file(tmp_path, content))
    assert len(faults) == 3
    assert f"offset {content.index(bytes([0xC5]) + b'sa')}" in faults[0]
    assert "row 2, given" in faults[1]
    assert "declared: utf-8" in faults[1]
    assert "row 3, family" in faults[2]


def test_rows_after_a_broken_one_are_still_read_and_counted_right(tmp_path: Path) -> None:
    blocks, faults = read(csv_file(tmp_path, 'id,given,family\n1,a\n2,"x"y,b\n3,c,d\n4,e\n'))
    assert len(faults) == 3
    assert blocks[0].numbers == [3]


def test_faults_beyond_the_cap_are_counted_by_field() -> None:
    faults = FaultLog()
    for row in range(1, DETAILED_FAULTS + 51):
        faults.add(Fault("people.csv", row, "given_name" if row % 2 else "family_name", "is empty"))
    assert len(faults) == DETAILED_FAULTS + 50
    assert faults.lines()[-2:] == (
        "people.csv, family_name: is empty: 25 more rows",
        "people.csv, given_name: is empty: 25 more rows",
    )
    with pytest.raises(InputFault, match="150 faults"):
        faults.refuse("the files cannot be used")


def test_parquet_gives_text_of_texts_integers_and_dates(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    columns = {
        "id": pa.array([7, None, 9], pa.int32()),
        "given": pa.array(["a", None, "c"]).dictionary_encode(),
        "family": pa.array([0, 1, None], pa.date32()),
    }
    pq.write_table(pa.table(columns), path)
    blocks, faults = read(path)
    assert faults == ()
    assert blocks[0].columns == {
        "id": ["7", "", "9"],
        "given": ["a", "", "c"],
        "family": ["1970-01-01", "1970-01-02", ""],
    }


def test_a_parquet_column_of_floats_is_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"id": [1.5], "given": ["a"], "family": ["b"]}), path)
    blocks, faults = read(path)
    assert blocks == []
    assert faults == ("people.parquet, column id: has type double; write it as text, an integer or a date",)


def test_undecodable_text_in_parquet_names_its_row(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    broken = pa.array([b"ok", b"Xqzcanary\xff"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": ["1", "2"], "given": broken, "family": ["a", "b"]}), path)
    _, faults = read(path)
    assert faults == ("people.parquet, row 2, given: holds bytes that are not UTF-8; write the file again",)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,given,family\n1,a,b\n")
    with pytest.raises(InputFault, match="changed while it was being read"), unchanged(path):
        path.write_text("id,given,family\n1,a,c\n")


def test_a_file_that_was_exchanged_after_its_check_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "id,given,family\n1,a,b\n")
    validated = fingerprint(path)
    path.write_text("id,given,family\n1,a,c\n")
    with pytest.raises(InputFault, match="changed while it was being read"), unchanged(path, validated):
        pytest.fail("the block must not begin")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=12)


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=20), st.sampled_from([",", ";", "\t"]))
def test_whatever_a_csv_writer_wrote_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    import csv

    path = tmp_path_factory.mktemp("csv") / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("id", "given", "family"), *rows])
    blocks, faults = read(path, delimiter=delimiter)
    assert faults == ()
    back = [row for block in blocks for row in zip(*(block.columns[n] for n in ("id", "given", "family")), strict=True)]
    assert back == rows


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"people-{rows}.{kind}"
        if kind == "csv":
            with path.open("w") as file:
                file.write("id,given,family\n")
                file.writelines(f"{n},given name {n},family name {n}\n" for n in range(rows))
        else:
            schema = pa.schema([("id", pa.string()), ("given", pa.string()), ("family", pa.string())])
            with pq.ParquetWriter(path, schema) as writer:
                for start in range(0, rows, 50_000):
                    part = [str(n) for n in range(start, min(start + 50_000, rows))]
                    writer.write_table(pa.table(dict.fromkeys(schema.names, part), schema=schema))
        tracemalloc.start()
        try:
            read_rows = sum(len(block.numbers) for block in read_blocks(source(path), FaultLog()))
            assert read_rows == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(30_000), peak(300_000)
    assert large < small * 1.2
