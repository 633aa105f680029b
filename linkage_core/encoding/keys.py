"""The linkage secret S, every key derived from it, and a provider's own handle key.

S binds to lineage, epoch, member set and schema hash through the salt of its extraction, so keys derived from S carry a
label and no further context: another lineage, epoch, member set or schema is another S. What is compared across
providers (key check, canary digest) proves equality of S without telling anything about it to one who lacks it.
Source: `protos/README.md`, section Keys; RFC 5869.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.crypto.kdf import KEY_BYTES, expand, extract, info, keyed_image, keyed_images
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault
from linkage_core.types import IDENTIFIER_BYTES, AgreementHash, ClkName, Lineage, LocalId, MatchKeyName, PartyName

SHARE_BYTES: Final = 32
CLKHASH_SECRET_BYTES: Final = 64


def linkage_secret(
    lineage: Lineage, epoch: int, members: Sequence[PartyName], schema_hash: bytes, shares: Mapping[PartyName, Secret]
) -> Secret:
    """Return S = HKDF-Extract(salt = SHA-256(lineage, epoch, member set, schema hash), s_1 ‖ … ‖ s_n in member order).

    The salt's parts are length-prefixed, the member set a length-prefixed list of its own; the epoch is 4 bytes,
    big-endian. Raises `InputFault` unless there is exactly one 32-byte share of each member, members sorted and unique.
    """
    faults = [f"no share of {name}" for name in members if name not in shares]
    faults += [f"a share of {name}, who is no member" for name in shares if name not in members]
    faults += [
        f"the share of {name} has not {SHARE_BYTES} bytes" for name, s in shares.items() if len(s) != SHARE_BYTES
    ]
    if list(members) != sorted(set(members)):
        faults.append("the members must be sorted by name and unique")
    if faults:
        raise InputFault("the shares of the linkage secret do not fit the member set", tuple(faults))
    member_set = info("members", *(name.encode() for name in members))
    salt = hashlib.sha256(info("linkage-secret", lineage, epoch.to_bytes(4, "big"), member_set, schema_hash)).digest()
    return extract(salt, Secret(b"".join(shares[name].reveal() for name in members)))


@dataclass(frozen=True, slots=True)
class LinkageKeys:
    """The keys derived from one linkage secret S; held by providers only, printed by nobody."""

    secret: Secret

    def clk(self, name: ClkName | str) -> Secret:
        """Return the 64-byte clkhash secret of one CLK."""
        return expand(self.secret, f"clk/{name}", length=CLKHASH_SECRET_BYTES)

    def diffusion(self, name: ClkName | str) -> Secret:
        """Return the key of one CLK's diffusion."""
        return expand(self.secret, f"diffusion/{name}")

    def match_key(self, name: MatchKeyName | str) -> Secret:
        """Return the HMAC key of one match key."""
        return expand(self.secret, f"match-key/{name}")

    def canary(self) -> Secret:
        """Return the HMAC key of the canary digest."""
        return expand(self.secret, "canary")

    def key_check(self, agreement: AgreementHash) -> bytes:
        """Return the 16 bytes that all providers must agree on before anything is uploaded under this agreement."""
        return keyed_image(expand(self.secret, "key-check"), agreement)


def handles(provider_key: Secret, local_ids: Sequence[LocalId]) -> NDArray[np.uint8]:
    """Return the handle of each local id: HMAC(HKDF(h_i, `handle`), local id)[:16], h_i the provider's own 32 bytes.

    uint8, (local ids, 16), in their order; a row's bytes are a `Handle`.
    Whoever holds h_i can test a guessed local id; it never leaves the provider.
    """
    if len(provider_key) != KEY_BYTES:
        raise InputFault(f"the handle key has not {KEY_BYTES} bytes")
    key = expand(provider_key, "handle")
    images = keyed_images(key, map(str.encode, local_ids))
    return np.frombuffer(images, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES)
