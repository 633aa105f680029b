"""Attacks on encodings, made as an attacker would: each must succeed on the weak form and fail on ours."""

import random

import numpy as np
import pytest

from linkage_core.assessment.attacks import known_pair_attack
from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.canary import canary_digest
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys, linkage_secret
from linkage_core.encoding.records import EncodedRecords
from linkage_core.encoding.reference import encode_reference
from linkage_core.encoding.run import Encoder
from linkage_core.schema import ClkSpec
from linkage_core.standardise.run import StandardisedRecords, standardise
from linkage_core.types import AgreementHash, Lineage, PartyName

PEOPLE = 1500
SCHEMA = people_schema()
KEYS = LinkageKeys(Secret(b"S" * 32))


def invented_name(rng: random.Random) -> str:
    syllables = ["ba", "ko", "mi", "ne", "ra", "su", "ti", "vo", "la", "den", "gor", "hal", "jin", "per", "zu", "wyn"]
    return "".join(rng.choices(syllables, k=rng.randint(2, 4)))


@pytest.fixture(scope="module")
def population() -> StandardisedRecords:
    rng = random.Random(20)
    given, family = ([invented_name(rng) for _ in range(300)] for _ in range(2))
    columns = {
        "given_name": rng.choices(given, k=PEOPLE),
        "family_name": rng.choices(family, k=PEOPLE),
        "birth_date": [
            f"{rng.randint(1930, 2015)}-{rng.randint(1, 12):02}-{rng.randint(2, 28):02}" for _ in range(PEOPLE)
        ],
    }
    records, _ = standardise(SCHEMA, columns)
    return records


def encoded_by(population: StandardisedRecords, keys: LinkageKeys) -> EncodedRecords:
    with Encoder(SCHEMA, keys) as encoder:
        return encoder.encode(population)


def of_one_field(spec: ClkSpec, feature: str) -> ClkSpec:
    """A CLK of one feature alone: what the linkage schema refuses, built here to be broken."""
    features = [f | {"hashing": f["hashing"] | {"strategy": {"bitsPerFeature": 310}}} for f in spec.clkhash["features"]]
    chosen = [f for f in features if f["identifier"] == feature]
    return spec.model_copy(update={"clkhash": {**spec.clkhash, "features": chosen}})


def test_known_pairs_break_an_undiffused_code_of_one_field(population: StandardisedRecords) -> None:
    family = population.values["family"]
    codes = encode_reference(of_one_field(SCHEMA.clks[1], "family"), KEYS.clk("family-birth"), [family])
    assert known_pair_attack(codes, family) > 0.9


def test_known_pairs_break_a_diffused_code_of_one_field_too(population: StandardisedRecords) -> None:
    """Diffusion cannot help where many people share one code: it is looked up, not decoded."""
    family = population.values["family"]
    plain = encode_reference(of_one_field(SCHEMA.clks[1], "family"), KEYS.clk("family-birth"), [family])
    codes = diffuse(plain, diffusion_indices(KEYS.diffusion("family-birth"), 1024, 8))
    assert known_pair_attack(codes, family) > 0.8


def test_known_pairs_break_a_composite_that_is_not_diffused(population: StandardisedRecords) -> None:
    spec = next(spec for spec in SCHEMA.clks if spec.name == "names-year")
    columns = [population.values[feature] for feature in spec.features]
    codes = encode_reference(spec, KEYS.clk(spec.name), columns)
    assert known_pair_attack(codes, [" ".join(parts) for parts in zip(*columns, strict=True)]) > 0.8


def test_known_pairs_do_not_break_the_default_composites(population: StandardisedRecords) -> None:
    encoded = encoded_by(population, KEYS)
    for spec, clk in zip(SCHEMA.clks, encoded.clks.values(), strict=True):
        columns = [population.values[feature] for feature in spec.features]
        clear = [" ".join(parts) for parts in zip(*columns, strict=True)]
        assert known_pair_attack(clk.bits, clear) < 0.05, spec.name


def test_a_dictionary_without_the_secret_finds_no_code(population: StandardisedRecords) -> None:
    real = encoded_by(population, KEYS)
    dictionary = encoded_by(population, LinkageKeys(Secret(b"guess".ljust(32))))
    for name, clk in real.clks.items():
        distance = np.bitwise_count(clk.bits ^ dictionary.clks[name].bits).sum(axis=1)
        assert distance.min() > 400
    for key_name, key in real.match_keys.items():
        held = {row.tobytes() for row in key.values[key.present]}
        assert held.isdisjoint({row.tobytes() for row in dictionary.match_keys[key_name].values})


def test_the_same_dictionary_with_the_secret_finds_every_code(population: StandardisedRecords) -> None:
    """The control: whoever has S reads everything, which is why the linkage unit must not."""
    again = encoded_by(population, LinkageKeys(Secret(b"S" * 32)))
    real = encoded_by(population, KEYS)
    assert all((clk.bits == again.clks[name].bits).all() for name, clk in real.clks.items())


def test_a_provider_with_one_wrong_share_is_told_apart_before_it_uploads() -> None:
    members = [PartyName("border"), PartyName("tax")]
    good = {members[0]: Secret(b"b" * 32), members[1]: Secret(b"t" * 32)}
    wrong = good | {members[1]: Secret(b"t" * 31 + b"u")}
    agreement = AgreementHash(b"a" * 32)
    mine, theirs = (
        LinkageKeys(linkage_secret(Lineage(b"l" * 16), 1, members, b"s" * 32, shares)) for shares in (good, wrong)
    )
    assert mine.key_check(agreement) != theirs.key_check(agreement)
    assert canary_digest(mine, SCHEMA) != canary_digest(theirs, SCHEMA)
