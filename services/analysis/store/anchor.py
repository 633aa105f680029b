"""The ledger's head, written down outside the ledger: a restored backup of the ledger no longer fits it.

Without it, whoever restores an older ledger has spent budget forgotten, and every table sold again. The file lies
where the ledger's backups do not reach, is signed by the service, and only moves forward. Order of a crash: the ledger
commits first, the anchor follows before the charge is acted upon. So the anchor may lag behind the ledger by charges
for which no noise was drawn yet, and the ledger never behind the anchor.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from disclosure.entries import Anchor, Entry
from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from services.common.files import write_durably

FORMAT: Final = "symbolon-anchor/1"


class AnchorFile:
    """The newest ledger entry of each lineage, in one signed file. Safe for several threads and processes."""

    def __init__(self, path: Path, key: Secret) -> None:
        self._path = path
        self._key = key

    @property
    def public_key(self) -> bytes:
        """The Ed25519 public key (32 bytes) under which the anchor is signed: the analysis service's."""
        return signing.public_of(self._key)

    def read(self, lineage: str) -> Anchor | None:
        """Return the anchored head of a lineage, or None; raises `Tampered` for a file that this key did not sign."""
        head = self._heads().get(lineage)
        return None if head is None else Anchor(*head)

    @property
    def exists(self) -> bool:
        """Tell whether anything was ever anchored, be it that the ledger was empty."""
        return self._path.exists()

    def begin(self) -> None:
        """Write down that the ledger is empty, unless there is an anchor already."""
        with self._locked():
            if not self.exists:
                self._write({})

    def advance(self, entry: Entry) -> None:
        """Anchor an entry that the ledger has committed, durably, unless a later one of its lineage is anchored."""
        with self._locked():
            heads = self._heads()
            if entry.lineage in heads and heads[entry.lineage][0] >= entry.sequence:
                return
            heads[entry.lineage] = (entry.sequence, entry.entry_hash)
            self._write(heads)

    def _write(self, heads: dict[str, tuple[int, str]]) -> None:
        content = _content(heads)
        signature = signing.sign(self._key, info("ledger-anchor", content)).hex()
        write_durably(self._path, json.dumps({"anchor": content.decode(), "signature": signature}).encode())

    def _heads(self) -> dict[str, tuple[int, str]]:
        if not self._path.exists():
            return {}
        try:
            file = json.loads(self._path.read_bytes())
            content, signature = str(file["anchor"]).encode(), bytes.fromhex(file["signature"])
            signing.verify(self.public_key, info("ledger-anchor", content), signature, "the anchor")
            heads = json.loads(content)["heads"]
            return {lineage: (int(head["sequence"]), str(head["entry_hash"])) for lineage, head in heads.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Tampered("the ledger's anchor file is not one") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(f".{self._path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _content(heads: dict[str, tuple[int, str]]) -> bytes:
    return canonical_bytes(
        {
            "format": FORMAT,
            "heads": {lineage: {"sequence": place, "entry_hash": digest} for lineage, (place, digest) in heads.items()},
        }
    )
