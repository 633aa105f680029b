"""What the repository may hold, and that its locks and its packaging agree."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "linkage_core", "disclosure", "simulation")
MAX_FILE_BYTES = 1024 * 1024
# Put together from parts, so that this file does not name what it looks for.
INDEX_HOSTS = re.compile("|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "dev" + r"pi\b", "artifact" + "ory")))
MACHINE_PATHS = re.compile(r"(?<![\w.~>}-])/(?:root|work|home/[a-z]\w*|Users/\w+)/")
PEERS = ("splink", "opendp_context", "tumult")
LOCKS = ("uv.txt", "build.txt", "run.txt", "dev.txt", *(f"{peer}.txt" for peer in PEERS))
# Needed at run time without an import of ours: anonlink imports pkg_resources.
NOT_IMPORTED = {"setuptools"}


def repository_files() -> list[Path]:
    """Every file that is tracked, or would be by the next commit."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def findings(text: str) -> list[str]:
    """The package-index hosts and machine paths that a text names."""
    return [found.group() for pattern in (INDEX_HOSTS, MACHINE_PATHS) for found in pattern.finditer(text)]


def locked_versions(lock: str) -> dict[str, list[Requirement]]:
    """The requirements of a lock by canonical name; a package may stand there once per Python version."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements" / lock).read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\").strip())
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def project() -> dict[str, list[str]]:
    """The dependencies that are declared, by the lock that holds them."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = document["dependency-groups"]
    return {
        "run.txt": document["project"]["dependencies"],
        "dev.txt": groups["dev"],
        "build.txt": groups["build"],
        "uv.txt": groups["bootstrap"],
        **{
            f"{peer}.txt": re.findall(
                "^[^#\n]+", (ROOT / "benchmarks" / peer / "requirements.in").read_text(), re.MULTILINE
            )
            for peer in PEERS
        },
    }


def extras() -> list[str]:
    """What pyproject offers beside, for those who need it."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [line for lines in document["project"]["optional-dependencies"].values() for line in lines]


def imports() -> dict[str, str]:
    """The top-level modules that the program imports anywhere, each with one file that does."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module]
                found.update({name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names})
    return found


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    faults = []
    for path in repository_files():
        for found in findings(path.read_bytes().decode("utf-8", errors="replace")):
            faults.append(f"{path.relative_to(ROOT)}: {found}")
    assert faults == []


@pytest.mark.parametrize(
    "text",
    ["--index-url https://" + "pypi" + ".org/simple", "# via /" + "work/main/x", "cache in /" + "home/somebody/x"],
)
def test_an_index_or_a_machine_path_would_be_found(text: str) -> None:
    assert findings(text)


def test_no_file_is_larger_than_a_mebibyte() -> None:
    assert [str(path) for path in repository_files() if path.stat().st_size > MAX_FILE_BYTES] == []


def test_there_is_no_lock_that_would_name_an_index() -> None:
    assert [str(path) for path in repository_files() if path.name == "uv.lock"] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(lock: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z])", (ROOT / "requirements" / lock).read_text().strip())
    assert blocks
    assert [block.splitlines()[0] for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    locked = locked_versions(lock)
    faults = []
    for declared in map(Requirement, project()[lock]):
        pins = locked.get(canonicalize_name(declared.name), [])
        versions = [next(iter(pin.specifier)).version for pin in pins]
        if not versions or not all(declared.specifier.contains(version) for version in versions):
            faults.append(f"{declared}: locked {versions}")
    assert faults == [], "run `make lock`"


def test_the_program_and_its_tests_are_locked_to_the_same_versions() -> None:
    run, dev = locked_versions("run.txt"), locked_versions("dev.txt")
    assert {
        name for name in run if {str(pin.specifier) for pin in run[name]} != {str(pin.specifier) for pin in dev[name]}
    } == set()


def test_every_dependency_of_the_program_is_imported_by_it() -> None:
    by_module = packages_distributions()
    used = {canonicalize_name(name) for module in imports() for name in by_module.get(module, ())}
    declared = {canonicalize_name(Requirement(line).name) for line in project()["run.txt"]}
    assert declared - used - NOT_IMPORTED == set()


def test_everything_the_program_imports_is_one_of_its_dependencies_or_extras() -> None:
    by_module = packages_distributions()
    declared = {canonicalize_name(Requirement(line).name) for line in [*project()["run.txt"], *extras()]}
    foreign = {
        module: where for module, where in imports().items() if module not in {*sys.stdlib_module_names, *PACKAGES}
    }
    undeclared = {
        module: where
        for module, where in foreign.items()
        # Of an extra that is not installed nothing tells the package: there the module's own name counts.
        if declared.isdisjoint(map(canonicalize_name, by_module.get(module, (module,))))
    }
    assert undeclared == {}
