"""Who this process is: the keys of its configuration, and whether the agreement names them its analysis service."""

from pathlib import Path

from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.crypto import signing
from linkage_core.types import PartyName
from services.analysis.config import AnalysisConfig
from services.common.agreements import realm_of
from services.common.certificates import authority_faults
from services.common.errors import ConfigurationFault
from services.common.identity import Role
from services.common.keystore import PartyKeys, load_party_keys


def own_identity(config: AnalysisConfig) -> tuple[VerifiedAgreement, PartyKeys]:
    """Return the agreement of the configuration's file and the keys that it names; the store is not opened."""
    keys = load_party_keys(config.keys)
    agreement = verify_agreement(read_agreement(config.agreement))
    require_fit(agreement, keys)
    return agreement, keys


def require_fit(agreement: VerifiedAgreement, keys: PartyKeys) -> None:
    """Raise one `ConfigurationFault` unless these keys are the agreement's analysis service's."""
    party = agreement.document.analysis_service
    faults = []
    if keys.role is not Role.ANALYSIS_SERVICE:
        faults.append(f"the keys are those of a {keys.role}, expected analysis-service")
    if keys.name != PartyName(party.name):
        faults.append(f"the keys are those of {keys.name}, the agreement's analysis service is {party.name}")
    if keys.public.realm != realm_of(agreement):
        faults.append("the keys were made for another agreement or trust domain")
    if signing.public_of(keys.identity).hex() != party.identity_key:
        faults.append("the identity key is not the one that the agreement names")
    faults += authority_faults(agreement.document.certificate_authority, keys.transport.authority)
    if faults:
        raise ConfigurationFault("keys and agreement do not fit together", tuple(faults))


def read_agreement(path: Path) -> bytes:
    """Return the bytes of the agreement's file; raises `ConfigurationFault` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationFault(f"the agreement {path} cannot be read: {error.strerror}") from None
