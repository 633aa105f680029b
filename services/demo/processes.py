"""The demo's processes: real ones, each with its own log, stopped whatever happens."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.common.errors import ServiceError

START_SECONDS: Final = 60.0
"""How long a service may take until it listens."""
STOP_SECONDS: Final = 20.0


class ProcessFailed(ServiceError):
    """A process of the demo ended with an error; its log says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """A `symbolon` command that runs on its own, and the file that takes what it says on standard error."""

    arguments: tuple[str, ...]
    log: Path

    @property
    def line(self) -> list[str]:
        """The command line: this interpreter, this installation."""
        return [sys.executable, "-m", "services.cli", *self.arguments]


def free_port() -> int:
    """Return a port of the loopback address that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(command: Command) -> subprocess.Popen[str]:
    """Start a command; its standard output comes through a pipe, its standard error goes to its log."""
    with command.log.open("a") as log:
        return subprocess.Popen(command.line, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 - own command


def finish(command: Command, process: subprocess.Popen[str]) -> str:
    """Wait for a process and return its standard output; raises `ProcessFailed` with the end of its log."""
    output, _ = process.communicate()
    if process.returncode:
        raise ProcessFailed(f"`symbolon {' '.join(command.arguments[:2])}` failed:\n{_tail(command.log)}")
    return output


def run_on_screen(command: Command) -> str:
    """Run a command whose own progress bars belong on this screen; returns its standard output.

    Raises `ProcessFailed` if it fails; what it said is on the screen already.
    """
    done = subprocess.run(command.line, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - own command
    if done.returncode:
        raise ProcessFailed(f"`symbolon {' '.join(command.arguments[:2])}` failed with exit code {done.returncode}")
    return done.stdout


def run_all(commands: Sequence[Command]) -> list[str]:
    """Run commands side by side and return their outputs in order."""
    started = [(command, start(command)) for command in commands]
    try:
        return [finish(command, process) for command, process in started]
    finally:
        for _, process in started:
            stop(process)


@contextmanager
def serving(command: Command) -> Iterator[subprocess.Popen[str]]:
    """Run a service while the block lasts: it is up when it has printed its address, and is stopped by SIGTERM."""
    process = start(command)
    try:
        if process.stdout is None or not process.stdout.readline():
            process.wait(START_SECONDS)
            raise ProcessFailed(f"`symbolon {' '.join(command.arguments[:2])}` did not start:\n{_tail(command.log)}")
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Stop a process by SIGTERM, and by SIGKILL if it does not listen; one that has ended is left alone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-lines:])
