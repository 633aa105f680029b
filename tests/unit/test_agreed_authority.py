"""Every role believes the certificate authority that the agreement pins, and no other one in its key folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.analysis.client import Analysis
from services.analysis.client_config import AnalystConfig
from services.common.certificates import authority_faults, create_authority
from services.common.clock import system_clock
from services.common.errors import ConfigurationFault, ServiceError
from services.common.identity import Realm, Role
from services.common.own_identity import require_own_keys
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, Parties, issue_keys, make_parties

_, FOREIGN = create_authority("foreign authority", system_clock())


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


@pytest.mark.parametrize(
    ("name", "role"),
    [(LINKAGE_UNIT, Role.LINKAGE_UNIT), (ANALYSIS, Role.ANALYSIS_SERVICE), ("tax", Role.PROVIDER)],
)
def test_a_party_does_not_start_under_another_authority(parties: Parties, name: str, role: Role) -> None:
    keys = parties.keys[name]
    require_own_keys(parties.verified, keys, role)
    elsewhere = replace(keys, transport=replace(keys.transport, authority=FOREIGN))
    with pytest.raises(ConfigurationFault, match="certificate authority that the agreement pins"):
        require_own_keys(parties.verified, elsewhere, role)


def test_everything_in_which_keys_and_agreement_differ_is_told_together(parties: Parties, tmp_path: Path) -> None:
    realm = Realm("test.example", "another")
    stranger = issue_keys(tmp_path / "keys", Role.PROVIDER, "nobody", *create_authority("other", system_clock()), realm)
    with pytest.raises(ConfigurationFault) as fault:
        require_own_keys(parties.verified, stranger, Role.LINKAGE_UNIT)
    assert len(fault.value.faults) == len(("role", "realm", "name", "authority"))


def test_keys_that_are_not_the_ones_that_were_signed_are_refused(parties: Parties) -> None:
    keys, others = parties.keys["tax"], parties.keys["border"].public
    exchanged = replace(keys.public, identity_key=others.identity_key, wrap_key=others.wrap_key)
    with pytest.raises(ConfigurationFault) as fault:
        require_own_keys(parties.verified, replace(keys, public=exchanged), Role.PROVIDER)
    assert [told.split(" is not")[0] for told in fault.value.faults] == ["the identity key", "the wrap key"]


def test_an_analyst_does_not_connect_under_another_authority(tmp_path: Path) -> None:
    parties = make_parties(tmp_path)
    parties.stranger(Role.ANALYST, "ana")
    config = AnalystConfig(
        analysis_service="127.0.0.1:7444", keys=parties.keys_folder("ana"), agreement=parties.agreement_file
    )
    Analysis.connect(config).close()
    parties.amend(certificate_authority=FOREIGN.decode())
    with pytest.raises(ServiceError, match="certificate authority that the agreement pins"):
        Analysis.connect(config)


def test_what_is_no_certificate_is_not_the_agreed_one(parties: Parties) -> None:
    agreed = parties.authority_certificate.decode()
    assert authority_faults(agreed, parties.authority_certificate) == []
    assert authority_faults(agreed, parties.authority_certificate + FOREIGN)
    assert authority_faults(agreed, b"")
    assert authority_faults("no certificate", b"no certificate")
