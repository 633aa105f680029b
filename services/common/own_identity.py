"""Who this process is: its keys, its agreement's file, and whether the agreement names the owner of these keys."""

from pathlib import Path

from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from services.common.certificates import authority_faults
from services.common.errors import ConfigurationFault
from services.common.identity import Role, realm_of
from services.common.keystore import PartyKeys, load_party_keys


def own_identity(keys_folder: Path, agreement_file: Path, role: Role) -> tuple[VerifiedAgreement, PartyKeys]:
    """Return the verified agreement and the keys that it names in `role`; no store is opened.

    Raises `ConfigurationFault` for what cannot be read or does not fit, `Refused` for what is not signed by all.
    """
    keys = load_party_keys(keys_folder)
    agreement = verify_agreement(read_agreement(agreement_file))
    require_own_keys(agreement, keys, role)
    return agreement, keys


def require_own_keys(agreement: VerifiedAgreement, keys: PartyKeys, role: Role) -> None:
    """Raise one `ConfigurationFault` unless these are keys of `role` that the agreement knows.

    Parties must be named with exactly these public keys; analysts are named in a roster, so for them only role, realm
    and certificate authority count.
    """
    faults = []
    if keys.role is not role:
        faults.append(f"the keys are those of a {keys.role}, expected {role}")
    if keys.public.realm != realm_of(agreement):
        faults.append("the keys were made for another agreement or trust domain")
    if role is not Role.ANALYST:
        faults += _party_faults(agreement, keys, role)
    faults += authority_faults(agreement.document.certificate_authority, keys.transport.authority)
    if faults:
        raise ConfigurationFault(f"the keys of {keys.name} do not fit the agreement", tuple(faults))


def read_agreement(path: Path) -> bytes:
    """Return the bytes of the agreement's file; raises `ConfigurationFault` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationFault(f"the agreement {path} cannot be read: {error.strerror}") from None


def _party_faults(agreement: VerifiedAgreement, keys: PartyKeys, role: Role) -> list[str]:
    named = [party for party in agreement.document.parties if party.role == role]
    party = next((party for party in named if party.name == keys.name), None)
    if party is None:
        return [f"the agreement names no {role} {keys.name}, but {', '.join(party.name for party in named)}"]
    faults = []
    if party.identity_key != keys.public.identity_key.hex():
        faults.append("the identity key is not the one that the agreement names")
    wrap_key = keys.public.wrap_key
    if party.wrap_key != (None if wrap_key is None else wrap_key.hex()):
        faults.append("the wrap key is not the one that the agreement names")
    return faults
