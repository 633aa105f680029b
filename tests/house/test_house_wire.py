"""The generated code is what the proto files generate, and every way of drifting apart is noticed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/generate_wire.py"), "--check", "--root", str(root)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the proto files and of what was generated from them."""
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copytree(ROOT / "services/wire/v1", tmp_path / "services/wire/v1")
    return tmp_path


def one_of(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def test_the_committed_code_is_what_the_proto_files_generate() -> None:
    found = check(ROOT)
    assert found.returncode == 0, found.stderr


def test_a_byte_changed_by_hand_is_noticed(copy: Path) -> None:
    module = one_of(copy / "services/wire/v1", "*_pb2.py")
    module.write_bytes(module.read_bytes() + b"\n")
    found = check(copy)
    assert found.returncode == 1
    assert f"{module.name}: differs" in found.stderr


def test_a_proto_file_changed_without_regenerating_is_noticed(copy: Path) -> None:
    proto = one_of(copy / "protos/symbolon/v1", "*.proto")
    proto.write_text(proto.read_text() + "\nmessage Planted { string name = 1; }\n")
    found = check(copy)
    assert found.returncode == 1
    assert f"{proto.stem}_pb2.py: differs" in found.stderr


def test_a_module_whose_proto_file_is_gone_is_noticed(copy: Path) -> None:
    (copy / "services/wire/v1/planted_pb2.py").write_text("")
    found = check(copy)
    assert found.returncode == 1
    assert "planted_pb2.py: no proto file generates it" in found.stderr


def test_a_forgotten_module_is_noticed(copy: Path) -> None:
    module = one_of(copy / "services/wire/v1", "*_pb2_grpc.pyi")
    module.unlink()
    found = check(copy)
    assert found.returncode == 1
    assert f"{module.name}: missing" in found.stderr
