"""The two commands, and that the continuous integration runs what one runs at the desk."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_continuous_integration_calls_exactly_make_test(tmp_path: Path) -> None:
    record = tmp_path / "calls"
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "$PWD: make $*" >> "{record}"\nexit 7\n')
    make.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    ended = subprocess.run([ROOT / ".ci/run"], cwd=tmp_path, env={**os.environ, "PATH": path}, check=False)
    assert record.read_text().splitlines() == [f"{ROOT}: make test"]
    assert ended.returncode == 7, "a failing make test must fail the run"


def test_make_test_runs_every_check_and_pytest_last() -> None:
    # MAKEFLAGS of an outer make would be taken over: this make is on its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    planned = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "test"],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = planned.stdout.splitlines()
    assert lines[-6:] == [
        ".venv/bin/ruff check .",
        ".venv/bin/ruff format --check .",
        ".venv/bin/mypy",
        ".venv/bin/lint-imports --no-logo",
        ".venv/bin/python tools/generate_wire.py --check",
        ".venv/bin/pytest -n 2 --dist loadfile",
    ]
