"""Keys of what is drawn for each person by a pseudorandom function of the synthetic key, and never by a row's place."""

from dataclasses import dataclass, field
from typing import Final

HMAC_BLOCK_BYTES: Final = 64
"""Block length of SHA-256 (RFC 2104)."""

PERSON_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A versioned secret key; a new version draws anew for everybody. Each purpose has a kind of its own."""

    version: int
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.material) != PERSON_KEY_BYTES:
            raise ValueError(f"a key of what is drawn per person has {PERSON_KEY_BYTES} bytes")

    def pads(self) -> tuple[bytes, bytes]:
        """Return HMAC's inner and outer padded key (64 bytes each, RFC 2104), as secret as the key itself."""
        padded = self.material.ljust(HMAC_BLOCK_BYTES, b"\0")
        return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
