"""Parties of a small agreement for tests: a certificate authority, key folders, transport certificates, signatures.

Everything is real and made in a temporary folder; the agreement is small, but every clause is there. Times of the
agreement are wide, so that a test chooses its own `clock`; certificates are valid around the machine's real time, as
TLS itself reads no other clock.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.signatures import SignedAgreement, VerifiedAgreement, verify_agreement
from linkage_core.schema import ClkSpec, LinkageSchema, MatchKeySpec, QuasiIdentifier, Variable
from linkage_core.standardise.rules import current
from linkage_core.types import PartyName
from services.common.certificates import create_authority, issue_certificate
from services.common.clock import system_clock, system_random
from services.common.identity import Realm, Role
from services.common.keystore import PartyKeys, create_party_keys, load_party_keys

REALM: Final = Realm("test.example", "small")
LINKAGE_UNIT: Final = PartyName("linkage")
ANALYSIS: Final = PartyName("analysis")
PROVIDERS: Final = ("register", "border", "tax")
NOW: Final = datetime(2026, 6, 15, 12, tzinfo=UTC)
"""A moment inside the agreement's validity, after the tokens of wave `w1` are due and before those of wave `w2`."""

_ROLES: Final = {LINKAGE_UNIT: Role.LINKAGE_UNIT, ANALYSIS: Role.ANALYSIS_SERVICE}


@dataclass(frozen=True, slots=True)
class Parties:
    """Everyone of one agreement, with key folders and the signed agreement as files under `folder`."""

    folder: Path
    authority_key: bytes
    authority_certificate: bytes
    keys: Mapping[str, PartyKeys]
    agreement_file: Path

    @property
    def verified(self) -> VerifiedAgreement:
        """The signed agreement, verified."""
        return _verified(self.agreement_file.read_bytes())

    @property
    def providers(self) -> tuple[PartyName, ...]:
        """Names of the data providers in member order."""
        return tuple(PartyName(p.name) for p in self.verified.document.providers)

    def keys_folder(self, name: str) -> Path:
        """Return the key folder of a party, as `symbolon keys new` and the authority would leave it."""
        return self.folder / "keys" / name

    def stranger(self, role: Role, name: str) -> PartyKeys:
        """Return keys of somebody whom the authority knows and the agreement does not name."""
        return issue_keys(self.keys_folder(name), role, name, self.authority_key, self.authority_certificate)

    def amend(self, **changes: object) -> VerifiedAgreement:
        """Sign the agreement's next version with some clauses changed, over the file of the last one."""
        last = self.verified.document
        document = last.model_dump(mode="json") | {"version": last.version + 1, "supersedes": last.hash.hex()} | changes
        _sign(Agreement.model_validate_json(_json(document)), self.keys, self.agreement_file)
        return self.verified


@functools.lru_cache(maxsize=4)
def _verified(file: bytes) -> VerifiedAgreement:
    return verify_agreement(file)


def issue_keys(
    folder: Path, role: Role, name: str, authority_key: bytes, authority_certificate: bytes, realm: Realm = REALM
) -> PartyKeys:
    """Make a key folder with a certificate of the authority in it, and load it."""
    create_party_keys(folder, realm, role, name, system_random)
    request = (folder / "transport.csr").read_bytes()
    certificate = issue_certificate(authority_key, authority_certificate, request, system_clock())
    (folder / "transport.crt").write_bytes(certificate)
    (folder / "authority.crt").write_bytes(authority_certificate)
    return load_party_keys(folder)


def make_parties(folder: Path, providers: Sequence[str] = PROVIDERS, **changes: object) -> Parties:
    """Make keys of a linkage unit, an analysis service and these providers, and sign a small agreement.

    `changes` replace whole clauses of the agreement's JSON form, e.g. `volume={...}`; see `small_agreement`.
    """
    authority_key, authority_certificate = create_authority("test authority", system_clock())
    keys: dict[str, PartyKeys] = {
        name: issue_keys(folder / "keys" / name, role, name, authority_key, authority_certificate)
        for name, role in [*_ROLES.items(), *((PartyName(p), Role.PROVIDER) for p in providers)]
    }
    agreement_file = folder / "agreement.json"
    _sign(small_agreement(keys, authority_certificate, providers, **changes), keys, agreement_file)
    return Parties(folder, authority_key, authority_certificate, keys, agreement_file)


def small_agreement(
    keys: Mapping[str, PartyKeys], authority_certificate: bytes, providers: Sequence[str], **changes: object
) -> Agreement:
    """Return version 1 of a small agreement between these parties, unsigned.

    The first provider delivers a person and a spell table (residence), the second an event table with dates, each
    further one an event table with years.
    """
    document: dict[str, Any] = {
        "id": REALM.agreement,
        "lineage": "5a" * 16,
        "version": 1,
        "title": "Small agreement",
        "legal_basis": "Statistics Act, section 1",
        "purpose": "Migration statistics",
        "population": "Residents",
        "project": "migration",
        "trust_domain": REALM.trust_domain,
        "certificate_authority": authority_certificate.decode(),
        "parties": [_party(party) for party in keys.values()],
        "epoch": 1,
        "linkage": small_schema().model_dump(mode="json"),
        "hardening": {
            "minimum_t": 8,
            "lowest_fill_per_mille": 100,
            "highest_fill_per_mille": 400,
            "maximum_d_ppm": 50_000,
            "minimum_length_bits": 256,
        },
        "matching": {
            "passes": ["names-date"],
            "candidate_per_mille": 700,
            "link_per_mille": 780,
            "maximum_candidates_per_record": 100,
            "high_quality_per_mille": 900,
            "minimum_class_count": 1,
        },
        "volume": {"minimum_rows": 1, "maximum_rows": 100_000, "maximum_change_per_mille": 500},
        "waves": [
            {"name": "w1", "tokens_not_before": "2026-06-01T00:00:00Z"},
            {"name": "w2", "tokens_not_before": "2026-12-01T00:00:00Z"},
        ],
        "payload": [table for place, name in enumerate(providers) for table in _payload(place, name)],
        "statistics": statistics_of(providers),
        "period": {"start": "2020-01-01", "end": "2025-12-31"},
        "retention": {"clks_days": 0, "registry_days": 3650, "payload_days": 365},
        "validity": {"valid_from": "2026-01-01", "valid_until": "2035-12-31"},
        "budget": {
            "total_nano_rho": 1_000_000_000,
            "per_wave_nano_rho": 1_000_000_000,
            "per_analyst_nano_rho": 500_000_000,
            "per_release_nano_rho": 100_000_000,
            "delta_e15": 1_000_000_000,
            "flow_cells_per_person": 2,
            "maximum_cells": 10_000,
            "maximum_noise_sd": 1_000,
        },
        "minimum_cell_count": 5,
        "impact_assessment": "DPIA 1",
        "destroyed_at_end": ["CLKs", "registry", "payload"],
    }
    return Agreement.model_validate_json(_json(document | changes))


def schema_with_classes(*bounds_per_million: int) -> LinkageSchema:
    """Return the small schema with frequency classes of family names."""
    plain = small_schema().model_dump(mode="json")
    plain["variables"].append({"name": "family", "of": ["family_name"], "form": "value"})
    plain["frequency_classes"] = [{"variable": "family", "bounds_per_million": list(bounds_per_million)}]
    return LinkageSchema.model_validate_json(json.dumps(plain))


def small_schema() -> LinkageSchema:
    """Return a linkage schema of one match key and two CLKs of 256 bits, t = 8, over names and date of birth."""
    return LinkageSchema(
        standardisation=current(),
        quasi_identifiers=(
            QuasiIdentifier(name="given_name", kind="given-name"),
            QuasiIdentifier(name="family_name", kind="family-name"),
            QuasiIdentifier(name="birth_date", kind="date"),
        ),
        variables=(
            Variable(name="names", of=("given_name", "family_name"), form="sorted-tokens"),
            Variable(name="date", of=("birth_date",), form="date-digits"),
            Variable(name="year", of=("birth_date",), form="year"),
            Variable(name="day", of=("birth_date",), form="ordered-month-day"),
        ),
        match_keys=(MatchKeySpec(name="names-date", variables=("names", "date"), entropy_bits=40, max_occurrences=5),),
        clks=(_clk("names-year", "year"), _clk("names-day", "day")),
    )


def _clk(name: str, digits: str) -> ClkSpec:
    return ClkSpec(
        name=name,
        clkhash={
            "version": 3,
            "clkConfig": {"l": 256, "kdf": {"type": "HKDF", "hash": "SHA256"}},
            "features": [_feature("names", 2, False, 56), _feature(digits, 1, True, 24)],
        },
        diffusion_t=8,
        weight=1,
    )


def _feature(variable: str, n: int, positional: bool, bits: int) -> dict[str, Any]:
    return {
        "identifier": variable,
        "format": {"type": "string", "encoding": "ascii"},
        "hashing": {
            "comparison": {"type": "ngram", "n": n, "positional": positional},
            "strategy": {"bitsPerFeature": bits},
            "hash": {"type": "blakeHash"},
        },
    }


def _party(keys: PartyKeys) -> dict[str, str]:
    public = keys.public
    party = {
        "name": str(keys.name),
        "role": str(keys.role),
        "legal_entity": f"Office of {keys.name}",
        "spiffe_id": public.spiffe_id,
        "identity_key": public.identity_key.hex(),
    }
    return party if public.wrap_key is None else party | {"wrap_key": public.wrap_key.hex()}


def _payload(place: int, provider: str) -> list[dict[str, Any]]:
    category = {"name": "sex", "type": "category", "code_list": "sex"}
    if place == 0:
        dates = [{"name": "start", "type": "date", "required": True}, {"name": "end", "type": "date"}]
        spells = {"kind": "spell", "columns": dates, "start": "start", "end": "end", "rows_per_person": 10}
        return [
            {"provider": provider, "name": "persons", "kind": "person", "columns": [category]},
            {"provider": provider, "name": "residence", **spells},
        ]
    if place == 1:
        columns = [
            {"name": "date", "type": "date", "required": True},
            {"name": "direction", "type": "category", "code_list": "direction"},
        ]
        event = {"kind": "event", "time": "date", "columns": columns, "rows_per_person": 100}
        return [{"provider": provider, "name": "crossings", **event}]
    year = {"name": "year", "type": "year", "required": True, "minimum": 2000, "maximum": 2030}
    band = {"name": "band", "type": "integer", "minimum": 0, "maximum": 9}
    event = {"kind": "event", "time": "year", "columns": [year, band], "rows_per_person": 30}
    return [{"provider": provider, "name": "activity", **event}]


def statistics_of(providers: Sequence[str] = PROVIDERS) -> dict[str, Any]:
    """Return the small agreement's clause of statistics, to be widened."""
    first, second = providers[:2]
    return {
        "code_lists": [
            {"name": "sex", "codes": ["f", "m"]},
            {"name": "direction", "codes": ["in", "out"]},
        ],
        "dimensions": [
            {
                "name": "sex",
                "code_list": "sex",
                "sources": [{"provider": first, "table": "persons", "column": "sex"}],
            }
        ],
        "residence": {"provider": first, "table": "residence"},
        "sources": [
            {"name": second, "table": {"provider": second, "table": "crossings"}},
            *({"name": p, "table": {"provider": p, "table": "activity"}} for p in providers[2:]),
        ],
    }


def _sign(agreement: Agreement, keys: Mapping[str, PartyKeys], file: Path) -> None:
    signed = SignedAgreement(agreement=agreement)
    for name, party in keys.items():
        signed = signed.signed_by(PartyName(name), party.identity)
    file.write_bytes(signed.to_bytes())


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document)
