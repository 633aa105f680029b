"""The import contracts hold, and each one notices the import that it forbids."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "linkage_core", "disclosure", "simulation")

# Contract, module that is planted, what it imports. An indirect import goes through a second planted module.
ATTACKS = [
    ("floors", "linkage_core.planted", "services.common"),
    ("floors", "linkage_core.planted", "disclosure"),
    ("floors", "disclosure.planted", "services.wire"),
    ("disclosure-agreement", "disclosure.planted", "linkage_core.encoding"),
    ("disclosure-agreement", "disclosure.planted", "linkage_core.crypto"),
    ("pure-floors", "linkage_core.planted", "grpc"),
    ("pure-floors", "linkage_core.planted", "google.protobuf.message"),
    ("pure-floors", "linkage_core.planted", "sqlalchemy.orm"),
    ("pure-floors", "disclosure.planted", "duckdb"),
    ("pure-floors", "disclosure.planted", "alembic"),
    ("simulation-alone", "simulation.planted", "linkage_core.types"),
    ("simulation-alone", "simulation.planted", "services.common"),
    ("simulation-users", "services.linkage_unit.planted", "simulation"),
    ("simulation-users", "linkage_core.planted", "simulation"),
    ("encoding-agents-only", "services.linkage_unit.planted", "linkage_core.encoding"),
    ("encoding-agents-only", "services.linkage_unit.planted", "linkage_core.standardise"),
    ("encoding-agents-only", "services.analysis.planted", "linkage_core.encoding"),
    ("encoding-agents-only", "services.analysis.planted", "linkage_core.standardise"),
    ("roles-apart", "services.linkage_unit.planted", "services.provider_agent"),
    ("roles-apart", "services.analysis.planted", "services.linkage_unit"),
    ("roles-apart", "services.provider_agent.planted", "services.analysis"),
    ("analysis-links-nothing", "services.analysis.planted", "linkage_core.linking"),
    ("analysis-links-nothing", "services.analysis.planted", "linkage_core.comparing"),
    ("linkage-unit-releases-nothing", "services.linkage_unit.planted", "disclosure"),
    ("agent-neither-links-nor-releases", "services.provider_agent.planted", "linkage_core.linking"),
    ("agent-neither-links-nor-releases", "services.provider_agent.planted", "linkage_core.comparing"),
    ("agent-neither-links-nor-releases", "services.provider_agent.planted", "disclosure"),
    ("one-noise-room", "disclosure.planted", "opendp.prelude"),
    ("one-noise-room", "services.analysis.planted", "opendp"),
]
INDIRECT = [
    ("encoding-agents-only", "services.linkage_unit.planted", "services.common.planted", "linkage_core.encoding"),
    ("encoding-agents-only", "services.analysis.planted", "services.common.planted", "linkage_core.standardise"),
    ("roles-apart", "services.analysis.planted", "services.common.planted", "services.provider_agent"),
    ("linkage-unit-releases-nothing", "services.linkage_unit.planted", "services.common.planted", "disclosure"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and the contracts, to plant imports in."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def lint(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", *arguments]
    return subprocess.run(command, cwd=house, check=False, capture_output=True, text=True)


def plant(house: Path, module: str, imported: str) -> Path:
    path = house / Path(*module.split(".")).with_suffix(".py")
    assert (path.parent / "__init__.py").exists(), f"{module}: the package of the attack is gone"
    path.write_text(f"import {imported}\n")
    return path


def test_the_contracts_hold(house: Path) -> None:
    found = lint(house)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(("contract", "module", "imported"), ATTACKS)
def test_a_forbidden_import_breaks_its_contract(house: Path, contract: str, module: str, imported: str) -> None:
    planted = plant(house, module, imported)
    try:
        found = lint(house, "--contract", contract)
    finally:
        planted.unlink()
    assert found.returncode == 1, found.stdout
    assert f"{module} -> " in found.stdout or f"{module} is not allowed to import" in found.stdout, found.stdout


@pytest.mark.parametrize(("contract", "module", "between", "imported"), INDIRECT)
def test_a_forbidden_import_by_a_detour_breaks_its_contract(
    house: Path, contract: str, module: str, between: str, imported: str
) -> None:
    planted = [plant(house, module, between), plant(house, between, imported)]
    try:
        found = lint(house, "--contract", contract)
    finally:
        for path in planted:
            path.unlink()
    assert found.returncode == 1, found.stdout
    assert f"{module} -> {between}" in found.stdout, found.stdout


def test_every_contract_has_an_attack() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in ATTACKS}
