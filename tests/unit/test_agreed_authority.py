"""Every role believes the certificate authority that the agreement pins, and no other one in its key folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.errors import LinkageCoreError
from services.analysis.client import Analysis
from services.analysis.client_config import AnalystConfig
from services.analysis.own_identity import require_fit
from services.common.certificates import authority_faults, create_authority
from services.common.clock import system_clock
from services.common.errors import ServiceError
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.linkage_unit.unit import require_own_keys
from services.provider_agent.agent import require_keys_of_provider
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, Parties, make_parties

_, FOREIGN = create_authority("foreign authority", system_clock())


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


ROLES: list[tuple[str, Callable[[VerifiedAgreement, PartyKeys], None]]] = [
    (LINKAGE_UNIT, require_own_keys),
    (ANALYSIS, require_fit),
    ("tax", lambda agreement, keys: require_keys_of_provider(keys, agreement)),
]


@pytest.mark.parametrize(("name", "require"), ROLES, ids=[name for name, _ in ROLES])
def test_a_party_does_not_start_under_another_authority(
    parties: Parties, name: str, require: Callable[[VerifiedAgreement, PartyKeys], None]
) -> None:
    keys = parties.keys[name]
    require(parties.verified, keys)
    elsewhere = replace(keys, transport=replace(keys.transport, authority=FOREIGN))
    with pytest.raises((LinkageCoreError, ServiceError), match="certificate authority that the agreement pins"):
        require(parties.verified, elsewhere)


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
