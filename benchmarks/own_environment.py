"""A peer that runs as a script in an environment of its own, so that it does not choose our versions.

`benchmarks/<name>/` holds the script and what it needs, `requirements/<name>.txt` its lock, and the Makefile builds
`.bench/<name>`.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """The environment of one peer; `script` is that of its folder in benchmarks/ which prints one JSON document."""

    name: str
    script: str
    folder: Path = ROOT / ".bench"

    @property
    def python(self) -> Path:
        """Its interpreter, whether it is there or not."""
        return self.folder / self.name / "bin/python"

    @property
    def is_built(self) -> bool:
        """Whether its interpreter is there."""
        return self.python.is_file()

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run the script and return what it told. FileNotFoundError where the environment is not built."""
        if not self.is_built:
            raise FileNotFoundError(
                f"the environment of {self.name} is not there: `make .bench/{self.name}/.ready` builds it"
            )
        command = [str(self.python), "-P", str(ROOT / "benchmarks" / self.name / self.script), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RuntimeError(f"{self.name} ended with status {ended.returncode}:\n{ended.stderr[-2000:]}")
        told: dict[str, Any] = json.loads(ended.stdout)
        return told
