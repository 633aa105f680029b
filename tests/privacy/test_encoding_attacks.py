"""Attacks on encodings, made as an attacker would: each must succeed on the weak form and fail on ours."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from linkage_core.assessment.attacks import attack_together
from linkage_core.assessment.known_pairs import AttackedClk, AttackResult, split_rows
from linkage_core.assessment.schema_attack import attacked_clks
from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.canary import canary_digest
from linkage_core.encoding.keys import LinkageKeys, linkage_secret
from linkage_core.encoding.records import EncodedRecords
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


def hardened_with(spec: ClkSpec, t: int) -> ClkSpec:
    return spec.model_copy(update={"diffusion_t": t})


def of_one_field(spec: ClkSpec, feature: str) -> ClkSpec:
    """A CLK of one feature alone: what the linkage schema refuses, built here to be broken."""
    features = [f | {"hashing": f["hashing"] | {"strategy": {"bitsPerFeature": 310}}} for f in spec.clkhash["features"]]
    chosen = [f for f in features if f["identifier"] == feature]
    return spec.model_copy(update={"name": feature, "clkhash": {**spec.clkhash, "features": chosen}})


def as_attacked(population: StandardisedRecords, clks: Sequence[ClkSpec]) -> list[AttackedClk]:
    imitating = [LinkageKeys(Secret(own * 32)) for own in (b"1", b"2")]
    return attacked_clks(clks, SCHEMA.variables, population, KEYS, imitating)


def attacked(population: StandardisedRecords, clks: Sequence[ClkSpec]) -> dict[str, AttackResult]:
    """What an attacker who sees all these CLKs of every row makes of them, by attack."""
    return attack_together(as_attacked(population, clks), split_rows(population.rows, np.random.default_rng(1)))


def test_the_control_every_attack_breaks_an_undiffused_schema(population: StandardisedRecords) -> None:
    results = attacked(population, [hardened_with(spec, 1) for spec in SCHEMA.clks])
    assert {name: round(result.share, 2) for name, result in results.items() if result.share < 0.95} == {}


def test_a_codebook_opens_one_clk_per_field_however_hard_it_is_diffused(population: StandardisedRecords) -> None:
    """Diffusion cannot help where many people share one code: it is looked up, not decoded."""
    fields = {feature: spec for spec in SCHEMA.clks for feature in spec.features if feature not in ("names", "place")}
    clks = [hardened_with(of_one_field(spec, feature), 12) for feature, spec in fields.items()]
    assert attacked(population, clks)["codebook"].share > 0.95


def test_known_pairs_break_a_single_composite_that_is_not_diffused(population: StandardisedRecords) -> None:
    results = attacked(population, [hardened_with(SCHEMA.clks[2], 1)])
    assert all(result.share > 0.8 for result in results.values())


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
