"""Setting the stage: a folder a party, keys, certificates, a signed agreement, a configuration for each process.

It does with functions what an office does with `symbolon keys`, `symbolon agreement` and an editor. Each party's folder
holds all that this party has, and nothing of another's; integration and privacy tests search them.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.signatures import SignedAgreement, verify_agreement
from linkage_core.types import PartyName
from services.analysis.roster import Roster, write_roster
from services.common.certificates import create_authority, issue_certificate
from services.common.clock import RandomBytes, system_clock
from services.common.drafting import draft_agreement
from services.common.identity import Realm, Role
from services.common.keystore import PartyKeys, PublicIdentity, create_party_keys, load_party_keys
from services.demo.processes import Command, free_port

LINKAGE_UNIT: Final = PartyName("linkage_unit")
ANALYSIS_SERVICE: Final = PartyName("analysis_service")
ANALYST: Final = PartyName("analyst")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everybody is. `providers` in member order; `config(party)` is the party's configuration file."""

    folder: Path
    agreement: Agreement
    keys: Mapping[str, PartyKeys]
    providers: tuple[PartyName, ...]
    wave: str

    def home(self, party: PartyName) -> Path:
        """The folder of a party."""
        return self.folder / party

    def config(self, party: PartyName) -> Path:
        """The configuration file of a party's process."""
        return self.home(party) / "config.toml"

    def command(self, party: PartyName, *arguments: str) -> Command:
        """Return a command that runs as a party, with its configuration and its own log."""
        log = self.home(party) / "process.log"
        return Command((*arguments, "--config", str(self.config(party))), log)


def set_stage(
    folder: Path,
    terms: str,
    mappings: Mapping[str, str],
    random: RandomBytes,
    changes: Mapping[str, Mapping[str, object] | Sequence[object]] = MappingProxyType({}),
) -> Stage:
    """Make every party's folder below `folder`; `mappings` gives each provider's mapping file by its name.

    Providers' files are expected in `folder/<provider>`, where the mapping files are put. `changes` replace clauses of
    the terms, or lines of those that have names.
    """
    content = tomllib.loads(terms)
    for clause, change in changes.items():
        content[clause] = content[clause] | change if isinstance(change, Mapping) else list(change)
    realm = Realm(content["trust_domain"], content["id"])
    roles = {
        LINKAGE_UNIT: Role.LINKAGE_UNIT,
        ANALYSIS_SERVICE: Role.ANALYSIS_SERVICE,
        ANALYST: Role.ANALYST,
        **{PartyName(name): Role.PROVIDER for name in mappings},
    }
    authority_key, authority = create_authority("Symbolon demo", system_clock())
    keys: dict[str, PartyKeys] = {}
    parties: list[PublicIdentity] = []
    for name, role in roles.items():
        keys_folder = folder / name / "keys"
        public = create_party_keys(keys_folder, realm, role, name, random)
        request = (keys_folder / "transport.csr").read_bytes()
        certificate = issue_certificate(authority_key, authority, request, system_clock())
        (keys_folder / "transport.crt").write_bytes(certificate)
        (keys_folder / "authority.crt").write_bytes(authority)
        keys[name] = load_party_keys(keys_folder)
        if role is not Role.ANALYST:
            parties.append(public)
    agreement = draft_agreement(content, parties, authority.decode(), random)
    signed = SignedAgreement(agreement=agreement)
    for party in parties:
        signed = signed.signed_by(party.name, keys[party.name].identity)
    stage = Stage(
        folder, agreement, keys, tuple(PartyName(p.name) for p in agreement.providers), agreement.waves[-1].name
    )
    _configure(stage, signed.to_bytes(), mappings)
    verified = verify_agreement(signed.to_bytes())
    roster = Roster(lineage=agreement.lineage).with_person(keys[ANALYST].public, verified)
    write_roster(stage.home(ANALYSIS_SERVICE) / "roster.json", roster, keys[ANALYSIS_SERVICE].identity)
    return stage


def _configure(stage: Stage, agreement_file: bytes, mappings: Mapping[str, str]) -> None:
    linkage_unit = f"127.0.0.1:{free_port()}"
    analysis = f"127.0.0.1:{free_port()}"
    for party in stage.keys:
        (stage.folder / party / "agreement.json").write_bytes(agreement_file)
    common = 'agreement = "agreement.json"\nkeys = "keys"\n'
    service = common + 'data = "data"\nwraps = "secrets/wraps"\nkey_encryption_key = "secrets/kek"\n'
    stage.config(LINKAGE_UNIT).write_text(f'{service}listen = "{linkage_unit}"\nanalysis_service = "{analysis}"\n')
    stage.config(ANALYSIS_SERVICE).write_text(
        f'{service}listen = "{analysis}"\nroster = "roster.json"\nanchor = "secrets/anchor.json"\n'
    )
    stage.config(ANALYST).write_text(f'{common}analysis_service = "{analysis}"\n')
    for provider in stage.providers:
        (stage.home(provider) / "mapping.toml").write_text(mappings[provider])
        stage.config(provider).write_text(
            f'{common}mapping = "mapping.toml"\nstate = "state"\nkey_encryption_key = "secrets/kek"\n'
            f'linkage_unit = "{linkage_unit}"\nanalysis_service = "{analysis}"\nwave = "{stage.wave}"\n'
        )
