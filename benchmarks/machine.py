"""What a figure was measured on: without it, no figure may be set beside another."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

PACKAGES: Final = (
    "anonlink",
    "bitarray",
    "clkhash",
    "cryptography",
    "duckdb",
    "grpcio",
    "llvmlite",
    "numba",
    "numpy",
    "opendp",
    "pandas",
    "pyarrow",
    "ray",
    "sqlalchemy",
)
"""Those whose version changes a figure."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and what runs on it. It has no host name and no account: results may be shown to others."""

    processor: str
    cores: int
    """Those that this process may use."""
    memory_gibibytes: float
    system: str
    python: str
    packages: Mapping[str, str]
    commit: str
    """Of this checkout; `+` at the end: there were changes that no commit holds. Empty outside a checkout."""


def this_machine() -> Machine:
    """Return the machine that runs this process, a Linux one."""
    return Machine(
        processor=processor_name(Path("/proc/cpuinfo").read_text()),
        cores=len(os.sched_getaffinity(0)),
        memory_gibibytes=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: version(name) for name in PACKAGES},
        commit=_commit(),
    )


def processor_name(cpuinfo: str) -> str:
    """Return the name in Linux's description of the processors; the architecture where it has none, as on ARM."""
    found = re.search(r"^model name\s*:\s*(.+?)\s*$", cpuinfo, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def load() -> float:
    """Return how many processes wanted to run, on average over the last minute: ours, and what disturbs them."""
    return os.getloadavg()[0]


def _commit() -> str:
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head}+" if head and _git("status", "--porcelain", "--untracked-files=no") else head


def _git(*arguments: str) -> str:
    """Return what git says; empty without git, or outside a checkout."""
    try:
        ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
