"""Generated messages stay behind the converters: no import contract can name modules by the end of their names.

Messages (`*_pb2`) are imported by `services.wire` alone, everything else handles values; servicers and clients may
name messages in annotations. Stubs and servicer bases (`*_pb2_grpc`) are imported by `services` alone.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "linkage_core", "disclosure", "simulation")
# Runs in a process of its own: here, the packages were already imported from the checkout.
LIST_IMPORTS = """
import sys
sys.path.insert(0, ".")
import grimp
graph = grimp.build_graph(*sys.argv[1:], exclude_type_checking_imports=True, cache_dir=None)
for generated in sorted(name for name in graph.modules if name.endswith(("_pb2", "_pb2_grpc"))):
    for importer in sorted(graph.find_modules_that_directly_import(generated)):
        print(importer, generated)
"""


def forbidden_imports(root: Path) -> list[str]:
    listed = subprocess.run(
        [sys.executable, "-c", LIST_IMPORTS, *PACKAGES], cwd=root, check=True, capture_output=True, text=True
    )
    found = []
    for importer, generated in map(str.split, listed.stdout.splitlines()):
        room = "services.wire." if generated.endswith("_pb2") else "services."
        if not importer.startswith(room):
            found.append(f"{importer} imports {generated}")
    return found


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_messages_are_imported_by_the_wire_package_alone() -> None:
    assert forbidden_imports(ROOT) == []


def test_a_servicer_that_builds_messages_itself_is_noticed(house: Path) -> None:
    (house / "services/common/planted.py").write_text("from services.wire.v1 import intake_pb2\n")
    assert forbidden_imports(house) == ["services.common.planted imports services.wire.v1.intake_pb2"]


def test_a_stub_outside_of_services_is_noticed(house: Path) -> None:
    (house / "linkage_core/planted.py").write_text("from services.wire.v1 import intake_pb2_grpc\n")
    assert forbidden_imports(house) == ["linkage_core.planted imports services.wire.v1.intake_pb2_grpc"]


def test_servicer_bases_and_message_names_in_annotations_are_allowed_in_services(house: Path) -> None:
    (house / "services/common/planted.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from services.wire.v1 import intake_pb2_grpc\n"
        "if TYPE_CHECKING:\n    from services.wire.v1 import intake_pb2\n"
    )
    assert forbidden_imports(house) == []
