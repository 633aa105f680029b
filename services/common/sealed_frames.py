"""Files of sealed frames: written once, in order and durably; read from any frame on, without holding the file.

A frame is a 4-byte big-endian length and AES-256-GCM under a data key; its place and the file's name are bound to it,
so that frames cannot be moved, exchanged or taken from another file. Who steals the disk but not the key sees lengths.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Tampered
from services.common.clock import RandomBytes
from services.common.files import flush_folder
from services.common.sealing import open_bytes, seal_bytes

_LENGTH_BYTES: Final = 4
_LONGEST_FRAME: Final = 1 << 30
FRAME_BYTES: Final = _LENGTH_BYTES + 12 + 16
"""What a frame takes on disk beside its content: length, nonce and tag."""


class FrameFile:
    """A file of sealed frames that is being written under another name, `beside`, until it is kept or discarded.

    Two writers of one file need two names to write under; which of them may keep it is their caller's to decide.
    """

    def __init__(self, path: Path, beside: Path, key: Secret, random_bytes: RandomBytes) -> None:
        self._path = path
        self._beside = beside
        self._key = key
        self._random_bytes = random_bytes
        self._file = beside.open("wb")
        beside.chmod(0o600)
        self.count = 0

    def append(self, frame: bytes) -> None:
        """Seal the next frame and hand it to the operating system, which may lose it until the file is kept."""
        append_frame(self._file, self._key, self._path.name, self.count, frame, self._random_bytes)
        self.count += 1

    def keep(self) -> None:
        """Put the file in its place, durably, over one of that name; after a crash it is whole or not there."""
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())
        self._beside.replace(self._path)
        flush_folder(self._path.parent)

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._beside.unlink(missing_ok=True)


def write_frames(path: Path, key: Secret, frames: Iterable[bytes], random_bytes: RandomBytes) -> int:
    """Write all frames durably and return their number; after a crash the file is whole or not there."""
    file = FrameFile(path, path.with_name(f".{path.name}.new"), key, random_bytes)
    try:
        for frame in frames:
            file.append(frame)
    except BaseException:
        file.discard()
        raise
    file.keep()
    return file.count


def append_frame(file: BinaryIO, key: Secret, name: str, place: int, frame: bytes, random_bytes: RandomBytes) -> None:
    """Seal one frame as the `place`-th (from 0) of the file called `name`, and write it where the file stands."""
    sealed = seal_bytes(key, frame, _bound_to(name, place), random_bytes)
    file.write(len(sealed).to_bytes(_LENGTH_BYTES, "big"))
    file.write(sealed)


def read_frames(path: Path, key: Secret, start: int = 0) -> Iterator[bytes]:
    """Yield the frames from the `start`-th on; raises `Tampered` if one was changed, moved or cut short."""
    with path.open("rb") as file:
        place = 0
        while head := file.read(_LENGTH_BYTES):
            length = int.from_bytes(head, "big")
            if len(head) < _LENGTH_BYTES or length > _LONGEST_FRAME:
                raise Tampered(f"{path.name} is cut short or changed at frame {place}")
            if place < start:
                file.seek(length, os.SEEK_CUR)
            else:
                yield open_bytes(key, file.read(length), _bound_to(path.name, place))
            place += 1


def _bound_to(name: str, place: int) -> bytes:
    return info("frame", name.encode(), place.to_bytes(8, "big"))
