"""A tap inside TLS: every message that a client sends or gets, as bytes, with what comes along with it.

Run as a program it is `symbolon` itself, tapped, and it leaves the names of all modules that the process had loaded:

    python -m tests.support.wiretap FOLDER ARGUMENTS-OF-SYMBOLON...
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from unittest import mock

import grpc

Part = Literal["request", "response", "refusal", "metadata"]

MODULES: Final = "modules"
"""Suffix of the file that names a process's modules."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message on the line. `method` is the full gRPC name; a refusal is the status and its sentence."""

    method: str
    part: Part
    content: bytes = field(repr=False)


class Wiretap(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor):  # type: ignore[type-arg] # generic in the stubs only
    """Passes everything on, and notes it."""

    def __init__(self, note: Callable[[Heard], None]) -> None:
        self._note = note

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self._hear(details, "request", request.SerializeToString())
        return self._outcome(details, continuation(details, request))

    def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        def passing() -> Iterator[Any]:
            for request in requests:
                self._hear(details, "request", request.SerializeToString())
                yield request

        return self._outcome(details, continuation(details, passing()))

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        self._hear(details, "request", request.SerializeToString())
        return self._stream(details, continuation(details, request))

    def _stream(self, details: Any, call: Any) -> Iterator[Any]:
        try:
            for response in call:
                self._hear(details, "response", response.SerializeToString())
                yield response
        except grpc.RpcError:
            self._refusal(details, call)
            raise
        self._metadata(details, call)

    def _outcome(self, details: Any, outcome: Any) -> Any:
        if outcome.exception() is None:
            self._hear(details, "response", outcome.result().SerializeToString())
        else:
            self._refusal(details, outcome)
        self._metadata(details, outcome)
        return outcome

    def _refusal(self, details: Any, call: Any) -> None:
        self._hear(details, "refusal", f"{call.code().name}: {call.details()}".encode())

    def _metadata(self, details: Any, call: Any) -> None:
        both = (*(call.initial_metadata() or ()), *(call.trailing_metadata() or ()))
        lines = sorted(f"{key}: {value!r}" for key, value in both)
        self._hear(details, "metadata", "\n".join(lines).encode())

    def _hear(self, details: Any, part: Part, content: bytes) -> None:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        self._note(Heard(method, part, content))


def tapped_channels(note: Callable[[Heard], None]) -> Any:
    """Tap every channel that is opened while the returned context lasts."""
    open_channel = grpc.secure_channel

    def tapped(*arguments: Any, **options: Any) -> grpc.Channel:
        return grpc.intercept_channel(open_channel(*arguments, **options), Wiretap(note))

    return mock.patch.object(grpc, "secure_channel", tapped)


def heard_in(folder: Path) -> list[Heard]:
    """Read what tapped processes left in a folder, process by process, in order."""
    heard = []
    for path in sorted(folder.glob("*.message")):
        head, _, content = path.read_bytes().partition(b"\n")
        method, part = head.decode().split(" ")
        heard.append(Heard(method, part, content))  # type: ignore[arg-type] # written by `main`
    return heard


def main(folder: Path, arguments: list[str]) -> None:
    """Run `symbolon` with these arguments; its messages and the names of its modules go into the folder."""
    from services.cli.main import main as symbolon

    numbers = itertools.count()
    own = f"{'-'.join(arguments[:2])}-{os.getpid()}"

    def note(heard: Heard) -> None:
        path = folder / f"{own}-{next(numbers):06}.message"
        path.write_bytes(f"{heard.method} {heard.part}\n".encode() + heard.content)

    sys.argv = ["symbolon", *arguments]
    try:
        with tapped_channels(note):
            symbolon()
    finally:
        (folder / f"{own}.{MODULES}").write_text("\n".join(sorted(sys.modules)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
