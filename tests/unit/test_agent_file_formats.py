"""The same people give the same encodings however their file is written: CSV in any dialect and encoding, Parquet."""

import csv
import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.run import Encoder
from linkage_core.types import LocalId
from services.provider_agent.faults import FaultLog
from services.provider_agent.identities import check_identities, read_identities
from services.provider_agent.mapping import FileSource, load_mapping

HEADER = ("number", "first name", "surname", "born")
PEOPLE = [
    (1, "Łucja", "Dvořáková", date(1987, 11, 3)),
    (2, "Željko", "Nagy; von Őrség", date(1962, 2, 28)),
    (3, "Anna Maria", "O'Neill", None),
    (4, "", 'Müller "Bär"', date(2001, 12, 31)),
]
MAPPING = """\
[identities]
path = "{path}"
{dialect}
local_id = "number"
[identities.columns]
given_name = "first name"
family_name = "surname"
birth_date = {{ column = "born", date_format = "{date_format}" }}
"""


def source(folder: Path, file: str, dialect: str, date_format: str) -> FileSource:
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING.format(path=file, dialect=dialect, date_format=date_format))
    return load_mapping(mapping).identities


def as_csv(folder: Path, encoding: str, delimiter: str, date_format: str, written: str) -> FileSource:
    with (folder / "people.csv").open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(HEADER)
        for number, given, family, born in PEOPLE:
            writer.writerow([number, given, family, born.strftime(written) if born else ""])
    return source(folder, "people.csv", f'encoding = "{encoding}"\ndelimiter = "{delimiter}"', date_format)


def plain_csv(folder: Path) -> FileSource:
    return as_csv(folder, "utf-8", ",", "YYYY-MM-DD", "%Y-%m-%d")


def central_european_csv(folder: Path) -> FileSource:
    return as_csv(folder, "cp1250", ";", "DD.MM.YYYY", "%d.%m.%Y")


def parquet(folder: Path) -> FileSource:
    number, given, family, born = zip(*PEOPLE, strict=True)
    table = pa.table(
        {
            "number": pa.array(number, pa.int64()),
            "first name": pa.array([name or None for name in given]),
            "surname": pa.array(family).dictionary_encode(),
            "born": pa.array(born, pa.date32()),
        }
    )
    pq.write_table(table, folder / "people.parquet")
    return source(folder, "people.parquet", "", "YYYY-MM-DD")


def encodings(file: FileSource) -> tuple[list[LocalId], list[bytes]]:
    """Validate a file as the agent does, and encode it under a fixed linkage secret."""
    schema, faults = people_schema(), FaultLog()
    key = Secret(hashlib.sha256(b"test key").digest())
    check_identities(file, schema, date(2026, 5, 1), key, faults, lambda _: None)
    faults.refuse("no fault is expected")
    [people] = read_identities(file, schema)
    with Encoder(schema, LinkageKeys(key)) as encoder:
        encoded = encoder.encode(people.records)
    return people.local_ids, [clk.bits.tobytes() + clk.present.tobytes() for clk in encoded.clks.values()] + [
        keys.values.tobytes() + keys.present.tobytes() for keys in encoded.match_keys.values()
    ]


@pytest.mark.parametrize("written", [central_european_csv, parquet])
def test_another_format_gives_the_same_encodings(written: Callable[[Path], FileSource], tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "other").mkdir()
    assert encodings(written(tmp_path / "other")) == encodings(plain_csv(tmp_path / "plain"))


def test_letters_read_in_the_wrong_encoding_would_give_others(tmp_path: Path) -> None:
    right = central_european_csv(tmp_path)
    wrong = right.model_copy(update={"encoding": "iso-8859-1"})
    assert encodings(wrong)[1] != encodings(right)[1]
