"""Encodings and tokens at rest: sealed files, one data key per agreement, wave and provider.

A key's wrap lies in the folder of wraps, which backups leave out: when it is destroyed, so is what it sealed.
"""

import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from linkage_core.errors import Tampered
from services.common.clock import RandomBytes
from services.common.sealed_frames import FRAME_BYTES, FrameFile, read_frames
from services.common.sealing import DataKeys

_AGREEMENT_CHARACTERS = 16  # of its hash: enough to tell versions apart in a key's name
_MARK_BYTES = 8  # of a group's name while it is being written


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

    They lie in groups, a file of sealed frames each, called after its first chunk: one flush of the disk is for many.
    Writing makes the data key on first use. Reading never does: what a destroyed key sealed stays closed.
    """

    folder: Path
    keys: DataKeys
    key_name: str
    random: RandomBytes
    transfer: bytes

    def begin_group(self, first: int) -> FrameFile:
        """Begin a group of consecutive chunks from the `first`-th on. Kept, it replaces one that begins there.

        Several may be begun at one number; to keep none over chunks that have been counted is the caller's duty.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(first)
        beside = path.with_name(f".{path.name}.{self.random(_MARK_BYTES).hex()}")
        return FrameFile(path, beside, self.keys.open_or_create(self.key_name), self.random)

    def write(self, contents: Iterable[bytes]) -> None:
        """Seal all chunks of a transfer, as one group, and put them on disk before this returns."""
        group = self.begin_group(0)
        for content in contents:
            group.append(content)
        group.keep()

    def read(self, count: int) -> Iterator[bytes]:
        """Yield the first `count` chunks in order.

        Raises `Tampered` if one is missing or changed, or is another's, or if the key is destroyed.
        """
        key = self.keys.open(self.key_name)
        number = 0
        while number < count:
            path = self._path(number)
            if not path.exists():
                raise Tampered(f"chunk {number} of {count} is not in its folder: restore it from a backup")
            for content in islice(read_frames(path, key), count - number):
                yield content
                number += 1

    def bytes_of(self, count: int) -> int:
        """Return how many bytes the first `count` chunks have together, from the sizes of their files."""
        groups = (path for path in self.folder.glob("[!.]*") if int(path.name.rpartition(".")[2]) < count)
        return sum(path.stat().st_size for path in groups) - count * FRAME_BYTES

    def remove_unfinished(self) -> None:
        """Remove groups that were begun and never kept, as a killed process leaves them."""
        for path in self.folder.glob(".*"):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all chunks."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _path(self, first: int) -> Path:
        return self.folder / f"{self.transfer.hex()}.{first:08d}"


def _key_name(kind: str, agreement: str, wave: str, provider: str) -> str:
    return f"{kind}.{agreement[:_AGREEMENT_CHARACTERS]}.{wave}.{provider}"
