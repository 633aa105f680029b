"""The gate before a signature: schemas that open are refused with the figure, each weakness made and seen to open."""

from collections.abc import Sequence
from typing import Any

import pytest

from linkage_core.assessment.gate import LIMITS, describe, require_closed
from linkage_core.assessment.known_pairs import AttackResult
from linkage_core.default_schema import febrl4_schema, people_schema
from linkage_core.errors import Refused
from linkage_core.schema import ClkSpec, FrequencyClasses, LinkageSchema
from services.cli.schema_gate import attack_schema

SCHEMA = people_schema()
FEWER_PEOPLE = 1500
"""Enough to open what is weak; fewer known pairs tell an attacker less."""


def with_clks(clks: Sequence[ClkSpec]) -> LinkageSchema:
    """The schema with other CLKs, unchecked: what its own rules refuse must be seen to open too."""
    return SCHEMA.model_copy(update={"clks": tuple(clks)})


def with_features(name: str, features: list[dict[str, Any]]) -> ClkSpec:
    spec = SCHEMA.clks[0]
    return spec.model_copy(update={"name": name, "clkhash": {**spec.clkhash, "features": features}})


def all_features() -> dict[str, dict[str, Any]]:
    return {feature["identifier"]: feature for spec in SCHEMA.clks for feature in spec.clkhash["features"]}


def setting_bits(feature: dict[str, Any], bits: int) -> dict[str, Any]:
    return feature | {"hashing": feature["hashing"] | {"strategy": {"bitsPerFeature": bits}}}


def weakened(schema: LinkageSchema, t: int | None = None, bits_in: int = 1) -> LinkageSchema:
    """The schema with another t, or with so many times fewer bits a feature."""
    clks = []
    for spec in schema.clks:
        features = [
            setting_bits(feature, feature["hashing"]["strategy"]["bitsPerFeature"] // bits_in)
            for feature in spec.clkhash["features"]
        ]
        clks.append(
            spec.model_copy(
                update={"diffusion_t": t or spec.diffusion_t, "clkhash": {**spec.clkhash, "features": features}}
            )
        )
    return schema.model_copy(update={"clks": tuple(clks)})


def refused_share(schema: LinkageSchema, attack: str) -> float:
    results = attack_schema(schema, FEWER_PEOPLE)
    with pytest.raises(Refused) as refused:
        require_closed(results)
    assert refused.value.clause == "linkage.clks"
    assert f"{attack} {results[attack].share:.1%}" in str(refused.value)
    assert results[attack].share > LIMITS[attack]
    return results[attack].share


def test_the_default_schema_for_people_passes() -> None:
    require_closed(attack_schema(SCHEMA))


def test_the_schema_for_febrl4_passes_for_people_who_stand_alone_and_is_refused_for_households() -> None:
    schema = febrl4_schema()
    require_closed(attack_schema(schema, FEWER_PEOPLE, households=False))
    with pytest.raises(Refused):
        require_closed(attack_schema(schema, FEWER_PEOPLE))


def test_a_clk_per_field_is_opened_by_a_codebook_and_refused() -> None:
    features = all_features()
    fields = [with_features(name, [setting_bits(features[name], 330)]) for name in ("given", "family", "date")]
    assert refused_share(with_clks(fields), "codebook") > 0.5, "all but those with a name or date that nobody known has"


def test_birth_dates_by_parts_beside_each_name_are_refused() -> None:
    """Who shares a given name and a year has a near code: four CLKs of this kind were once the default."""
    features = all_features()
    digits = {"type": "ngram", "n": 2, "positional": True}
    parts = []
    for name in ("year", "day"):
        part = setting_bits(features[name], 95)
        parts.append(part | {"hashing": part["hashing"] | {"comparison": digits}})
    clks = [with_features(f"{name}-birth", [setting_bits(features[name], 125), *parts]) for name in ("given", "family")]
    assert refused_share(with_clks([clk.model_copy(update={"diffusion_t": 8}) for clk in clks]), "expected codes") > 0.2


def test_the_default_without_diffusion_is_read_entirely() -> None:
    assert refused_share(weakened(SCHEMA, t=1), "ridge") > 0.95


def test_the_default_with_little_diffusion_is_refused() -> None:
    assert refused_share(weakened(SCHEMA, t=4), "codebook") > 0.05


def test_the_default_with_few_bits_set_is_refused() -> None:
    """A low fill takes the strength from every t: D = (1 - 2 fill)^(t - 1)."""
    assert refused_share(weakened(SCHEMA, bits_in=6), "expected codes") > 0.2


def test_what_a_signatory_reads_has_every_figure_and_its_bound() -> None:
    text = describe({"codebook": AttackResult(12, 2400), "ridge": AttackResult(0, 2400)})
    assert text == (
        "re-identified of invented people by an attacker who knows 40% of them: "
        "codebook 0.5% (at most 0.8%), ridge 0.0% (at most 0.1%)"
    )


def test_a_schema_is_attacked_once_a_process() -> None:
    assert attack_schema(people_schema(), 200) is attack_schema(people_schema(), 200)


def test_frequency_classes_of_many_forms_of_names_point_at_people_and_are_refused() -> None:
    """Each form has classes of its own; together they tell most people from all others whose codes are as near."""
    forms = ("family", "family-skeleton", "given", "root")
    classes = tuple(FrequencyClasses(variable=name, bounds_per_million=(1_000, 3_000, 9_000)) for name in forms)
    share = refused_share(SCHEMA.model_copy(update={"frequency_classes": classes}), "expected codes")
    assert share > 3 * attack_schema(SCHEMA)["expected codes"].share
    with pytest.raises(Refused, match="leave out frequency_classes"):
        require_closed({"expected codes": AttackResult(11, 100)})
