"""Asking for help loads nothing heavy: kernels, data frames and documents come with the command that needs them."""

import subprocess
import sys

import pytest

HEAVY = (
    "numba", "llvmlite", "numpy", "pandas", "pyarrow", "duckdb", "ray", "opendp", "pydantic", "rich.progress",
    "sqlalchemy", "grpc", "cryptography", "anonlink", "clkhash", "altair", "vl_convert", "jinja2", "sklearn", "scipy",
)  # fmt: skip

IMPORTED = "import services.cli.main"
HELPED = """
from services.cli.main import main
sys.argv = {arguments}
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def heavy_after(program: str) -> list[str]:
    """The heavy modules that a fresh process holds after a program, whose own output is left aside."""
    told = f"import sys\n{program}\nprint('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))"
    ended = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("loaded:")]
    return line.split()[1:]


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    assert heavy_after(IMPORTED) == []


def test_help_loads_nothing_heavy() -> None:
    assert heavy_after(HELPED.format(arguments=["symbolon", "--help"])) == []


@pytest.mark.parametrize("group", ["keys", "agreement", "agent", "linkage-unit", "analysis", "query"])
def test_help_of_a_group_loads_only_what_typer_reads_options_with(group: str) -> None:
    assert set(heavy_after(HELPED.format(arguments=["symbolon", group, "--help"]))) <= {"pydantic"}


def test_what_is_loaded_would_be_seen() -> None:
    assert heavy_after("import numpy") == ["numpy"]


def test_pricing_a_question_loads_no_data_frames_and_no_learning_whatever_is_installed() -> None:
    # OpenDP's prelude would, which made every question of an analyst who has scikit-learn wait for seconds.
    assert heavy_after("import disclosure.planning") == ["numpy", "opendp", "pydantic"]


@pytest.mark.parametrize("module", ["services.analysis.client", "services.analysis.budget"])
def test_commands_that_count_nothing_load_no_data_frames(module: str) -> None:
    assert "pandas" not in heavy_after(f"import {module}")


def test_an_analysts_commands_load_no_database() -> None:
    assert "sqlalchemy" not in heavy_after("import services.analysis.client")
