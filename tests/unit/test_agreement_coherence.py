"""Each rule of coherence has a document that breaks exactly it; separation of roles is attacked."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkage_core.agreement.document import Agreement
from linkage_core.errors import InputFault
from tests.support.documents import invented_keys, parsed, small_document

Document = dict[str, Any]
LINKAGE_UNIT, ANALYSIS, REGISTER, BORDER, TAX = range(5)


def at(*path: str | int, value: object) -> Callable[[Document], None]:
    """A change of one clause."""

    def change(document: Document) -> None:
        inside: Any = document
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = value

    return change


def without_providers(document: Document) -> None:
    """One provider is left, and a second analysis service keeps the number of parties."""
    del document["parties"][TAX], document["parties"][BORDER]
    document["parties"].append(document["parties"][REGISTER] | _identity("second", "provider"))
    document["parties"][-1] |= {"role": "analysis-service", "wrap_key": None} | _identity("second", "analysis-service")
    del document["payload"][2:]
    document["statistics"]["sources"] = []


def _identity(name: str, role: str) -> Document:
    from services.common.identity import Role

    public = invented_keys(name, Role(role)).public
    return {"name": name, "spiffe_id": public.spiffe_id, "identity_key": public.identity_key.hex()}


def incremental(wave: int = 1, *, until: str = "2027-01-01", corrects: str | None = None) -> Callable[[Document], None]:
    """One wave adds to the registry, whose encodings are kept until a day."""

    def change(document: Document) -> None:
        document["waves"][wave] |= {"kind": "incremental", "corrects": corrects}
        document["retention"]["registry_encodings_until"] = until

    return change


def same_name(document: Document) -> None:
    """Two providers under one name and one transport identity."""
    document["parties"][TAX] |= {
        "name": "border",
        "spiffe_id": document["parties"][BORDER]["spiffe_id"],
    }
    del document["payload"][3]
    del document["statistics"]["sources"][1]


def spine_with_duplicates(document: Document) -> None:
    """The register is the spine, and may hold a person twice."""
    document["matching"] |= {"spine": "register", "sources_with_duplicates": ["register"]}


RULES: list[tuple[str, Callable[[Document], None], list[str]]] = [
    ("version 1 supersedes nothing", at("supersedes", value="00" * 32), ["supersedes"]),
    ("a later version names the one before", at("version", value=2), ["supersedes"]),
    (
        "one analysis service and two providers",
        without_providers,
        ["parties: exactly one analysis-service", "parties: at least two providers"],
    ),
    (
        "names and transport identities are unique",
        same_name,
        ["parties: two parties share one name", "parties: two parties share one spiffe_id"],
    ),
    (
        "identity keys are unique",
        lambda d: at("parties", TAX, "identity_key", value=d["parties"][BORDER]["identity_key"])(d),
        ["parties: two parties share one identity_key"],
    ),
    (
        "a transport identity names its party",
        at("parties", TAX, "spiffe_id", value="spiffe://test.example/agreement/small/provider/other"),
        ["parties.tax.spiffe_id"],
    ),
    (
        "a transport identity names its role",
        at("parties", TAX, "spiffe_id", value="spiffe://test.example/agreement/small/analyst/tax"),
        ["parties.tax.spiffe_id"],
    ),
    (
        "a transport identity is of this agreement",
        at("parties", TAX, "spiffe_id", value="spiffe://test.example/agreement/large/provider/tax"),
        ["parties.tax.spiffe_id"],
    ),
    (
        "a provider does not run the linkage unit",
        at("parties", TAX, "legal_entity", value="Office of linkage"),
        ["parties.tax.legal_entity"],
    ),
    (
        "one entity runs both services only with a clause",
        at("parties", ANALYSIS, "legal_entity", value="Office of linkage"),
        ["same_entity"],
    ),
    ("fill bounds are in order", at("hardening", "lowest_fill_per_mille", value=500), ["hardening: lowest_fill"]),
    (
        "every CLK is diffused enough",
        at("linkage", "clks", 1, "diffusion_t", value=7),
        ["linkage.clks.names-day.diffusion_t: 7 is below"],
    ),
    (
        "every CLK is long enough",
        at("hardening", "minimum_length_bits", value=512),
        ["linkage.clks.names-year: 256 bits", "linkage.clks.names-day: 256 bits"],
    ),
    ("passes are match keys", at("matching", "passes", value=["none"]), ["matching.passes: no match key none"]),
    (
        "sources with duplicates are providers",
        at("matching", "sources_with_duplicates", value=["linkage"]),
        ["matching.sources_with_duplicates: no provider linkage"],
    ),
    ("the spine is a provider", at("matching", "spine", value="linkage"), ["matching.spine: no provider linkage"]),
    (
        "the spine holds each person once",
        spine_with_duplicates,
        ["matching.spine: register is in sources_with_duplicates"],
    ),
    ("volume bounds are in order", at("volume", "minimum_rows", value=200_000), ["volume: minimum_rows"]),
    ("wave names are unique", at("waves", 1, "name", value="w1"), ["waves: two waves share one name"]),
    (
        "incremental waves need sealed encodings of the registry",
        at("waves", 1, "kind", value="incremental"),
        ["retention.registry_encodings_until: incremental waves (w2) need it"],
    ),
    (
        "nothing is kept for complete waves",
        at("retention", "registry_encodings_until", value="2027-01-01"),
        ["retention.registry_encodings_until: no wave is incremental"],
    ),
    (
        "a registry's encodings end with the agreement",
        incremental(until="2099-01-01"),
        ["retention.registry_encodings_until: is after validity.valid_until"],
    ),
    (
        "an incremental wave comes while there are encodings to compare with",
        incremental(until="2026-11-30"),
        ["waves.w2.kind: the registry's encodings are gone before its tokens are due"],
    ),
    (
        "the first wave is complete",
        incremental(0),
        ["waves.w1.kind: there is no registry before the first wave"],
    ),
    (
        "a complete wave corrects nothing in particular",
        at("waves", 1, "corrects", value="w1"),
        ["waves.w2.corrects: a complete wave replaces"],
    ),
    (
        "a wave corrects an earlier one",
        incremental(corrects="w2"),
        ["waves.w2.corrects: no earlier wave w2"],
    ),
    (
        "times have a zone",
        at("waves", 0, "tokens_not_before", value="2026-06-01T00:00:00"),
        ["waves.w1.tokens_not_before: needs a time zone"],
    ),
    ("validity is in order", at("validity", "valid_from", value="2036-01-01"), ["validity: valid_from is after"]),
    ("the period is in order", at("period", "start", value="2026-01-01"), ["period: start is after end"]),
    (
        "payload comes from providers",
        at("payload", 3, "provider", value="linkage"),
        ["payload.linkage.activity: no provider linkage", "statistics.sources.tax: must name"],
    ),
    (
        "payload tables are unique",
        lambda d: d["payload"].append(d["payload"][3]),
        ["payload.tax.activity: listed twice"],
    ),
    (
        "payload columns are unique",
        lambda d: d["payload"][0]["columns"].append(d["payload"][0]["columns"][0]),
        ["payload.register.persons.columns: sex occurs twice"],
    ),
    (
        "categories have a code list",
        at("payload", 2, "columns", 1, "code_list", value="none"),
        ["payload.border.crossings.direction: no code list none"],
    ),
    (
        "residence is a spell table",
        at("statistics", "residence", "table", value="persons"),
        ["statistics.residence: must name a spell table"],
    ),
    (
        "sources are event or spell tables",
        at("statistics", "sources", 0, "table", value={"provider": "register", "table": "persons"}),
        ["statistics.sources.border: must name an event or spell table"],
    ),
    (
        "dimensions have a code list",
        at("statistics", "dimensions", 0, "code_list", value="none"),
        ["statistics.dimensions.sex: no code list none"],
    ),
    (
        "dimensions come from person categories",
        at(
            "statistics",
            "dimensions",
            0,
            "sources",
            value=[{"provider": "border", "table": "crossings", "column": "direction"}],
        ),
        ["statistics.dimensions.sex: border.crossings.direction is no person category"],
    ),
    (
        "dimensions come from columns that there are",
        at("statistics", "dimensions", 0, "sources", 0, "column", value="none"),
        ["statistics.dimensions.sex: register.persons.none is no person category"],
    ),
    (
        "code lists are unique",
        lambda d: d["statistics"]["code_lists"].append({"name": "sex", "codes": ["x"]}),
        ["statistics.code_lists: sex occurs twice"],
    ),
    (
        "dimensions are unique",
        lambda d: d["statistics"]["dimensions"].append(d["statistics"]["dimensions"][0]),
        ["statistics.dimensions: sex occurs twice"],
    ),
    (
        "a dimension has the code list of its columns",
        lambda d: (
            d["statistics"]["code_lists"].append({"name": "other", "codes": ["x"]}),
            at("statistics", "dimensions", 0, "code_list", value="other")(d),
        )[1],
        ["statistics.dimensions.sex: register.persons.sex has the code list sex, the dimension other"],
    ),
    (
        "dimensions leave the measures' own axes alone",
        at("statistics", "dimensions", 0, "name", value="year"),
        ["statistics.dimensions.year: measures bring an axis of this name"],
    ),
    (
        "payload leaves the store's own columns alone",
        lambda d: d["payload"][0]["columns"].append(
            {"name": "synthetic_key", "type": "integer", "minimum": 0, "maximum": 1}
        ),
        ["payload.register.persons.synthetic_key: this name is the store's own"],
    ),
    (
        "sources are unique",
        lambda d: d["statistics"]["sources"].append(d["statistics"]["sources"][0]),
        ["statistics.sources: border occurs twice"],
    ),
    (
        "parts of the budget are within the whole",
        at("budget", "total_nano_rho", value=100_000_000),
        ["budget.per_wave_nano_rho: is above", "budget.per_analyst_nano_rho: is above"],
    ),
    (
        "a release is within the whole budget",
        at("budget", "per_release_nano_rho", value=1_000_000_001),
        ["budget.per_release_nano_rho: is above"],
    ),
]


def contradictions(document: Document) -> list[str]:
    """The sentences of a refusal that lists contradictions, and nothing else."""
    with pytest.raises(InputFault) as refusal:
        parsed(document)
    [told] = refusal.value.faults
    assert told.startswith("agreement: Value error, ")
    return told.removeprefix("agreement: Value error, ").split("; ")


def test_the_small_agreement_contradicts_nothing() -> None:
    assert isinstance(parsed(small_document()), Agreement)


@pytest.mark.parametrize(("change", "expected"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_a_broken_rule_is_told_and_no_other(change: Callable[[Document], None], expected: list[str]) -> None:
    document = small_document()
    change(document)
    told = "; ".join(contradictions(document))
    positions = [told.find(sentence) for sentence in expected]
    assert -1 not in positions, told
    assert len([part for part in told.split("; ") if not part.startswith("a clause must say")]) == len(expected), told


def test_contradictions_are_told_together() -> None:
    document = small_document(version=2)
    document["volume"]["minimum_rows"] = 200_000
    document["period"]["start"] = "2026-01-01"
    assert len(contradictions(document)) == 3


@pytest.mark.parametrize(
    "spelling",
    ["Office of linkage", "office of linkage", "OFFICE  OF\tLINKAGE", " Office of linkage ", "Oﬃce of linkage"],
)
@pytest.mark.parametrize("provider", [REGISTER, BORDER, TAX])
def test_no_spelling_of_one_entity_makes_it_provider_and_linkage_unit(provider: int, spelling: str) -> None:
    document = small_document()
    document["parties"][provider]["legal_entity"] = spelling
    [told] = contradictions(document)
    assert "one entity may not be a provider and the linkage unit" in told


def test_the_clause_for_one_entity_does_not_let_a_provider_be_the_linkage_unit() -> None:
    clause = {"what_remains_visible": "payload tied to encodings, and links", "separate_administrators": True}
    document = small_document(same_entity=clause)
    for party in (LINKAGE_UNIT, ANALYSIS, TAX):
        document["parties"][party]["legal_entity"] = "One office"
    [told] = contradictions(document)
    assert told.startswith("parties.tax.legal_entity")


def test_one_entity_may_run_both_services_with_the_clause_that_says_what_remains_visible() -> None:
    clause = {"what_remains_visible": "payload tied to encodings, and links", "separate_administrators": True}
    document = small_document(same_entity=clause)
    document["parties"][ANALYSIS]["legal_entity"] = document["parties"][LINKAGE_UNIT]["legal_entity"]
    assert parsed(document).same_entity is not None


@pytest.mark.parametrize("spelling", ["OFFICE OF LINKAGE", "Office  of linkage"])
def test_another_spelling_does_not_spare_both_services_the_clause(spelling: str) -> None:
    document = small_document()
    document["parties"][ANALYSIS]["legal_entity"] = spelling
    [told, rest] = contradictions(document)
    assert told.startswith("same_entity")
    assert "what remains visible" in rest


@pytest.mark.parametrize(
    "clause",
    [
        {"what_remains_visible": "little", "separate_administrators": True},
        {"what_remains_visible": "payload tied to encodings, and links", "separate_administrators": False},
        {"what_remains_visible": "payload tied to encodings, and links"},
    ],
)
def test_the_clause_for_one_entity_says_enough_and_keeps_administrators_apart(clause: Document) -> None:
    document = small_document(same_entity=clause)
    with pytest.raises(InputFault, match="same_entity"):
        parsed(document)


def test_the_waves_that_the_document_shows_fit_together() -> None:
    text = (Path(__file__).parents[2] / "docs" / "waves.md").read_text("utf-8")
    shown = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    waves = [wave | {"tokens_not_before": wave["tokens_not_before"].isoformat()} for wave in shown["waves"]]
    retention = shown["retention"] | {
        "registry_encodings_until": shown["retention"]["registry_encodings_until"].isoformat()
    }
    agreed = parsed(small_document(waves=waves, retention=retention))
    assert [wave.kind for wave in agreed.waves] == ["complete", "incremental", "incremental"]
    assert agreed.waves[2].corrects == "2027"
