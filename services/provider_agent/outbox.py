"""What the agent keeps between steps: one folder per wave, and a step is done if and only if its record is there.

    uploads       chunks of encoded rows, sealed; content fixed once, so that a resumed upload sends the same bytes
    rows          handle and row id of every person, sealed
    tokens        the tokens received, sealed
    payload       chunks of payload rows, sealed for the analysis service and once more for the disk
    *.record      what a finished step leaves: signed manifests, the token batch's header, acknowledgements

Records are written last and durably, so a process that is killed anywhere repeats a step from its beginning or finds it
done. Destroying a data key (its wrap lies in `wraps/`, which backups leave out) destroys what it sealed.
"""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from services.common.clock import RandomBytes
from services.common.errors import NotReady
from services.common.files import write_durably
from services.common.sealed_frames import read_frames, write_frames
from services.common.sealing import DataKeys, KeyEncryptionKey

_HASH_CHARACTERS: Final = 16


class Record(StrEnum):
    """What finished steps of a wave leave behind, in their order."""

    UPLOAD_MANIFEST = "upload-manifest"
    UPLOADED = "uploaded"
    TOKEN_HEADER = "token-header"  # noqa: S105 - a file's name
    DELIVERY_MANIFEST = "delivery-manifest"
    DELIVERED = "delivered"
    FORGOTTEN = "forgotten"


class Artefact(StrEnum):
    """Sealed files of a wave, each under a data key of its own."""

    UPLOAD = "upload"
    ROWS = "rows"
    TOKENS = "tokens"
    PAYLOAD = "payload"


class Outbox:
    """The sealed files and records of one wave under one version of the agreement."""

    def __init__(self, folder: Path, keys: DataKeys, name: str, random_bytes: RandomBytes) -> None:
        self._folder = folder
        self._keys = keys
        self._name = name
        self._random_bytes = random_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def spill(self) -> Path:
        """Where a shuffle may put its buckets."""
        return self._folder / "spill"

    def has(self, record: Record) -> bool:
        """Tell whether the step of a record is done."""
        return self._record(record).exists()

    def read(self, record: Record) -> bytes:
        """Return what a finished step left."""
        return self._record(record).read_bytes()

    def write(self, record: Record, content: bytes) -> None:
        """Finish a step."""
        write_durably(self._record(record), content)

    def fill(self, artefact: Artefact, frames: Iterable[bytes]) -> int:
        """Seal and write an artefact under a fresh data key, replacing an unfinished one; returns how many frames."""
        self.forget(artefact)
        key = self._keys.open_or_create(self._key_name(artefact))
        return write_frames(self._folder / artefact, key, frames, self._random_bytes)

    def frames(self, artefact: Artefact, start: int = 0) -> Iterator[bytes]:
        """Yield an artefact's frames from the `start`-th on; raises `Tampered` if it is changed or destroyed."""
        path = self._folder / artefact
        if not path.exists():
            raise Tampered(f"the agent's {artefact} file of this wave is gone: restore its state folder")
        yield from read_frames(path, self._keys.open(self._key_name(artefact)), start)

    def holds(self, artefact: Artefact) -> bool:
        """Tell whether an artefact can still be read."""
        return (self._folder / artefact).exists() and self._keys.has(self._key_name(artefact))

    def forget(self, artefact: Artefact) -> None:
        """Destroy an artefact's data key and remove the file."""
        self._keys.destroy(self._key_name(artefact))
        for path in (self._folder / artefact, self._folder / f".{artefact}.new"):
            path.unlink(missing_ok=True)

    def _record(self, record: Record) -> Path:
        return self._folder / f"{record}.record"

    def _key_name(self, artefact: Artefact) -> str:
        return f"{self._name}-{artefact}"


class Epoch:
    """The linkage secret of one epoch, and what its exchange needs, as long as it is needed."""

    def __init__(self, folder: Path, keys: DataKeys, name: str) -> None:
        self._folder = folder
        self._keys = keys
        self._name = name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def own_share(self) -> Secret:
        """Return this provider's share s_i: 32 random bytes, made once for the epoch."""
        return self._keys.open_or_create(f"{self._name}-share")

    def secret(self) -> Secret | None:
        """Return the linkage secret S, or None if it is not derived yet."""
        name = f"{self._name}-secret"
        return self._keys.open(name) if self._keys.has(name) else None

    def keep_secret(self, secret: Secret) -> None:
        """Keep S, sealed."""
        self._keys.keep(f"{self._name}-secret", secret)

    def forget_share(self) -> None:
        """Delete s_i: all providers hold S."""
        self._keys.destroy(f"{self._name}-share")

    def forget_secret(self) -> None:
        """Delete S for good: the epoch's uploads have ended."""
        self.note("ended")
        self.forget_share()
        self._keys.destroy(f"{self._name}-secret")

    @property
    def ended(self) -> bool:
        """Whether S was deleted."""
        return self.noted("ended")

    def note(self, what: str, content: bytes = b"") -> None:
        """Write a record durably."""
        write_durably(self._folder / f"{what}.record", content)

    def noted(self, what: str) -> bool:
        """Tell whether a record is there."""
        return (self._folder / f"{what}.record").exists()

    def read(self, what: str) -> bytes:
        """Return a record's content."""
        return (self._folder / f"{what}.record").read_bytes()


class AgentState:
    """The agent's state folder: the handle keys of lineages (back them up), epochs and waves (do not)."""

    def __init__(self, folder: Path, kek: KeyEncryptionKey, random_bytes: RandomBytes) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._random_bytes = random_bytes
        self._lasting = DataKeys(kek, folder / "handle-keys", random_bytes)
        self._wraps = DataKeys(kek, folder / "wraps", random_bytes)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process; raises `NotReady` if another one has it."""
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotReady(f"another agent is working in {self._folder}; let it finish") from None
            yield

    def handle_key(self, agreement: VerifiedAgreement) -> Secret:
        """Return h_i of the agreement's lineage, made once and kept for ever: handles are stable across waves."""
        return self._lasting.open_or_create(f"handle-{agreement.document.lineage}")

    def epoch(self, agreement: VerifiedAgreement) -> Epoch:
        """Return the state of the agreement's epoch; member set and schema belong to it, as they enter S."""
        document = agreement.document
        members = info("members", *(party.name.encode() for party in document.providers))
        parts = hashlib.sha256(info("epoch", members, document.schema_hash)).hexdigest()[:_HASH_CHARACTERS]
        name = f"{document.lineage}-{document.epoch}-{parts}"
        return Epoch(self._folder / "epochs" / name, self._wraps, name)

    def wave(self, agreement: VerifiedAgreement, wave: str) -> Outbox:
        """Return the outbox of a wave under this version of the agreement."""
        name = f"{wave}-{agreement.hash.hex()[:_HASH_CHARACTERS]}"
        return Outbox(self._folder / "waves" / name, self._wraps, name, self._random_bytes)
