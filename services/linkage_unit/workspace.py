"""What a linkage run keeps between attempts, and what its workers read: sealed under a data key of each search's own.

Findings hold record numbers of one run and Dice coefficients: no row id, no handle, and nothing of what was encoded.
They are sealed all the same, and the key is destroyed when the run is done.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from linkage_core.searching.candidates import Found
from linkage_core.searching.encodings import Encodings, EncodingsInMemory, Words
from linkage_core.types import ClkName
from services.common.clock import RandomBytes, system_random
from services.common.sealing import DataKeys, FileKeyEncryptionKey, SealedFolder

BLOCK_ROWS: Final = 8192
"""Rows of a sealed file of encodings: those of a block of the search, 1 MiB for CLKs of 1,024 bits."""


@dataclass(frozen=True, slots=True)
class SealedTasks:
    """Findings of one search, a sealed Arrow file a task, on disk before `write` returns."""

    folder: Path
    sealed: SealedFolder

    def ids(self) -> set[str]:
        """Return which tasks are finished."""
        return {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}

    def write(self, task: str, found: Found) -> None:
        """Seal what a task found."""
        self.sealed.write(task, found.to_bytes())

    def read(self, task: str) -> Found:
        """Open what a task found; raises `Tampered` if its file was changed or renamed."""
        return Found.from_bytes(self.sealed.read(task))


@dataclass(frozen=True, slots=True)
class WorkerKeys:
    """Where workers of other processes find the data keys: the file of the key-encryption key, the folder of wraps."""

    key_encryption_key: Path
    wraps: Path


@dataclass(frozen=True, slots=True)
class SealedEncodings:
    """Encodings in sealed files that any process of the linkage unit's account opens, on any machine that mounts them.

    Pickled, it holds paths and shapes only: each worker opens the data key itself, and keeps neither.
    """

    folder: Path
    worker_keys: WorkerKeys
    key_name: str
    rows: int

    def words(self, clk: ClkName, start: int, stop: int) -> Words:
        """Return one CLK of the records from `start` to before `stop`; raises `Tampered` if a file was changed."""
        kek = FileKeyEncryptionKey.load(self.worker_keys.key_encryption_key, system_random)
        key = DataKeys(kek, self.worker_keys.wraps, system_random).open(self.key_name)
        sealed = SealedFolder(self.folder, key, system_random)
        parts = []
        for block in range(start // BLOCK_ROWS, -(-stop // BLOCK_ROWS)):
            first = block * BLOCK_ROWS
            rows = min(BLOCK_ROWS, self.rows - first)
            content = np.frombuffer(sealed.read(_encodings_name(clk, block)), dtype=np.uint64).reshape(rows, -1)
            parts.append(content[max(start - first, 0) : stop - first])
        return np.concatenate(parts)  # a copy: kernels are compiled for arrays that may be written


@dataclass(frozen=True, slots=True)
class RunWorkspace:
    """The workspace of one wave's run, under the folder of sealed files.

    `worker_keys`: None where the workers are threads of this process; otherwise encodings are put beside the findings.
    """

    sealed_files: Path
    keys: DataKeys
    random: RandomBytes
    wave: str
    worker_keys: WorkerKeys | None = None

    def finished(self, search: str) -> SealedTasks:
        """Return what this search has finished before; findings of another search are removed."""
        self._remove_all_but(search)
        folder = self._folder / search / "found"
        return SealedTasks(folder, self._sealed(folder, search))

    def publish(self, search: str, encodings: EncodingsInMemory) -> Encodings:
        """Return the encodings as the run's workers can read them: as they are, or from sealed files."""
        if self.worker_keys is None:
            return encodings
        folder = self._folder / search / "encodings"
        sealed = self._sealed(folder, search)
        rows = _write_encodings(sealed, encodings.by_clk)
        return SealedEncodings(folder.absolute(), self.worker_keys, self._key_name(search), rows)

    def remove(self) -> None:
        """Destroy the data keys of all searches, and with them everything that was kept; then the files."""
        self._remove_all_but(None)
        if self._folder.exists():
            self._folder.rmdir()

    def _remove_all_but(self, search: str | None) -> None:
        """A key goes first: a crash in between leaves files that nobody can open."""
        for path in self._folder.iterdir() if self._folder.exists() else ():
            if path.name != search:
                self.keys.destroy(self._key_name(path.name))
                shutil.rmtree(path)

    @property
    def _folder(self) -> Path:
        return self.sealed_files / "search" / self.wave

    def _key_name(self, search: str) -> str:
        return f"search.{self.wave}.{search}"

    def _sealed(self, folder: Path, search: str) -> SealedFolder:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SealedFolder(folder, self.keys.open_or_create(self._key_name(search)), self.random)


def _write_encodings(sealed: SealedFolder, by_clk: Mapping[ClkName, Words]) -> int:
    rows = 0
    for clk, words in by_clk.items():
        rows = len(words)
        for block, start in enumerate(range(0, rows, BLOCK_ROWS)):
            sealed.write(_encodings_name(clk, block), words[start : start + BLOCK_ROWS].tobytes())
    return rows


def _encodings_name(clk: ClkName, block: int) -> str:
    return f"{clk}.{block:06d}"
