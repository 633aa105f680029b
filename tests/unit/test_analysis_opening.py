"""Payload chunks become columns under synthetic keys, or one list of faults without a value in it."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage_core.agreement.payload import PayloadTable
from linkage_core.agreement.statistics import Statistics
from linkage_core.errors import Refused, Tampered
from linkage_core.tokens import TOKEN_BYTES
from services.analysis.opening import LAST_DAY, TableOpener
from services.wire.messages import PayloadChunk, PayloadColumn

STATISTICS = Statistics.model_validate_json(
    json.dumps(
        {
            "code_lists": [{"name": "sex", "codes": ["f", "m"]}],
            "dimensions": [
                {"name": "sex", "code_list": "sex", "sources": [{"provider": "tax", "table": "t", "column": "sex"}]}
            ],
            "residence": {"provider": "tax", "table": "t"},
        }
    )
)
TABLE = PayloadTable.model_validate_json(
    json.dumps(
        {
            "provider": "tax",
            "name": "t",
            "kind": "event",
            "time": "day",
            "rows_per_person": 2,
            "columns": [
                {"name": "day", "type": "date", "required": True},
                {"name": "sex", "type": "category", "code_list": "sex"},
                {"name": "band", "type": "integer", "minimum": -5, "maximum": 9},
            ],
        }
    )
)


def tokens_of(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(12, "big") + bytes(TOKEN_BYTES - 12) for number in numbers)


def open_tokens(tokens: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Persons with an even number are linked; a person's synthetic key repeats the number."""
    numbers = [tokens[start + 11] for start in range(0, len(tokens), TOKEN_BYTES)]
    quality = np.array([0 if number % 2 else 3 for number in numbers], dtype=np.uint8)
    return quality, np.array([[number] * 16 for number in numbers], dtype=np.uint8).reshape(-1, 16)


def opener(*, keep_class_0: bool = True) -> TableOpener:
    return TableOpener(TABLE, STATISTICS, open_tokens=open_tokens, batch_rows=10, keep_class_0=keep_class_0)


def column(name: str, kind: str, *values: int | None) -> PayloadColumn:
    return PayloadColumn(name, kind, bytes(v is not None for v in values), tuple(v or 0 for v in values))


def chunk(*numbers: int, **changes: PayloadColumn) -> PayloadChunk:
    columns = {
        "day": column("day", "dates", *[10] * len(numbers)),
        "sex": column("sex", "categories", *[1] * len(numbers)),
        "band": column("band", "integers", *[3] * len(numbers)),
    }
    return PayloadChunk("t", tokens_of(*numbers), tuple((columns | changes).values()))


def test_values_get_their_types_and_absent_ones_are_missing() -> None:
    rows = opener().open(
        chunk(
            0,
            2,
            day=column("day", "dates", 0, LAST_DAY),
            sex=column("sex", "categories", 1, None),
            band=column("band", "integers", -5, None),
        )
    )
    assert rows.to_pylist() == [
        {"synthetic_key": b"\0" * 16, "quality_class": 3, "day": date(1970, 1, 1), "sex": "m", "band": -5},
        {"synthetic_key": b"\2" * 16, "quality_class": 3, "day": date.max, "sex": None, "band": None},
    ]


def test_no_column_holds_a_token_or_pseudonym() -> None:
    assert opener().schema.names == ["synthetic_key", "quality_class", "day", "sex", "band"]


def test_rows_outside_the_agreed_join_are_dropped_and_still_received() -> None:
    table = opener(keep_class_0=False)
    assert [key[0] for key in table.open(chunk(0, 1, 2, 3)).column("synthetic_key").to_pylist()] == [0, 2]
    assert table.faults(4) == []


def test_whether_rows_are_dropped_changes_no_fault() -> None:
    bad = chunk(1, 1, 1, band=column("band", "integers", 99, 3, 3))
    answers = []
    for keep in (True, False):
        table = opener(keep_class_0=keep)
        table.open(bad)
        answers.append(table.faults(3))
    assert answers[0] == answers[1] != []


def test_an_unlisted_column_is_refused_with_the_clause_of_its_table() -> None:
    with pytest.raises(Refused) as refused:
        opener().open(chunk(0, name=column("name", "categories", 1)))
    assert refused.value.clause == "payload.tax.t"


FAULTS: list[tuple[str, Callable[[], PayloadChunk], str]] = [
    ("integer", lambda: chunk(0, band=column("band", "integers", 10)), "tax.t.band: a value lies outside -5 to 9"),
    ("below", lambda: chunk(0, band=column("band", "integers", -6)), "tax.t.band: a value lies outside -5 to 9"),
    ("code", lambda: chunk(0, sex=column("sex", "categories", 2)), "tax.t.sex: a value lies outside code list sex"),
    ("date", lambda: chunk(0, day=column("day", "dates", LAST_DAY + 1)), "tax.t.day: a value lies outside years 1"),
    ("required", lambda: chunk(0, day=column("day", "dates", None)), "tax.t.day: a required value is absent"),
    ("kind", lambda: chunk(0, day=column("day", "integers", 1)), "tax.t.day: values are integers, not dates"),
    (
        "absent",
        lambda: chunk(0, band=PayloadColumn("band", "integers", b"\0", (7,))),
        "tax.t.band: an absent value is not 0",
    ),
    (
        "missing",
        lambda: PayloadChunk("t", tokens_of(0), (column("day", "dates", 1), column("sex", "categories", 1))),
        "tax.t.band: the column is missing",
    ),
    (
        "twice",
        lambda: chunk(0, again=column("band", "integers", 1)),
        "tax.t: a column comes twice",
    ),
]


@pytest.mark.parametrize(("make", "sentence"), [(make, text) for _, make, text in FAULTS], ids=[f[0] for f in FAULTS])
def test_each_fault_of_a_value_is_told_by_place_and_count(make: Callable[[], PayloadChunk], sentence: str) -> None:
    table = opener()
    table.open(make())
    faults = table.faults(1)
    assert len(faults) == 1
    assert faults[0].startswith(sentence)
    assert faults[0].endswith(": 1 rows")


def test_faults_of_all_chunks_are_told_together() -> None:
    table = opener()
    table.open(chunk(0, band=column("band", "integers", 77)))
    table.open(chunk(1, 2, band=column("band", "integers", 78, 3), day=column("day", "dates", 1, None)))
    told = " ".join(table.faults(4))
    assert "band: a value lies outside -5 to 9 in: 2 rows" in told
    assert "day: a required value is absent in: 1 rows" in told
    assert "3 rows came, the manifest announced 4" in told
    assert "77" not in told
    assert "78" not in told


def test_rows_per_person_are_counted_over_all_chunks() -> None:
    table = opener()
    table.open(chunk(5, 5))
    table.open(chunk(5, 6))
    assert table.faults(4) == [
        "tax.t: 1 tokens have more rows than the agreement's rows_per_person, 2",
    ]


@pytest.mark.parametrize("number", [10, 2**40, 2**95])
def test_a_token_beyond_its_batch_is_tampered_with(number: int) -> None:
    with pytest.raises(Tampered):
        opener().open(chunk(number))


def test_a_chunk_without_rows_opens_to_none() -> None:
    table: Any = opener().open(chunk())
    assert len(table) == 0
