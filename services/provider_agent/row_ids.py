"""The way back: which row id each local person got, kept sealed from encoding until the delivery is acknowledged.

It holds handles, not local ids. As long as it exists, its holder can tell which person a token belongs to; that is what
delivery needs and nothing after it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.errors import Tampered
from linkage_core.types import IDENTIFIER_BYTES
from services.provider_agent.identities import Images

_FRAME_ROWS: Final = 65_536
_PAIR: Final = np.dtype([("handle", f"S{IDENTIFIER_BYTES}"), ("row_id", f"S{IDENTIFIER_BYTES}")])


@dataclass(frozen=True, slots=True)
class WayBack:
    """Handles, sorted, and the row id of each: both dtype S16, (people,)."""

    handles: Images = field(repr=False)
    row_ids: NDArray[np.bytes_] = field(repr=False)


def way_back(handles: bytes, row_ids: bytes) -> Iterator[bytes]:
    """Yield frames of pairs, sorted by handle so that the file's order is not kept either; 16 bytes each."""
    people = np.frombuffer(handles, dtype=f"S{IDENTIFIER_BYTES}")
    rows = np.frombuffer(row_ids, dtype=f"S{IDENTIFIER_BYTES}")
    order = np.argsort(people, kind="stable")
    for start in range(0, len(order), _FRAME_ROWS):
        part = order[start : start + _FRAME_ROWS]
        pairs = np.empty(len(part), dtype=_PAIR)
        pairs["handle"], pairs["row_id"] = people[part], rows[part]
        yield pairs.tobytes()


def read_way_back(frames: Iterable[bytes], rows: int) -> WayBack:
    """Read what `way_back` wrote; raises `Tampered` unless it has `rows` people. 32 bytes of memory per person."""
    parts = [np.frombuffer(frame, dtype=_PAIR) for frame in frames]
    pairs = np.concatenate(parts) if parts else np.empty(0, dtype=_PAIR)
    if len(pairs) != rows:
        raise Tampered(f"the agent's row ids are of {len(pairs)} people, the upload of {rows}")
    return WayBack(np.ascontiguousarray(pairs["handle"]), np.ascontiguousarray(pairs["row_id"]))
