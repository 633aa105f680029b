"""A real Ray cluster of this machine's own, with token authentication, for as long as a block lasts."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from unittest import mock

TOKEN: Final = secrets.token_hex(32)
"""Of every cluster that this process starts: Ray reads it once."""

START_SECONDS: Final = 120
STOP_SECONDS: Final = 60


@contextmanager
def ray_cluster(folder: Path, cores: int = 2) -> Iterator[str]:
    """Start a cluster whose log lies in `folder`; gives its address, which this process may use within the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    command = [
        *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"),
        *(f"--num-cpus={cores}", "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false"),
    ]
    log = folder / "ray.log"
    with mock.patch.dict(os.environ, settings), log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _wait_until_it_runs(process, log)
            yield f"127.0.0.1:{port}"
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
