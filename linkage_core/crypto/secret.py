"""Key material that cannot be printed, logged or pickled by accident."""

import hmac
from typing import NoReturn


class Secret:
    """Bytes that show themselves only through `reveal()`.

    `repr`, `str`, formatting, pickling and copying give nothing away; equality takes constant time.
    The bytes stay in memory until Python frees them: this guards against slips, not against a debugger.
    """

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes) -> None:
        self._bytes = bytes(value)

    def reveal(self) -> bytes:
        """Return the raw bytes; call it only where a primitive needs them."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._bytes)

    def __repr__(self) -> str:
        return f"<Secret of {len(self._bytes)} bytes>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        raise TypeError("a Secret is not hashable: it must not end up as a key of a dictionary")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")
