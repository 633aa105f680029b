"""From nothing to an agreement that all have signed, as parties would type it, and every way to be stopped."""

import json
import os
import stat
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from linkage_core.agreement.signatures import SignedAgreement, parse_signed, verify_agreement
from linkage_core.default_matching import default_matching
from linkage_core.default_schema import people_schema
from linkage_core.errors import InputFault, Refused
from services.cli import agreement, keys
from services.cli.agreement_text import describe
from services.common.drafting import draft_agreement
from services.common.errors import ConfigurationFault
from services.common.keystore import load_party_keys, load_public_identity

ROLES = {
    "population_register": "provider",
    "border_police": "provider",
    "tax": "provider",
    "linkage_unit": "linkage-unit",
    "analysis_service": "analysis-service",
}
REALM = ("--agreement", "migration", "--trust-domain", "statistics.example")
RUNNER = CliRunner()


def keys_command(*arguments: str | Path) -> Result:
    return RUNNER.invoke(keys.app, [str(one) for one in arguments], catch_exceptions=False)


def agreement_command(*arguments: str | Path) -> Result:
    return RUNNER.invoke(agreement.app, [str(one) for one in arguments], catch_exceptions=False)


@dataclass(frozen=True, slots=True)
class Office:
    """A folder in which an authority, everyone's keys, the demo's terms and a draft lie."""

    folder: Path

    @property
    def terms(self) -> Path:
        return self.folder / "terms.toml"

    @property
    def draft(self) -> Path:
        return self.folder / "agreement.json"

    @property
    def authority(self) -> Path:
        return self.folder / "keys" / "authority" / "authority.crt"

    def keys(self, name: str) -> Path:
        return self.folder / "keys" / name

    def content(self) -> dict[str, Any]:
        return tomllib.loads(self.terms.read_text("utf-8"))

    def new(self, names: Sequence[str] = tuple(ROLES), output: str = "agreement.json", *more: str | Path) -> Result:
        parties = [part for name in names for part in ("--party", self.keys(name))]
        return agreement_command(
            "new", self.terms, *parties, "--authority", self.authority, "-o", self.folder / output, *more
        )

    def sign(self, file: Path) -> None:
        for name in ROLES:
            assert agreement_command("sign", file, "--keys", self.keys(name)).exit_code == 0


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(tmp_path_factory.mktemp("office"))
    assert keys_command("authority", office.authority.parent).exit_code == 0
    for name, role in ROLES.items():
        made = keys_command(
            "new", office.keys(name), "--role", role, "--name", name, *REALM, "--authority", office.authority.parent
        )
        assert made.exit_code == 0
        assert made.stdout == f"spiffe://statistics.example/agreement/migration/{role}/{name}\n"
    office.terms.write_text(agreement_command("terms").stdout)
    drafted = office.new()
    assert drafted.exit_code == 0
    office.sign(office.draft)
    return office


def test_the_whole_way_ends_in_a_verified_agreement_whose_hash_is_printed(office: Office) -> None:
    verified = verify_agreement(office.draft.read_bytes())
    outcome = agreement_command("verify", office.draft)
    assert outcome.stdout == f"{verified.hash.hex()}\n"
    assert {party.name: party.role for party in verified.document.parties} == ROLES
    assert verified.document.certificate_authority == office.authority.read_text()
    assert (verified.document.version, verified.document.supersedes) == (1, None)


def test_printed_terms_are_those_of_the_package_byte_for_byte(office: Office) -> None:
    import services.demo

    package = Path(services.demo.__path__[0])
    assert office.terms.read_bytes().rstrip() == (package / "data" / "terms.toml").read_bytes().rstrip()


def test_private_keys_are_private_and_public_halves_are_what_was_pinned(office: Office) -> None:
    document = verify_agreement(office.draft.read_bytes()).document
    for name in ROLES:
        loaded = load_party_keys(office.keys(name))
        assert document.party(name).identity_key == loaded.public.identity_key.hex()
        for file in office.keys(name).glob("*.key"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((office.authority.parent / "authority.key").stat().st_mode) == 0o600


def test_no_command_prints_a_private_key(office: Office) -> None:
    private = [f.read_text().strip() for f in office.folder.rglob("*.key")]
    said = ""
    for outcome in (
        keys_command("show", office.keys("tax")),
        keys_command("certify", office.authority.parent, office.keys("tax")),
        agreement_command("show", office.draft),
        agreement_command("verify", office.draft),
    ):
        said += outcome.output
    assert private
    assert not [key for key in private if key in said]
    assert "PRIVATE KEY" not in said + office.draft.read_text()


def test_the_whole_document_can_be_shown_as_it_is_signed(office: Office) -> None:
    shown = json.loads(agreement_command("show", office.draft, "--json").stdout)
    assert shown == json.loads(office.draft.read_bytes())


def test_what_a_signatory_reads_shows_the_fingerprints_that_parties_compare(office: Office) -> None:
    text = agreement_command("show", office.draft).stdout
    for name in ROLES:
        fingerprint = load_public_identity(office.keys(name)).fingerprint
        assert fingerprint in keys_command("show", office.keys(name)).stdout
        assert fingerprint in text
    for clause in (
        "Official Statistics Act",
        verify_agreement(office.draft.read_bytes()).hash.hex(),
        "border_police.crossings [event]",
        "2026-01-01 to 2035-12-31",
        "total 1, a wave 0.5, an analyst 0.5, a release 0.2",
        "epsilon 7.76622 at delta 1e-06",  # as `analysis budget show` has it
        "least hardening: t >= 8",
        "dimension sex [sex]: population_register.persons.sex, then border_police.persons.sex",
        "dimension age [years in 8 bands]: population_register.persons.birth_year, then border_police.persons",
        "0-14, 15-24, 25-34, 35-44, 45-54, 55-64, 65-74, 75+; unknown",
        "variable income (crowns a year): tax.years.income",
        "code list direction: in, out; unknown",
        "100 to 20000000 rows",
        "DPIA 2026/1",
        "[signed]",
    ):
        assert clause in text
    assert "NOT SIGNED" not in text


def test_who_has_not_signed_is_named(office: Office) -> None:
    assert office.new(output="half.json").exit_code == 0
    half = office.folder / "half.json"
    assert agreement_command("sign", half, "--keys", office.keys("tax")).exit_code == 0
    text = agreement_command("show", half).stdout
    assert text.count("NOT SIGNED") == len(ROLES) - 1
    with pytest.raises(Refused, match="not signed"):
        agreement_command("verify", half)


def test_where_one_machine_holds_several_keys_they_sign_together(office: Office) -> None:
    assert office.new(output="together.json").exit_code == 0
    together = office.folder / "together.json"
    keys = [argument for name in ROLES for argument in ("--keys", office.keys(name))]
    outcome = agreement_command("sign", together, *keys)
    assert f"signed as {', '.join(ROLES)}; everyone has signed" in outcome.stderr
    assert agreement_command("verify", together).exit_code == 0


def test_a_signatory_is_shown_what_an_attacker_makes_of_the_schema(office: Office) -> None:
    assert office.new(output="measured.json").exit_code == 0
    outcome = agreement_command("sign", office.folder / "measured.json", "--keys", office.keys("tax"))
    schema = parse_signed(office.draft.read_bytes()).agreement.schema_hash.hex()
    assert f"linkage schema {schema[:16]}…: re-identified of invented people" in outcome.stderr
    assert all(attack in outcome.stderr for attack in ("codebook", "ridge", "expected codes"))


def test_a_schema_that_opens_is_not_signed(office: Office) -> None:
    """Hard by every number that the agreement states, and opened by whoever looks at what people share."""
    schema = people_schema()
    bigrams = {"type": "ngram", "n": 2, "positional": True}
    opening = schema.clks[0].model_dump()
    for feature in opening["clkhash"]["features"]:
        feature["hashing"]["comparison"] = bigrams
    clks = [opening | {"name": name} for name in ("once", "twice", "thrice")]
    linkage = schema.model_dump(mode="json") | {"clks": clks}
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    drafted = draft_agreement(
        office.content() | {"linkage": linkage}, parties, office.authority.read_text(), os.urandom
    )
    draft = office.folder / "opening.json"
    draft.write_bytes(SignedAgreement(agreement=drafted).to_bytes())
    with pytest.raises(Refused, match=r"clause linkage\.clks: re-identified of invented people.*codebook \d+\.\d%"):
        agreement_command("sign", draft, "--keys", office.keys("tax"))
    assert parse_signed(draft.read_bytes()).signatures == {}


def test_a_draft_is_never_written_over_signatures(office: Office) -> None:
    before = office.draft.read_bytes()
    with pytest.raises(ConfigurationFault, match="signed already"):
        office.new()
    assert office.draft.read_bytes() == before
    assert office.new(output="twice.json").exit_code == 0
    assert office.new(output="twice.json").exit_code == 0, "nobody has signed that one"


def test_two_drafts_of_the_same_terms_have_two_lineages(office: Office) -> None:
    assert office.new(output="again.json").exit_code == 0
    lineages = {
        json.loads((office.folder / f).read_text())["agreement"]["lineage"] for f in ("agreement.json", "again.json")
    }
    assert len(lineages) == 2


def test_an_amendment_keeps_the_lineage_and_counts_on(office: Office) -> None:
    assert office.new(tuple(ROLES), "second.json", "--amends", office.draft).exit_code == 0
    second = office.folder / "second.json"
    office.sign(second)
    first, amended = (verify_agreement(file.read_bytes()) for file in (office.draft, second))
    assert amended.document.lineage == first.document.lineage
    assert (amended.document.version, amended.document.supersedes) == (2, first.hash.hex())


def test_an_amendment_of_an_agreement_that_not_all_signed_is_refused(office: Office) -> None:
    assert office.new(output="unsigned.json").exit_code == 0
    with pytest.raises(Refused, match="not signed"):
        office.new(tuple(ROLES), "third.json", "--amends", office.folder / "unsigned.json")
    assert not (office.folder / "third.json").exists()


def test_an_amendment_that_no_service_would_adopt_is_not_even_drafted(office: Office) -> None:
    first = verify_agreement(office.draft.read_bytes()).document
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    for change, clause in (({"project": "another"}, "project"), ({"linkage": "febrl4"}, "epoch")):
        with pytest.raises(Refused) as refusal:
            draft_agreement(
                office.content() | change | {"unmatched_rows": "drop"},
                parties,
                office.authority.read_text(),
                os.urandom,
                first,
            )
        assert refusal.value.clause == clause


def test_drafting_leaves_the_terms_as_they_were_and_is_reproducible(office: Office) -> None:
    terms = office.content()
    terms["statistics"]["code_lists"][1] = {"name": "country", "codes": "iso-3166-alpha-3", "also": ["XSY"]}
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    drafts = [draft_agreement(terms, parties, office.authority.read_text(), lambda n: b"l" * n) for _ in range(2)]
    assert drafts[0].hash == drafts[1].hash
    assert terms["statistics"]["code_lists"][1]["also"] == ["XSY"]
    countries = drafts[0].statistics.code_list("country")
    assert countries is not None
    assert {"FRA", "XSY"} <= set(countries.codes)


def test_a_default_schema_is_extended_by_identifiers_whose_keys_come_first(office: Office) -> None:
    terms = office.content()
    terms["linkage"] = {
        "extends": "people",
        "quasi_identifiers": [{"name": "national_id", "kind": "identifier", "scheme": "iso7064.mod_11_10"}],
        "variables": [{"name": "national", "of": ["national_id"], "form": "value"}],
        "match_keys": [{"name": "national-id", "variables": ["national"], "entropy_bits": 29, "max_occurrences": 5}],
    }
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    drafted = draft_agreement(terms, parties, office.authority.read_text(), os.urandom)
    people = people_schema()
    assert drafted.linkage.clks == people.clks
    assert drafted.linkage.quasi_identifiers[1:] == people.quasi_identifiers
    assert drafted.matching.passes == ("national-id", *default_matching(people).passes)


def test_frequency_classes_are_added_to_a_default_schema_and_shown_to_whoever_signs(office: Office) -> None:
    terms = office.content()
    terms["linkage"] = {
        "extends": "people",
        "frequency_classes": [{"variable": "family", "bounds_per_million": [500, 4_000]}],
    }
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    drafted = draft_agreement(terms, parties, office.authority.read_text(), os.urandom)
    assert [classes.bounds_per_million for classes in drafted.linkage.frequency_classes] == [(500, 4_000)]
    shown = describe(SignedAgreement(agreement=drafted))
    assert "frequency classes of family: bounds at 0.05, 0.4 % of a file's rows; the linkage unit learns" in shown


def test_codes_besides_a_list_of_ones_own_are_not_dropped_silently(office: Office) -> None:
    terms = office.content()
    terms["statistics"]["code_lists"][0]["also"] = ["X"]
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    with pytest.raises(InputFault, match=r"statistics\.code_lists\.0\.also"):
        draft_agreement(terms, parties, office.authority.read_text(), os.urandom)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (
            {"legal_entities": {"tax": "Tax Administration"}},
            ["no entity for border_police", "no entity for linkage_unit"],
        ),
        ({"id": "another"}, ["tax: its keys were made for agreement migration"]),
        ({"linkage": "none"}, ["there is no default schema 'none'"]),
        ({"linkage": {"extends": "none"}}, ["there is no default schema 'none'"]),
        ({"linkage": {"extends": "people", "standardisation": {"version": 1}}}, ["linkage.standardisation"]),
        ({"linkage": {"extends": "people", "keys": []}, "title": ""}, ["linkage.keys", "title"]),
        ({"linkage": {"version": 1}, "title": ""}, ["linkage.standardisation", "title"]),
        ({"purpose": 5, "period": {}}, ["purpose", "period.start", "period.end"]),
    ],
    ids=["entities", "realm", "schema by name", "extended", "rules", "clause of it", "schema written out", "clauses"],
)
def test_terms_that_do_not_make_an_agreement_are_refused_with_all_faults(
    office: Office, change: dict[str, object], faults: list[str]
) -> None:
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    with pytest.raises(InputFault) as refusal:
        draft_agreement(office.content() | change, parties, office.authority.read_text(), os.urandom)
    assert [fault for fault in faults if fault not in str(refusal.value)] == []


def test_one_entity_may_not_be_provider_and_linkage_unit_however_it_is_drafted(office: Office) -> None:
    terms = office.content()
    terms["legal_entities"]["linkage_unit"] = "tax  ADMINISTRATION"
    parties = [load_public_identity(office.keys(name)) for name in ROLES]
    with pytest.raises(InputFault, match="may not be a provider and the linkage unit"):
        draft_agreement(terms, parties, office.authority.read_text(), os.urandom)


def test_nobody_signs_with_keys_of_someone_else(office: Office, tmp_path: Path) -> None:
    made = keys_command(
        "new", tmp_path / "tax", "--role", "provider", "--name", "tax", *REALM, "--authority", office.authority.parent
    )
    assert made.exit_code == 0
    with pytest.raises(Refused, match="not the one that the agreement names"):
        agreement_command("sign", office.draft, "--keys", tmp_path / "tax")


def test_a_draft_changed_by_hand_after_signing_is_refused(office: Office, tmp_path: Path) -> None:
    changed = tmp_path / "changed.json"
    changed.write_bytes(office.draft.read_bytes().replace(b'"minimum_cell_count":10', b'"minimum_cell_count":99'))
    with pytest.raises(Refused, match=r"clause signatures\."):
        agreement_command("verify", changed)


def test_keys_are_not_made_over_keys_nor_an_authority_over_one(office: Office) -> None:
    before = {path: path.read_bytes() for path in office.folder.rglob("*.key")}
    with pytest.raises(ConfigurationFault, match="never overwritten"):
        keys_command("new", office.keys("tax"), "--role", "provider", "--name", "tax", *REALM)
    with pytest.raises(ConfigurationFault, match="already holds a certificate authority"):
        keys_command("authority", office.authority.parent)
    assert {path: path.read_bytes() for path in before} == before


def test_keys_without_an_authority_at_hand_wait_for_their_certificate(office: Office, tmp_path: Path) -> None:
    made = keys_command("new", tmp_path / "customs", "--role", "provider", "--name", "customs", *REALM)
    assert made.exit_code == 0
    assert "transport.csr" in made.stderr
    with pytest.raises(ConfigurationFault, match=r"transport\.crt is missing"):
        load_party_keys(tmp_path / "customs")
    assert keys_command("certify", office.authority.parent, tmp_path / "customs").exit_code == 0
    assert load_party_keys(tmp_path / "customs").name == "customs"


def test_a_role_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="provider, linkage-unit, analysis-service, analyst"):
        keys_command("new", tmp_path / "x", "--role", "king", "--name", "x", *REALM)


def test_certifying_without_a_request_or_an_authority_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault) as refusal:
        keys_command("certify", tmp_path / "authority", tmp_path / "nobody")
    assert "authority.key is missing" in str(refusal.value)
    assert "transport.csr is missing" in str(refusal.value)


@pytest.mark.parametrize("command", [["verify"], ["show"], ["sign", "--keys", "x"]])
def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path, command: list[str]) -> None:
    outcome = agreement_command(*command, tmp_path / "nothing.json")
    assert outcome.exit_code == 2
    assert "does not exist" in outcome.stderr
