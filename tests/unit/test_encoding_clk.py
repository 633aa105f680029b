from typing import Any

import numpy as np
import pytest
from clkhash import bloomfilter
from clkhash.clk import generate_clks

from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import febrl4_schema, people_schema
from linkage_core.encoding.canary import canary_digest
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedRecords, Fill
from linkage_core.encoding.reference import compile_schema, encode_reference
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
                assert 0 < np.bitwise_count(encode_reference(spec, KEYS.clk(spec.name), alone)).sum() <= 240


def test_two_records_that_lack_everything_share_nothing_and_are_marked_absent() -> None:
    encoding = encoded(("", "", ""), ("unknown", "N/A", "1900-01-01"))
    for clk in encoding.clks.values():
        assert not clk.present.any()
        assert not clk.bits.any()
        assert clk.fill == Fill(0, 0, 1024)
    for key in encoding.match_keys.values():
        assert not key.present.any()


def test_a_code_of_one_quasi_identifier_alone_is_never_made() -> None:
    encoding = encoded(("", "Nowak", "1987-05-12"), ("Ana", "", "1987-05-12"), ("Ana", "Nowak", ""), ("", "", "1987"))
    present = {name: clk.present.tolist() for name, clk in encoding.clks.items()}
    assert present == {
        "given-birth": [False, True, False, False],
        "family-birth": [True, False, False, False],
        "names-year": [True, True, True, False],
        "names-day": [True, True, True, False],
    }
    for clk in encoding.clks.values():
        assert (clk.bits.any(axis=1) == clk.present).all()


@pytest.mark.parametrize(
    ("error", "intact"),
    [
        (("Nowak", "Ana", "1987-05-12"), ["names-year", "names-day"]),
        (("Ana", "Nowak", "1987-12-05"), ["given-birth", "family-birth", "names-year", "names-day"]),
        (("Ana", "Kowalska", "1987-05-12"), ["given-birth"]),
        (("Anja", "Nowak", "1987-05-12"), ["family-birth"]),
        (("", "Nowak", "1987-05-12"), ["family-birth"]),
        (("Ana", "Nowak", "1978-05-12"), ["names-day"]),
        (("Ana", "Nowak", "1987-05-19"), ["names-year"]),
        (("Ana", "Nowak", "1987"), ["names-year"]),
        (("ÁNA", "de  Nowak", "1987-05-12"), ["given-birth", "family-birth", "names-year", "names-day"]),
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
    assert dice(encoding, "family-birth") > 0.65


def test_another_secret_gives_unrelated_bits_and_another_canary_digest() -> None:
    person = ("Ana", "Nowak", "1987-05-12")
    other = LinkageKeys(Secret(b"T" * 32))
    mine, theirs = encoded(person), encoded(person, keys=other)
    for name, clk in mine.clks.items():
        agreeing = 1024 - int(np.bitwise_count(clk.bits ^ theirs.clks[name].bits).sum())
        assert 430 < agreeing < 594
    assert canary_digest(KEYS, SCHEMA) != canary_digest(other, SCHEMA)


def test_the_canary_digest_tells_any_change_of_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    harder = SCHEMA.model_copy(
        update={"clks": (SCHEMA.clks[0].model_copy(update={"diffusion_t": 9}), *SCHEMA.clks[1:])}
    )
    digests = {canary_digest(KEYS, schema) for schema in (SCHEMA, harder, febrl4_schema())}
    assert len(digests) == 3


def test_chunks_are_independent_of_each_other() -> None:
    people = [("Ana", "Nowak", "1987-05-12"), ("Jo", "de la", "1990"), ("", "Ito", "2001-02-03")]
    whole = encoded(*people)
    parts = [encoded(person) for person in people]
    for name, clk in whole.clks.items():
        assert (clk.bits == np.vstack([part.clks[name].bits for part in parts])).all()
        assert clk.fill == sum((part.clks[name].fill for part in parts), Fill(0, 0, 1024))


def test_no_name_stays_in_clkhash_caches_after_encoding() -> None:
    encoded(("Ana", "Nowak", "1987-05-12"))
    assert bloomfilter._blake_encode_ngrams.cache_info().currsize == 0
    assert bloomfilter.blake_hash_token.cache_info().currsize == 0


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
        ({}, {"xorFolds": 1}, "folding"),
        ({}, {"xor_folds": 1}, "folding"),
        ({}, {"kdf": {"type": "HKDF", "keySize": 65}}, "keySize"),
        ({"identifier": "year"}, {}, "twice"),
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
    ],
)
def test_what_clkhash_encodes_wrongly_or_not_at_all_is_refused_before_a_key_is_used(
    feature: dict[str, Any], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputFault, match=message):
        compile_schema(spec_with(feature, config))


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
    assert {clk.bits.shape for clk in encoding.clks.values()} == {(0, 128)}
    assert {key.values.shape for key in encoding.match_keys.values()} == {(0, 16)}
