"""`symbolon analysis budget`: two approvers raise what a serving process lets be spent, and what was spent is shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from disclosure.balances import Caps
from disclosure.entries import Charge
from disclosure.errors import LedgerCorrupt
from linkage_core.agreement.increases import parse_increase
from linkage_core.errors import InputFault, Refused
from services.analysis.assembly import AnalysisService
from services.analysis.client import Analysis
from services.analysis.roster import Person, read_roster, write_roster
from services.cli.analysis import app
from services.cli.keys import app as keys_app
from services.cli.outcome import REFUSED, exit_code_of
from services.common.clock import system_clock, system_random
from services.common.errors import Code, ConfigurationFault, RemoteRefusal
from services.common.identity import Role
from services.common.keystore import PublicIdentity, create_party_keys, load_public_identity
from tests.support.analysis import asking, config_of, connect, deliver_all, deliverers, enrol, opened, served
from tests.support.parties import ANALYSIS, REALM, Parties, make_parties

STOCK: dict[str, Any] = {"measure": "stock", "by": ["sex"], "accuracy": {"nano_rho": 50_000_000}}
APPROVER = ("--role", "approver", "--agreement", REALM.agreement, "--trust-domain", REALM.trust_domain)
REASON = "census year: tables by municipality"
BUDGET = {
    "total_nano_rho": 100_000_000,
    "per_wave_nano_rho": 100_000_000,
    "per_analyst_nano_rho": 100_000_000,
    "per_release_nano_rho": 50_000_000,
    "per_year_nano_rho": 100_000_000,
    "wave_allotments_nano_rho": {"w2": 20_000_000},
    "delta_e15": 1_000_000_000,
    "flow_cells_per_person": 2,
    "maximum_cells": 10_000,
    "maximum_noise_sd": 1_000,
}


@dataclass(frozen=True)
class Office:
    """A service with a complete wave, its analyst, and its configuration as a file."""

    parties: Parties
    service: AnalysisService
    config: Path
    ana: Analysis

    def stock(self, day: int) -> Any:
        return self.ana.answer({**STOCK, "at": f"2023-01-{day:02}"})

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments])

    def with_config(self, *arguments: str) -> Result:
        return self.run(*arguments, "--config", str(self.config))

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.with_config("budget", "show").stdout)
        return shown

    def propose(self, file: Path, cap: str = "total", nano_rho: int = 60_000_000, reason: str = REASON) -> Result:
        options = ("--cap", cap, "--nano-rho", str(nano_rho), "--reason", reason, "--file", str(file))
        return self.with_config("budget", "propose", *options)

    def approve(self, file: Path, name: str) -> Result:
        return self.run("budget", "approve", str(file), "--keys", str(self.parties.keys_folder(name)))

    def grant(self, file: Path) -> Result:
        return self.with_config("budget", "grant", str(file))


IN_FORCE: dict[str, Any] = {
    "validity": {"valid_from": "2000-01-01", "valid_until": "2999-12-31"},
    "waves": [{"name": name, "tokens_not_before": "2000-01-01T00:00:00Z"} for name in ("w1", "w2")],
    "retention": {"clks_days": 0, "registry_days": 300_000, "payload_days": 300_000},
}
"""The commands read the machine's clock: this agreement is in force whenever they run."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    parties = make_parties(tmp_path / "parties", budget=BUDGET, **IN_FORCE)
    config = config_of(parties, tmp_path)
    file = tmp_path / "analysis.toml"
    settings = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    analyst = enrol(parties, config, "ana")["ana"]
    with opened(config, clock=system_clock) as service, served(service) as address:
        with deliverers(parties, address) as providers:
            deliver_all(providers)
        with asking(parties, analyst, address) as ana:
            office = Office(parties, service, file, ana)
            for name in ("auer", "berger"):
                made = CliRunner().invoke(keys_app, ["new", str(parties.keys_folder(name)), *APPROVER, "--name", name])
                assert made.exit_code == 0, made.output  # and nobody certifies them: they call nobody
                added = office.with_config("roster", "add", str(parties.keys_folder(name)))
                assert added.exit_code == 0, added.output
            yield office


def refused(outcome: Result) -> str:
    """What a refused command says."""
    assert isinstance(outcome.exception, Refused), outcome.output
    assert exit_code_of(outcome.exception) == REFUSED
    return str(outcome.exception)


def test_two_approvers_raise_what_may_be_spent_and_it_is_published(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "increase.json"
    for day in (1, 2):
        assert office.stock(day).charged
    with pytest.raises(RemoteRefusal) as short:
        office.stock(3)
    assert short.value.code is Code.OVER_BUDGET
    year = office.service.ledger.entries(office.service.agreement.document.lineage)[-1].year
    caps = ["total", "wave:w1", "analyst:ana", f"year:{year}"]
    for cap in caps:
        assert office.propose(file, cap).exit_code == 0
        for name in ("auer", "berger"):
            assert office.approve(file, name).exit_code == 0
        granted = office.grant(file)
        assert granted.exit_code == 0, granted.output
        file.unlink()
    third = office.stock(3)  # the process that serves was running all the time
    assert third.charged
    assert third.budget.total == 160_000_000
    with pytest.raises(RemoteRefusal, match="total_nano_rho"):
        office.stock(4)

    shown = office.shown()
    spent = sum(entry.nano_rho for entry in office.service.ledger.entries(shown["lineage"]) if entry.kind == "RESERVED")
    assert shown["spent"]["nano_rho"] == spent == shown["spent_by_project"]["migration"] == shown["spent_by_year"][year]
    assert shown["granted"]["nano_rho"] == 160_000_000
    assert 0 < shown["spent"]["epsilon"] < shown["granted"]["epsilon"]
    assert shown["caps"]["total"] == {"nano_rho": 160_000_000, "spent": spent, "left": 160_000_000 - spent}
    assert shown["caps"]["waves"]["w2"]["nano_rho"] == 20_000_000
    assert shown["caps"]["analysts"]["ana"]["spent"] == spent
    assert [increase["cap"] for increase in shown["increases"]] == caps
    assert shown["increases"][0]["reason"] == REASON
    assert shown["increases"][0]["approved_by"] == ["auer", "berger"]
    audit = (office.service.config.data / "audit-budget.jsonl").read_text()
    assert audit.count("budget-increased") == 4


def test_one_approval_the_same_person_twice_and_a_replay_raise_nothing(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "increase.json"
    office.propose(file)
    assert "2 persons must approve, 0 did" in refused(office.grant(file))
    office.approve(file, "auer")
    assert "2 persons must approve, 1 did" in refused(office.grant(file))
    assert "another person" in refused(office.approve(file, "auer"))
    office.approve(file, "berger")
    assert office.with_config("roster", "remove", "berger").exit_code == 0
    assert "no approver of the roster and the agreement" in refused(office.grant(file))
    assert office.shown()["increases"] == []
    assert office.with_config("roster", "add", str(office.parties.keys_folder("berger"))).exit_code == 0
    assert office.grant(file).exit_code == 0
    assert "counted" in refused(office.grant(file))
    assert len(office.shown()["increases"]) == 1
    office.with_config("roster", "remove", "berger")
    assert len(office.shown()["increases"]) == 1  # what was granted stays, whoever comes and goes


def test_an_analyst_approves_nothing_and_caps_that_there_are_not_are_bad_input(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "increase.json"
    office.propose(file, "analyst:ana")
    refusal = office.approve(file, "ana")
    assert isinstance(refusal.exception, ConfigurationFault)
    assert "expected approver" in str(refusal.exception)

    for cap, told in (("wave:w9", "w9"), ("analyst:eve", "eve"), ("release", "cap"), ("year:26", "cap")):
        outcome = office.propose(tmp_path / "other.json", cap)
        assert isinstance(outcome.exception, InputFault)
        assert told in str(outcome.exception)


@pytest.fixture
def agreed(tmp_path: Path) -> Office:
    """An office whose agreement names its approvers; `mallory` and `eve` are strangers with keys of approvers."""
    folders = {name: tmp_path / "parties" / "keys" / name for name in ("auer", "berger", "mallory", "eve")}
    made = {name: create_party_keys(folders[name], REALM, Role.APPROVER, name, system_random) for name in folders}
    named = [{"name": name, "identity_key": made[name].identity_key.hex()} for name in ("auer", "berger")]
    parties = make_parties(tmp_path / "parties", budget=BUDGET | {"approvers": named}, **IN_FORCE)
    config = config_of(parties, tmp_path)
    analyst = enrol(parties, config, "ana")["ana"]
    file = tmp_path / "analysis.toml"
    settings = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    with opened(config, clock=system_clock) as service:
        channel = connect(analyst, "127.0.0.1:1")
        return Office(parties, service, file, Analysis(channel, analyst, parties.verified))


def test_whoever_holds_the_services_key_makes_no_approvers_where_the_agreement_names_them(
    agreed: Office, tmp_path: Path
) -> None:
    file = tmp_path / "increase.json"
    keys_of = agreed.parties.keys_folder
    # By its own command the roster takes only those whom all parties signed.
    for name in ("mallory", "eve"):
        outcome = agreed.with_config("roster", "add", str(keys_of(name)))
        assert "not mallory" in refused(outcome) if name == "mallory" else "not eve" in refused(outcome)
    # A roster that is made by hand and signed with the service's own key lets nobody else approve either.
    config, service_key = agreed.service.config, agreed.parties.keys[ANALYSIS].identity
    roster = read_roster(config.roster, agreed.parties.verified)
    strangers = tuple(_person(load_public_identity(keys_of(name))) for name in ("mallory", "eve"))
    write_roster(config.roster, roster.model_copy(update={"approvers": strangers}), service_key)
    assert agreed.propose(file).exit_code == 0
    for name in ("mallory", "eve"):
        assert agreed.approve(file, name).exit_code == 0
    assert "no approver of the roster and the agreement" in refused(agreed.grant(file))
    # Nor does a document that is countersigned with that key and written past the commands.
    forged = parse_increase(file.read_bytes()).granted_by(service_key)
    document = agreed.parties.verified.document
    with opened(config, clock=system_clock) as service:
        at = system_clock().isoformat(timespec="seconds")
        with pytest.raises(LedgerCorrupt, match="was not granted"):
            service.ledger.increase(forged, Caps.of(document.budget), document.hash.hex(), at)
        assert service.ledger.entries(document.lineage) == ()
    # The two whom all parties named raise the cap.
    write_roster(config.roster, roster, service_key)
    for name in ("auer", "berger"):
        assert agreed.with_config("roster", "add", str(keys_of(name))).exit_code == 0
    file.unlink()
    agreed.propose(file)
    for name in ("auer", "berger"):
        agreed.approve(file, name)
    assert agreed.grant(file).exit_code == 0
    assert agreed.shown()["caps"]["total"]["nano_rho"] == 160_000_000


def test_an_increase_cannot_claim_a_version_without_approvers_once_one_that_names_them_was_used(
    agreed: Office, tmp_path: Path
) -> None:
    document, service_key = agreed.parties.verified.document, agreed.parties.keys[ANALYSIS].identity
    caps, at = Caps.of(document.budget), system_clock().isoformat(timespec="seconds")
    charge = Charge(document.lineage, document.hash.hex(), document.project, "w1", "ana", "0" * 64, 1_000, at)
    file = tmp_path / "increase.json"
    agreed.propose(file)
    for name in ("mallory", "eve"):
        agreed.approve(file, name)
    forged = parse_increase(file.read_bytes()).granted_by(service_key)
    with opened(agreed.service.config, clock=system_clock) as service:
        service.ledger.reserve(charge, caps)
        service.ledger.increase(forged, caps, "00" * 32, at)  # what a changed program could append
    with pytest.raises(LedgerCorrupt, match="superseded agreement"), opened(agreed.service.config, clock=system_clock):
        pass


def _person(public: PublicIdentity) -> Person:
    return Person(name=public.name, spiffe_id=public.spiffe_id, identity_key=public.identity_key.hex())
