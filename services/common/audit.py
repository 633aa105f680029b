"""The audit log of a process: append-only, hash-chained, every line signed, on disk before the step counts.

Each line is canonical JSON {sequence, time, event, fields, previous, hash, signature}; `hash` covers everything before
it, `signature` signs `hash`. Cutting, changing or reordering lines is found by `verify`; dropping the newest lines is
found by whoever keeps an earlier head.
"""

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Tampered
from services.common.clock import Clock
from services.common.logs import ALLOWED_KEYS, UnlistedLogKey

_START: Final = "0" * 64


class AuditLog:
    """One process's audit log in one file."""

    def __init__(self, path: Path, key: Secret, clock: Clock) -> None:
        self._path = path
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sequence, self._head = verify(path, signing.public_of(key)) if path.exists() else (0, _START)

    @property
    def head(self) -> str:
        """Hash of the newest line, hexadecimal; 64 zeros for an empty log."""
        return self._head

    def append(self, event: str, **fields: str | int) -> None:
        """Append one line and flush it to disk; field names are those that logs allow."""
        unlisted = sorted(set(fields) - ALLOWED_KEYS)
        if unlisted:
            raise UnlistedLogKey(f"audit fields are not on the allow-list: {', '.join(unlisted)}")
        with self._lock:
            line: dict[str, JsonValue] = {
                "sequence": self._sequence + 1,
                "time": self._clock().isoformat(),
                "event": event,
                "fields": dict(fields),
                "previous": self._head,
            }
            digest = hashlib.sha256(canonical_bytes(line)).hexdigest()
            signature = signing.sign(self._key, info("audit", bytes.fromhex(digest))).hex()
            with self._path.open("ab") as file:
                file.write(canonical_bytes({**line, "hash": digest, "signature": signature}) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self._sequence, self._head = self._sequence + 1, digest


def verify(path: Path, public_key: bytes) -> tuple[int, str]:
    """Return (number of lines, head) of a log; raises `Tampered` naming the first line that does not fit.

    A last line without its newline is what a crash while writing leaves: it never counted, and is cut off.
    """
    head, sequence = _START, 0
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(path, len(whole))
    for raw in whole.split(b"\n")[:-1]:
        try:
            line = json.loads(raw)
            digest, signature = line.pop("hash"), bytes.fromhex(line.pop("signature"))
            fits = (
                line["previous"] == head
                and line["sequence"] == sequence + 1
                and hashlib.sha256(canonical_bytes(line)).hexdigest() == digest
                and canonical_bytes({**line, "hash": digest, "signature": signature.hex()}) == raw
            )
        except (KeyError, ValueError, TypeError, AttributeError, InputFault):
            fits, digest, signature = False, "", b""
        if not fits:
            raise Tampered(f"line {sequence + 1} of the audit log {path.name} does not follow from the lines before it")
        signing.verify(public_key, info("audit", bytes.fromhex(digest)), signature, f"audit line {sequence + 1}")
        head, sequence = digest, sequence + 1
    return sequence, head
