"""A real Ray cluster of this machine's own, with token authentication, for as long as a block lasts."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final
from unittest import mock

TOKEN: Final = secrets.token_hex(32)
"""Of every cluster that this process starts: Ray reads it once."""

START_SECONDS: Final = 120
STOP_SECONDS: Final = 60


@contextmanager
def ray_cluster(folder: Path) -> Iterator[str]:
    """Start a cluster of two nodes with a core each, whose logs lie in `folder`; gives its address.

    This process may use it within the block.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    address = f"127.0.0.1:{port}"
    head = ("--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false")
    with mock.patch.dict(os.environ, settings), ExitStack() as nodes:
        nodes.enter_context(_node(folder / "head.log", *head))
        nodes.enter_context(_node(folder / "worker.log", f"--address={address}"))
        yield address


@contextmanager
def _node(log: Path, *options: str) -> Iterator[None]:
    program = str(Path(sys.executable).with_name("ray"))
    command = [program, "start", "--block", "--disable-usage-stats", "--num-cpus=1", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _wait_until_it_runs(process, log)
            yield
        finally:
            _stop(process)


def _wait_until_it_runs(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while b"Ray runtime started" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Ray did not start: {log.read_text(errors='replace')}")
        time.sleep(0.1)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the head and whatever it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
