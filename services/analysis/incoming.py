"""Chunks of deliveries that are not committed yet, as they came: sealed for the wave's payload key."""

import shutil
from pathlib import Path

from linkage_core.errors import Tampered
from services.common.files import write_durably


class IncomingChunks:
    """One folder a delivery, one file a chunk, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, delivery_id: str, number: int, sealed: bytes) -> None:
        """Keep a chunk durably."""
        folder = self._folder / delivery_id
        folder.mkdir(exist_ok=True, mode=0o700)
        write_durably(folder / f"{number:06}", sealed)

    def read(self, delivery_id: str, number: int) -> bytes:
        """Return a chunk that was kept; raises `Tampered` if its file is gone."""
        try:
            return (self._folder / delivery_id / f"{number:06}").read_bytes()
        except FileNotFoundError:
            raise Tampered(f"chunk {number} of delivery {delivery_id} is gone from the disk") from None

    def remove(self, delivery_id: str) -> None:
        """Remove a delivery's chunks; nothing happens if there are none."""
        shutil.rmtree(self._folder / delivery_id, ignore_errors=True)

    def keep_only(self, delivery_ids: set[str]) -> None:
        """Remove what belongs to no open delivery: what a stop between commit and removal left behind."""
        for path in self._folder.iterdir():
            if path.name not in delivery_ids:
                shutil.rmtree(path, ignore_errors=True)
