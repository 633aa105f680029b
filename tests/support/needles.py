"""Looking for strings and values in anything that a process left behind, in every form in which they could hide.

A search that cannot find is no test: `tests/privacy/test_canaries.py` first hides each form somewhere and finds it.
"""

import base64
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import numpy as np
from anyascii import anyascii
from numpy.typing import NDArray

SHORTEST: Final = 6
"""Bytes of a needle: shorter ones turn up in ciphertext by chance."""

_HEAD: Final = 4
_TABLE_BITS: Final = 22
_SPREAD: Final = np.uint32(2654435769)
_BLOCK: Final = 1 << 22
_DIGESTS: Final = (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.blake2b)


@dataclass(frozen=True, slots=True)
class Found:
    """Where something was found that must not be there: what it is called, in which form, and in what."""

    name: str
    form: str
    place: str


@dataclass(frozen=True, slots=True)
class Needles:
    """Byte strings to look for, each with the name of what it stands for and of its form."""

    forms: Mapping[bytes, tuple[str, str]]
    _by_head: Mapping[bytes, tuple[bytes, ...]] = field(repr=False)
    _table: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(cls, forms: Iterable[tuple[bytes, str, str]]) -> Self:
        """Take needles, their names and forms; those shorter than `SHORTEST` are left out. The first name counts."""
        kept: dict[bytes, tuple[str, str]] = {}
        for needle, name, form in forms:
            if len(needle) >= SHORTEST:
                kept.setdefault(needle, (name, form))
        by_head: dict[bytes, tuple[bytes, ...]] = {}
        for needle in kept:
            by_head[needle[:_HEAD]] = (*by_head.get(needle[:_HEAD], ()), needle)
        table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
        table[_places(np.frombuffer(b"".join(by_head), dtype=np.uint8).reshape(-1, _HEAD))] = True
        return cls(kept, by_head, table)

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> Self:
        """Take texts by name, in every spelling, character set and encoding of `forms_of_text`."""
        return cls.of((n, name, form) for name, text in texts.items() for n, form in forms_of_text(text))

    @classmethod
    def of_values(cls, values: Mapping[str, Iterable[bytes]]) -> Self:
        """Take binary values by the name of their kind: as they are, in hexadecimal and in base64."""
        return cls.of((n, name, form) for name, many in values.items() for v in many for n, form in forms_of_bytes(v))

    def __or__(self, other: Self) -> Self:
        both = (*self.forms.items(), *other.forms.items())
        return type(self).of((needle, name, form) for needle, (name, form) in both)

    def inside(self, content: bytes, place: str) -> list[Found]:
        """Return every needle that occurs in `content`, once."""
        hits: set[bytes] = set()
        for start in range(0, max(len(content) - _HEAD + 1, 0), _BLOCK):
            block = np.frombuffer(content, dtype=np.uint8)[start : start + _BLOCK + _HEAD - 1]
            windows = np.lib.stride_tricks.sliding_window_view(block, _HEAD)
            for at in (np.flatnonzero(self._table[_places(windows)]) + start).tolist():
                for needle in self._by_head.get(content[at : at + _HEAD], ()):
                    if content.startswith(needle, at):
                        hits.add(needle)
        return [Found(*self.forms[needle], place) for needle in sorted(hits)]

    def in_files(self, folder: Path, leave_out: Iterable[Path] = ()) -> list[Found]:
        """Search every file below a folder, names of files included, but for those left out."""
        skipped = {path.resolve() for path in leave_out}
        found = []
        for path in sorted(folder.rglob("*")):
            place = str(path.relative_to(folder))
            found += self.inside(place.encode(), f"name of {place}")
            if path.is_file() and path.resolve() not in skipped:
                found += self.inside(path.read_bytes(), place)
        return found


def forms_of_text(text: str) -> Iterator[tuple[bytes, str]]:
    """Yield a text in every spelling × character set × encoding, and the unkeyed digests of its spellings."""
    spellings = {text, *(unicodedata.normalize(norm, text) for norm in ("NFC", "NFD", "NFKC", "NFKD"))}
    spellings |= {anyascii(spelling) for spelling in spellings}
    spellings |= {s for t in spellings for s in (t.casefold(), t.lower(), t.upper(), t.title())}
    for spelling in sorted(spellings):
        for character_set in ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "cp1251", "utf-7"):
            try:
                raw = spelling.encode(character_set)
            except UnicodeEncodeError:
                continue
            for needle, form in forms_of_bytes(raw):
                yield needle, f"{character_set} {form}"
        yield quote(spelling).encode(), "percent-encoded"
        yield spelling.encode("ascii", "backslashreplace"), "escaped"
        for digest in _DIGESTS:
            for needle, form in forms_of_bytes(digest(spelling.encode()).digest()):
                yield needle, f"{digest.__name__} {form}"


def forms_of_bytes(raw: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield bytes as they are, in hexadecimal, and in base64 at each of the three places where they can begin."""
    yield raw, "raw"
    yield raw.hex().encode(), "hexadecimal"
    yield raw.hex().upper().encode(), "hexadecimal"
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw)
        # The first characters mix with what comes before, the last with what comes after.
        core = encoded[(0, 2, 3)[shift] : len(encoded) - (0, 3, 2)[(shift + len(raw)) % 3]]
        if len(core) >= SHORTEST:
            yield core, "base64"
            yield core.replace(b"+", b"-").replace(b"/", b"_"), "base64"


def _places(heads: NDArray[np.uint8]) -> NDArray[np.uint32]:
    joined = np.zeros(len(heads), dtype=np.uint32)
    for column in range(_HEAD):
        joined = (joined << np.uint32(8)) | heads[:, column]
    return (joined * _SPREAD) >> np.uint32(32 - _TABLE_BITS)
