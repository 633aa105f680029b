"""From groups to synthetic keys: stable through amendments, unrelated between lineages, and never colliding."""

import hmac

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from linkage_core.crypto.kdf import expand
from linkage_core.crypto.secret import Secret
from linkage_core.pseudonyms import analysis_service_key, group_pseudonyms, linkage_unit_key, synthetic_keys
from linkage_core.types import Lineage
from tests.support.documents import amended, parsed, small_document

MASTER = Secret(b"m" * 32)
LINEAGE = Lineage(b"l" * 16)
GROUPS = np.arange(200 * 16, dtype=np.uint32).astype(np.uint8).reshape(200, 16)
GROUPS[:, 0] = np.arange(200, dtype=np.uint8)


def chain(
    lineage: Lineage = LINEAGE, project: str = "migration", version: int = 1, master: Secret = MASTER
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pseudonyms and synthetic keys of the groups, as the two services make them."""
    pseudonyms = group_pseudonyms(linkage_unit_key(master, lineage, project), GROUPS)
    return pseudonyms, synthetic_keys(analysis_service_key(master, lineage, project), version, pseudonyms)


def values(rows: NDArray[np.uint8]) -> set[bytes]:
    return {row.tobytes() for row in rows}


def test_a_pseudonym_is_a_truncated_hmac_of_its_group() -> None:
    k_lu = linkage_unit_key(MASTER, LINEAGE, "migration")
    key = expand(k_lu, "group-prf").reveal()
    expected = hmac.digest(key, GROUPS[7].tobytes(), "sha256")[:16]
    assert group_pseudonyms(k_lu, GROUPS)[7].tobytes() == expected


def test_synthetic_keys_are_a_permutation_that_its_key_undoes() -> None:
    k_as = analysis_service_key(MASTER, LINEAGE, "migration")
    pseudonyms, keys = chain()
    assert len(values(keys)) == len(GROUPS)
    aes = Cipher(AES(expand(k_as, "synthetic-key", (1).to_bytes(4, "big")).reveal()), ECB())  # noqa: S305 - as in the module under test
    back = aes.decryptor().update(keys.tobytes())
    assert back == pseudonyms.tobytes()


def test_one_group_has_one_key_wherever_it_stands() -> None:
    k_as = analysis_service_key(MASTER, LINEAGE, "migration")
    pseudonyms, keys = chain()
    order = np.random.default_rng(1).permutation(len(GROUPS))
    assert (synthetic_keys(k_as, 1, pseudonyms[order]) == keys[order]).all()
    # A view that is not contiguous is read row by row all the same.
    wide = np.hstack([pseudonyms, pseudonyms])
    assert (synthetic_keys(k_as, 1, wide[:, :16]) == keys).all()


def test_lineage_project_version_and_master_give_unrelated_keys() -> None:
    pseudonyms, keys = chain()
    for other_pseudonyms, other_keys in (
        chain(lineage=Lineage(b"o" * 16)),
        chain(project="another"),
        chain(master=Secret(b"o" * 32)),
    ):
        assert values(pseudonyms).isdisjoint(values(other_pseudonyms))
        assert values(keys).isdisjoint(values(other_keys))
    same_pseudonyms, renewed = chain(version=2)
    assert (same_pseudonyms == pseudonyms).all()
    assert values(keys).isdisjoint(values(renewed))


def test_an_amendment_and_a_new_epoch_keep_every_key() -> None:
    old = parsed(small_document())
    new = amended(old, epoch=2, title="Amended")
    assert old.hash != new.hash
    for before, after in zip(chain(old.lineage_bytes, old.project), chain(new.lineage_bytes, new.project), strict=True):
        assert (before == after).all()


def test_one_services_key_does_not_serve_for_the_others_step() -> None:
    assert linkage_unit_key(MASTER, LINEAGE, "migration") != analysis_service_key(MASTER, LINEAGE, "migration")


def test_no_group_gives_no_key() -> None:
    none = np.zeros((0, 16), np.uint8)
    k = linkage_unit_key(MASTER, LINEAGE, "migration")
    assert group_pseudonyms(k, none).shape == (0, 16)
    assert synthetic_keys(k, 1, none).shape == (0, 16)
