"""Encodings and tokens at rest: sealed files, one data key per agreement, wave and provider.

A key's wrap lies in the folder of wraps, which backups leave out: when it is destroyed, so is what it sealed.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from linkage_core.crypto.secret import Secret
from services.common.clock import RandomBytes
from services.common.sealing import DataKeys, SealedFolder

_AGREEMENT_CHARACTERS = 16  # of its hash: enough to tell versions apart in a key's name


@dataclass(frozen=True, slots=True)
class SealedContent:
    """The sealed files of one linkage unit under `folder`."""

    folder: Path
    keys: DataKeys
    random: RandomBytes

    def encodings(self, agreement: str, wave: str, provider: str, upload: bytes) -> "SealedChunks":
        """Return the chunks of one upload."""
        return self._chunks("encodings", agreement, wave, provider, upload)

    def tokens(self, agreement: str, wave: str, provider: str, batch: bytes) -> "SealedChunks":
        """Return the chunks of one token batch."""
        return self._chunks("tokens", agreement, wave, provider, batch)

    def destroy_encodings(self, agreement: str, wave: str, provider: str) -> None:
        """Destroy the data key of a provider's encodings of a wave, whatever files remain."""
        self.keys.destroy(_key_name("encodings", agreement, wave, provider))

    def remove_tokens_except(self, batches: Collection[bytes]) -> None:
        """Remove the chunks of every token batch but these: what a killed run left behind."""
        folder = self.folder / "tokens"
        kept = {batch.hex() for batch in batches}
        for path in folder.iterdir() if folder.exists() else ():
            if path.name not in kept:
                shutil.rmtree(path)

    def _chunks(self, kind: str, agreement: str, wave: str, provider: str, number: bytes) -> "SealedChunks":
        key_name = _key_name(kind, agreement, wave, provider)
        return SealedChunks(self.folder / kind / number.hex(), self.keys, key_name, self.random, number)


@dataclass(frozen=True, slots=True)
class SealedChunks:
    """The numbered chunks of one transfer; a chunk opens only under the transfer and number that it was sealed for.

    Writing makes the data key on first use. Reading never does: what a destroyed key sealed stays closed.
    """

    folder: Path
    keys: DataKeys
    key_name: str
    random: RandomBytes
    transfer: bytes

    def write(self, number: int, content: bytes) -> None:
        """Seal a chunk and put it on disk before this returns."""
        self._files(self.keys.open_or_create(self.key_name)).write(self._name(number), content)

    def read(self, number: int) -> bytes:
        """Return a chunk; raises `Tampered` if its file was changed or is another's, or its key is destroyed."""
        return self._files(self.keys.open(self.key_name)).read(self._name(number))

    def remove(self) -> None:
        """Remove all chunks."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _files(self, key: Secret) -> SealedFolder:
        self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SealedFolder(self.folder, key, self.random)

    def _name(self, number: int) -> str:
        return f"{self.transfer.hex()}.{number:08d}"


def _key_name(kind: str, agreement: str, wave: str, provider: str) -> str:
    return f"{kind}.{agreement[:_AGREEMENT_CHARACTERS]}.{wave}.{provider}"
