"""From linkage groups to synthetic keys, in two keyed steps that no single service can take alone.

The linkage unit turns a group id into a pseudonym y (HMAC under its own key); the analysis service turns y into a
synthetic key (one AES block under its own key: a permutation, so that keys can be renewed without the linkage unit).
Neither service can follow the other's step: the linkage unit never sees synthetic keys, the analysis service never
sees group ids. Both keys bind to lineage and project, so an amendment or a new epoch keeps every key.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from linkage_core.crypto.kdf import expand, keyed_image
from linkage_core.crypto.secret import Secret
from linkage_core.types import IDENTIFIER_BYTES, Lineage


def linkage_unit_key(master: Secret, lineage: Lineage, project: str) -> Secret:
    """Return K_LU of one lineage and project from the linkage unit's 32-byte master key."""
    return expand(master, "linkage-unit", lineage, project.encode())


def analysis_service_key(master: Secret, lineage: Lineage, project: str) -> Secret:
    """Return K_AS of one lineage and project from the analysis service's 32-byte master key."""
    return expand(master, "analysis-service", lineage, project.encode())


def group_pseudonyms(k_lu: Secret, group_ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pseudonym y of each group id, uint8 (n, 16) to uint8 (n, 16). Run by the linkage unit."""
    key = expand(k_lu, "group-prf")
    images = b"".join(keyed_image(key, group.tobytes()) for group in group_ids)
    return np.frombuffer(images, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES).copy()


def synthetic_keys(k_as: Secret, version: int, pseudonyms: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the synthetic key of each pseudonym, uint8 (n, 16) to uint8 (n, 16). Run by the analysis service.

    Each y is a single block under its own use of AES-256 (the key derives from label and version), which makes the map
    a permutation: two people never share a key, and no mode of operation is involved.
    """
    key = expand(k_as, "synthetic-key", version.to_bytes(4, "big"))
    blocks = Cipher(AES(key.reveal()), ECB()).encryptor()  # noqa: S305 - one block a value is the permutation wanted
    keys = blocks.update(np.ascontiguousarray(pseudonyms).tobytes()) + blocks.finalize()
    return np.frombuffer(keys, dtype=np.uint8).reshape(-1, IDENTIFIER_BYTES).copy()
