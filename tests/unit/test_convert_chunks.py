"""Chunks of rows come back as they went; a chunk of another shape is refused by field, never by value."""

import pytest

from linkage_core.errors import InputFault
from services.wire.convert import chunks
from services.wire.messages import ClkColumn, EncodedChunk, MatchKeyColumn, PayloadChunk, PayloadColumn, TokenChunk
from services.wire.v1 import delivery_pb2

CLK_BYTES = {"names-year": 4, "names-day": 8}
MATCH_KEYS = {"names-date"}
CLASSES = {"family": 3}


def encoded(**changes: object) -> EncodedChunk:
    """Two encoded rows, with some columns changed."""
    columns: dict[str, object] = {
        "row_ids": b"r" * 32,
        "handles": b"h" * 32,
        "clks": {"names-year": ClkColumn(b"c" * 8, b"\x01\x01"), "names-day": ClkColumn(bytes(16), b"\x00\x01")},
        "match_keys": {"names-date": MatchKeyColumn(b"m" * 32, b"\x01\x00")},
        "frequency_classes": {"family": b"\x03\x00"},
    }
    return EncodedChunk(**(columns | changes))  # type: ignore[arg-type]  # columns of several types


def read(content: bytes) -> EncodedChunk:
    return chunks.encoded_chunk_from_bytes(
        content, clk_bytes=CLK_BYTES, match_keys=MATCH_KEYS, frequency_classes=CLASSES
    )


def faults_of(content: bytes) -> str:
    with pytest.raises(InputFault) as refusal:
        read(content)
    return str(refusal.value)


def test_encoded_rows_come_back_as_they_went() -> None:
    content = chunks.encoded_chunk_to_bytes(encoded())
    assert read(content) == encoded()


def test_one_chunk_has_one_spelling_so_that_its_digest_is_stable() -> None:
    assert chunks.encoded_chunk_to_bytes(encoded()) == chunks.encoded_chunk_to_bytes(encoded())


YEAR, DAY = ClkColumn(b"c" * 8, b"\x01\x01"), ClkColumn(bytes(16), b"\x00\x01")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"row_ids": b"r" * 31}, "row_ids"),
        ({"handles": b"h" * 16}, "handles"),
        ({"clks": {"names-year": YEAR}}, "clks"),
        ({"clks": {"names-year": YEAR, "names-day": DAY, "extra": DAY}}, "clks"),
        ({"clks": {"names-year": YEAR, "other": DAY}}, "clks"),
        ({"clks": {"names-year": ClkColumn(b"c" * 7, b"\x01\x01"), "names-day": DAY}}, "clks.names-year"),
        ({"clks": {"names-year": ClkColumn(b"c" * 8, b"\x01"), "names-day": DAY}}, "clks.names-year"),
        ({"clks": {"names-year": ClkColumn(b"c" * 8, b"\x01\x02"), "names-day": DAY}}, "clks.names-year"),
        ({"match_keys": {}}, "match_keys"),
        ({"match_keys": {"names-date": MatchKeyColumn(b"m" * 31, b"\x01\x00")}}, "match_keys.names-date"),
        ({"match_keys": {"names-date": MatchKeyColumn(b"m" * 32, b"\x01\x00\x01")}}, "match_keys.names-date"),
        ({"match_keys": {"names-date": MatchKeyColumn(b"m" * 32, b"\x01\xff")}}, "match_keys.names-date"),
        ({"frequency_classes": {}}, "frequency_classes"),
        ({"frequency_classes": {"family": b"\x01\x02", "given": b"\x01\x02"}}, "frequency_classes"),
        ({"frequency_classes": {"family": b"\x01"}}, "frequency_classes.family"),
        ({"frequency_classes": {"family": b"\x01\x04"}}, "frequency_classes.family: must be one byte a row, 0 to 3"),
    ],
)
def test_a_chunk_that_the_schema_does_not_give_is_refused_by_field(changes: dict[str, object], field: str) -> None:
    assert field in faults_of(chunks.encoded_chunk_to_bytes(encoded(**changes)))


def test_a_clk_of_another_length_is_told_with_the_length_that_the_schema_gives() -> None:
    longer = encoded(clks={"names-year": ClkColumn(b"c" * 16, b"\x01\x01"), "names-day": DAY})
    told = faults_of(chunks.encoded_chunk_to_bytes(longer))
    assert "clks.names-year: 16 bytes for 2 rows, expected 4 a row" in told
    assert "encode the file anew under the agreement in force" in told


def test_a_chunk_of_another_schema_is_told_by_what_it_lacks_and_not_by_its_own_names() -> None:
    other = encoded(clks={"names-year": YEAR, "canary": DAY})
    told = faults_of(chunks.encoded_chunk_to_bytes(other))
    assert "clks: 1 not in the schema, lacking ['names-day'], repeated none" in told
    assert "canary" not in told


def test_all_faults_of_a_chunk_are_told_together_without_its_content() -> None:
    bad = encoded(handles=b"canary", clks={"names-year": ClkColumn(b"canary", b""), "names-day": DAY}, match_keys={})
    told = faults_of(chunks.encoded_chunk_to_bytes(bad))
    assert all(f"- {field}" in told for field in ("handles", "clks.names-year", "match_keys"))
    assert "canary" not in told


def test_a_column_that_stands_there_twice_is_refused() -> None:
    twice = chunks.encoded_chunk_to_bytes(encoded(row_ids=b"", handles=b"", match_keys={}))
    assert "clks" in faults_of(chunks.encoded_chunk_to_bytes(encoded()) + twice)


@pytest.mark.parametrize("content", [b"\xff", b"\x0a\x7fshort"])
def test_what_is_no_chunk_is_refused(content: bytes) -> None:
    assert "malformed" in faults_of(content)
    with pytest.raises(InputFault, match="malformed"):
        chunks.token_chunk_from_bytes(content, token_bytes=47)
    with pytest.raises(InputFault, match="malformed"):
        chunks.payload_chunk_from_bytes(content, token_bytes=47)


def test_tokens_come_back_as_they_went() -> None:
    chunk = TokenChunk(b"r" * 32, b"t" * 94)
    assert chunks.token_chunk_from_bytes(chunks.token_chunk_to_bytes(chunk), token_bytes=47) == chunk


@pytest.mark.parametrize("tokens", [b"t" * 47, b"t" * 93, b"t" * 141, b""])
def test_a_chunk_without_one_token_a_row_is_refused(tokens: bytes) -> None:
    content = chunks.token_chunk_to_bytes(TokenChunk(b"r" * 32, tokens))
    with pytest.raises(InputFault, match="one token a row"):
        chunks.token_chunk_from_bytes(content, token_bytes=47)


PAYLOAD = PayloadChunk(
    "persons",
    b"t" * 94,
    (
        PayloadColumn("sex", "categories", b"\x01\x00", (1, 0)),
        PayloadColumn("band", "integers", b"\x01\x01", (-5, 2**40)),
        PayloadColumn("start", "dates", b"\x01\x01", (-20_000, 20_000)),
    ),
)


def test_payload_comes_back_as_it_went() -> None:
    content = chunks.payload_chunk_to_bytes(PAYLOAD)
    assert chunks.payload_chunk_from_bytes(content, token_bytes=47) == PAYLOAD


@pytest.mark.parametrize(
    "column",
    [
        PayloadColumn("sex", "categories", b"\x01\x00", (1,)),
        PayloadColumn("sex", "categories", b"\x01", (1, 0)),
        PayloadColumn("sex", "integers", b"\x01\x03", (1, 0)),
        PayloadColumn("sex", "dates", b"\x01\x00", (1, 0, 0)),
    ],
)
def test_a_payload_column_without_one_value_a_row_is_named(column: PayloadColumn) -> None:
    content = chunks.payload_chunk_to_bytes(PayloadChunk("persons", b"t" * 94, (column,)))
    with pytest.raises(InputFault, match="table persons lacks one value a row in\n  - sex"):
        chunks.payload_chunk_from_bytes(content, token_bytes=47)


def test_a_payload_column_without_values_is_named() -> None:
    bare = delivery_pb2.PayloadChunk(
        table="persons", tokens=b"t" * 47, columns=[delivery_pb2.PayloadColumnValues(name="sex", present=b"\x01")]
    )
    with pytest.raises(InputFault, match="sex"):
        chunks.payload_chunk_from_bytes(bare.SerializeToString(), token_bytes=47)


def test_no_chunk_shows_its_rows() -> None:
    shown = repr(encoded()) + repr(PAYLOAD) + repr(TokenChunk(b"r" * 32, b"t" * 94))
    for content in ("rrrr", "hhhh", "cccc", "mmmm", "tttt", "20000", str(2**40)):
        assert content not in shown
