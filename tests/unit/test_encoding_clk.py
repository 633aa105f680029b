from typing import Any

import numpy as np
import pytest
from clkhash.clk import generate_clks

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import DATE_T, PEOPLE_LENGTH_BITS, febrl4_schema, people_schema
from linkage_core.encoding.agreeable import require_agreeable
from linkage_core.encoding.canary import canary_digest
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.encodable import compile_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedRecords, Fill
from linkage_core.encoding.reference import encode_reference
from linkage_core.encoding.run import Encoder
from linkage_core.errors import InputFault
from linkage_core.schema import ClkSpec
from linkage_core.standardise.canary import canary_records
from linkage_core.standardise.run import standardise
from linkage_core.types import ClkName

KEYS = LinkageKeys(Secret(b"S" * 32))
SCHEMA = people_schema()


def encoded(*people: tuple[str, str, str], keys: LinkageKeys = KEYS) -> EncodedRecords:
    given, family, birth = (list(column) for column in zip(*people, strict=True))
    records, _ = standardise(SCHEMA, {"given_name": given, "family_name": family, "birth_date": birth})
    with Encoder(SCHEMA, keys) as encoder:
        return encoder.encode(records)


def dice(encoding: EncodedRecords, name: str, a: int = 0, b: int = 1) -> float:
    bits = np.unpackbits(encoding.clks[ClkName(name)].bits, axis=1)
    return float(2 * (bits[a] & bits[b]).sum() / (bits[a].sum() + bits[b].sum()))


def test_bits_before_diffusion_are_those_of_clkhash_itself() -> None:
    records = canary_records(SCHEMA)
    for spec in SCHEMA.clks:
        columns = [records.values[feature] for feature in spec.features]
        secret = KEYS.clk(spec.name)
        peer = generate_clks(list(zip(*columns, strict=True)), compile_schema(spec), secret.reveal(), max_workers=1)
        assert encode_reference(spec, secret, columns).tobytes() == b"".join(bits.tobytes() for bits in peer)


def test_a_missing_value_sets_no_bit() -> None:
    for schema in (people_schema(), febrl4_schema()):
        for spec in schema.clks:
            empty = [[""] for _ in spec.features]
            assert not encode_reference(spec, KEYS.clk(spec.name), empty).any()
            for kept in range(len(spec.features)):
                alone = [["1987"] if column == kept else [""] for column in range(len(spec.features))]
                assert (
                    0
                    < np.bitwise_count(encode_reference(spec, KEYS.clk(spec.name), alone)).sum()
                    <= spec.length_bits * 0.24
                )


def test_two_records_that_lack_everything_share_nothing_and_are_marked_absent() -> None:
    encoding = encoded(("", "", ""), ("unknown", "N/A", "1900-01-01"))
    for clk in encoding.clks.values():
        assert not clk.present.any()
        assert not clk.bits.any()
        assert clk.fill == Fill(0, 0, PEOPLE_LENGTH_BITS)
    for key in encoding.match_keys.values():
        assert not key.present.any()


def test_a_code_of_one_quasi_identifier_alone_is_never_made() -> None:
    encoding = encoded(("", "Nowak", "1987-05-12"), ("Ana", "", "1987-05-12"), ("Ana", "Nowak", ""), ("", "", "1987"))
    present = {name: clk.present.tolist() for name, clk in encoding.clks.items()}
    assert present == {
        "given-date": [False, True, False, False],
        "family-date": [True, False, False, False],
        "all": [True, True, True, False],
        "names-year": [True, True, True, False],
        "names-day": [True, True, True, False],
    }
    for clk in encoding.clks.values():
        assert (clk.bits.any(axis=1) == clk.present).all()


@pytest.mark.parametrize(
    ("error", "intact"),
    [
        (("Nowak", "Ana", "1987-05-12"), ["names-year", "names-day"]),
        (("Ana", "Nowak", "1987-12-05"), ["all", "names-year", "names-day"]),
        (("Ana", "Kowalska", "1987-05-12"), ["given-date"]),
        (("Anja", "Nowak", "1987-05-12"), ["family-date"]),
        (("", "Nowak", "1987-05-12"), ["family-date"]),
        (("Ana", "Nowak", "1978-05-12"), ["names-day"]),
        (("Ana", "Nowak", "1987-05-19"), ["names-year"]),
        (("Ana", "Nowak", "1987"), ["names-year"]),
        (("ÁNA", "de  Nowak", "1987-05-12"), ["given-date", "family-date", "all", "names-year", "names-day"]),
    ],
)
def test_every_likely_error_leaves_a_clk_of_the_default_schema_intact(
    error: tuple[str, str, str], intact: list[str]
) -> None:
    encoding = encoded(("Ana", "Nowak", "1987-05-12"), error)
    assert [name for name in encoding.clks if dice(encoding, name) == 1.0] == intact


def test_unrelated_records_agree_in_half_of_the_bits() -> None:
    encoding = encoded(("Ana", "Nowak", "1987-05-12"), ("Giorgos", "Papadimitriou", "1960-11-28"))
    for name in encoding.clks:
        assert 0.43 < dice(encoding, name) < 0.57


def test_a_typing_error_stays_nearer_than_strangers() -> None:
    encoding = encoded(("Alexandra", "Nowakowska", "1987-05-12"), ("Alexandra", "Nowakovska", "1987-05-12"))
    assert dice(encoding, "family-date") > 0.65


def test_another_secret_gives_unrelated_bits_and_another_canary_digest() -> None:
    person = ("Ana", "Nowak", "1987-05-12")
    other = LinkageKeys(Secret(b"T" * 32))
    mine, theirs = encoded(person), encoded(person, keys=other)
    for name, clk in mine.clks.items():
        differing = int(np.bitwise_count(clk.bits ^ theirs.clks[name].bits).sum())
        assert 0.42 < differing / PEOPLE_LENGTH_BITS < 0.58
    assert canary_digest(KEYS, SCHEMA) != canary_digest(other, SCHEMA)


def test_the_canary_digest_tells_any_change_of_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    harder = SCHEMA.model_copy(
        update={"clks": (SCHEMA.clks[0].model_copy(update={"diffusion_t": DATE_T + 1}), *SCHEMA.clks[1:])}
    )
    digests = {canary_digest(KEYS, schema) for schema in (SCHEMA, harder, febrl4_schema())}
    assert len(digests) == 3


def test_chunks_are_independent_of_each_other() -> None:
    people = [("Ana", "Nowak", "1987-05-12"), ("Jo", "de la", "1990"), ("", "Ito", "2001-02-03")]
    whole = encoded(*people)
    parts = [encoded(person) for person in people]
    for name, clk in whole.clks.items():
        assert (clk.bits == np.vstack([part.clks[name].bits for part in parts])).all()
        assert clk.fill == sum((part.clks[name].fill for part in parts), Fill(0, 0, PEOPLE_LENGTH_BITS))


def spec_with(feature: dict[str, Any], config: dict[str, Any]) -> ClkSpec:
    base = SCHEMA.clks[0].clkhash
    first = {**base["features"][0], **feature}
    clkhash = {**base, "clkConfig": {**base["clkConfig"], **config}, "features": [first, *base["features"][1:]]}
    return ClkSpec(name="tried", clkhash=clkhash, diffusion_t=8, weight=1)


HASHING = SCHEMA.clks[0].clkhash["features"][0]["hashing"]


@pytest.mark.parametrize(
    ("feature", "config", "message"),
    [
        ({}, {"l": 192}, "power of two"),
        ({}, {"xorFolds": 1}, "xorFolds is not read"),
        ({}, {"xor_folds": 1}, "folding"),
        ({}, {"xor_folds": 7}, "before folding"),
        ({}, {"xor_folds": -1}, "whole number"),
        ({}, {"xor_folds": 1.0}, "whole number"),
        ({}, {"kdf": {"type": "HKDF", "info": "not base64"}}, "base64|padding"),
        ({}, {"kdf": {"type": "HKDF", "keySize": 65}}, "keySize"),
        ({"identifier": "date"}, {}, "twice"),
        ({"ignored": True}, {}, "ignored"),
        ({"format": {"type": "date", "format": "%Y"}}, {}, "plain string"),
        ({"format": {"type": "string", "pattern": ".*"}}, {}, "plain string"),
        ({"format": {"type": "string", "encoding": "utf-16"}}, {}, "ascii or utf-8"),
        ({"hashing": {**HASHING, "missingValue": {"sentinel": "", "replaceWith": "none"}}}, {}, "missingValue"),
        (
            {"hashing": {**HASHING, "comparison": {"type": "numeric", "thresholdDistance": 5, "resolution": 2}}},
            {},
            "numeric",
        ),
        ({"hashing": {**HASHING, "strategy": {"bitsPerFeature": 0}}}, {}, "not valid"),
        ({"hashing": {**HASHING, "strategy": {"bitsPerToken": 1 << 17}}}, {}, "at most 65536"),
        ({"hashing": {**HASHING, "comparison": {"type": "ngram", "n": 2.0}}}, {}, "n must be a whole number"),
    ],
)
def test_what_may_not_be_agreed_or_cannot_be_encoded_is_refused_before_a_key_is_used(
    feature: dict[str, Any], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputFault, match=message):
        require_agreeable([spec_with(feature, config)])


def test_every_fault_of_every_clk_is_told_at_once() -> None:
    first, second = spec_with({"ignored": True}, {"xor_folds": 1}), spec_with({"identifier": "date"}, {"l": 192})
    with pytest.raises(InputFault) as refused:
        Encoder(SCHEMA.model_copy(update={"clks": (first, second)}), KEYS)
    assert len(refused.value.faults) == 4
    assert all(fault.startswith("linkage.clks.tried: ") for fault in refused.value.faults)


@pytest.mark.parametrize(
    ("format_", "comparison"),
    [
        ({"type": "date", "format": "%Y%Y"}, {"type": "exact"}),
        ({"type": "date", "format": "%Q"}, {"type": "exact"}),
        ({"type": "string", "pattern": "("}, {"type": "exact"}),
        ({"type": "integer"}, {"type": "numeric", "thresholdDistance": 0.1, "resolution": 1}),
        (
            {"type": "integer"},
            {"type": "numeric", "thresholdDistance": 1e300, "resolution": 1, "fractional_precision": 99},
        ),
        ({"type": "integer"}, {"type": "numeric", "thresholdDistance": 1, "resolution": 2.0}),
    ],
)
def test_what_clkhash_would_stumble_over_in_the_middle_of_a_file_cannot_be_encoded(
    format_: dict[str, Any], comparison: dict[str, Any]
) -> None:
    with pytest.raises(InputFault, match="cannot be encoded"):
        compile_schema(spec_with({"format": format_, "hashing": {**HASHING, "comparison": comparison}}, {}))


def test_values_that_do_not_fit_are_counted_by_feature_and_never_shown() -> None:
    dates = {"format": {"type": "date", "format": "%Y-%m-%d"}, "hashing": {**HASHING, "comparison": {"type": "exact"}}}
    spec = spec_with(dates, {})
    columns = [["1987-05-12", "12 May", "1987-02-30", ""], ["1987", "é", "é", "12"]]
    with pytest.raises(InputFault) as refused:
        encode_reference(spec, KEYS.clk("tried"), columns)
    with pytest.raises(InputFault) as alike:
        ColumnEncoder([(spec, KEYS.clk("tried"))]).encode(dict(zip(spec.features, columns, strict=True)), 4)
    assert str(refused.value) == str(alike.value)
    assert refused.value.faults == ("CLK tried, feature given: 3 of 4 values", "CLK tried, feature date: 2 of 4 values")


def test_compiling_leaves_the_agreed_schema_as_it_is() -> None:
    spec = ClkSpec(
        name="bare",
        clkhash={
            "version": 3,
            "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}},
            "features": [
                {
                    "identifier": name,
                    "format": {"type": "string"},
                    "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerToken": 5}},
                }
                for name in ("given", "year")
            ],
        },
        diffusion_t=8,
        weight=1,
    )
    before = spec.model_dump_json()
    compile_schema(spec)
    assert spec.model_dump_json() == before


def test_no_record_gives_no_row() -> None:
    records, findings = standardise(SCHEMA, {"given_name": []})
    with Encoder(SCHEMA, KEYS) as encoder:
        encoding = encoder.encode(records)
    assert findings == ()
    assert {clk.bits.shape for clk in encoding.clks.values()} == {(0, PEOPLE_LENGTH_BITS // 8)}
    assert {key.values.shape for key in encoding.match_keys.values()} == {(0, 16)}
