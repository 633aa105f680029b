"""Texts as kernels read them: the code points of many values side by side, and where each value begins.

Lone surrogates, which no file should hold, pass through: it is for a feature's format to refuse them.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_CODE_POINT = "<u4"
_CONTINUATION = 0x80
"""Upper bits of the bytes of UTF-8 that continue a code point."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Values one after another: value i is `codes[starts[i]:starts[i + 1]]`.

    `codes`: uint32, code points. `starts`: int64, (values + 1,). Identifiers in clear, never to leave the agent.
    """

    codes: NDArray[np.uint32] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Code points of each value."""
        return np.diff(self.starts)

    def strings(self) -> list[str]:
        """Return the values as strings."""
        text = self.codes.astype(_CODE_POINT, copy=False).tobytes().decode("utf-32-le", "surrogatepass")
        starts = self.starts.tolist()
        return [text[start:end] for start, end in pairwise(starts)]

    def chosen(self, places: NDArray[np.intp]) -> list[str]:
        """Return some of the values as strings, by their places."""
        bounds = zip(self.starts[places].tolist(), self.starts[places + 1].tolist(), strict=True)
        return [_string(self.codes[start:end]) for start, end in bounds]


def texts_of_utf8(utf8: NDArray[np.uint8], starts: NDArray[np.int64]) -> Texts:
    """Return texts of their UTF-8, uint8, and where each one's begins in it: int64, (values + 1,)."""
    if not utf8.size or utf8.max() < _CONTINUATION:
        return Texts(utf8.astype(np.uint32), starts)
    codes = code_points(utf8.tobytes().decode("utf-8", "surrogatepass"))
    before = np.zeros(len(utf8) + 1, dtype=np.int64)
    np.cumsum((utf8 & 0xC0) != _CONTINUATION, out=before[1:])
    return Texts(codes, before[starts])


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text: uint32."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.uint32)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=_CODE_POINT).astype(np.uint32, copy=False)


def _string(codes: NDArray[np.uint32]) -> str:
    return codes.astype(_CODE_POINT, copy=False).tobytes().decode("utf-32-le", "surrogatepass")
