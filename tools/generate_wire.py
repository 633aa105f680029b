"""Generate `services/wire/v1` from `protos/symbolon/v1`, or check that it is what would be generated.

The generated code is committed, so that using the project needs no protoc. `--check` regenerates into a temporary
folder with the pinned tools and compares bytes: a message changed by hand, or a forgotten regeneration, fails there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("services/wire/v1")
GENERATED_SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


def generate(root: Path, out: Path) -> None:
    """Write the generated modules of `root`'s protos below `out`, under `services/wire/v1`.

    The proto files are named one by one by a virtual path below `services/wire/v1`: it becomes the import path of the
    generated modules. Raises CalledProcessError when protoc refuses.
    """
    protos = root / "protos/symbolon/v1"
    names = sorted(path.name for path in protos.glob("*.proto"))
    if not names:
        raise SystemExit(f"no proto files in {protos.relative_to(root)}")
    plugins = str(Path(sys.executable).parent)  # protoc finds protoc-gen-mypy and protoc-gen-mypy_grpc by PATH
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", f"{PACKAGE}={protos}"]
    command += [f"--python_out={out}", f"--grpc_python_out={out}"]
    command += [f"--mypy_out=quiet:{out}", f"--mypy_grpc_out=quiet:{out}"]
    command += [str(PACKAGE / name) for name in names]
    subprocess.run(
        command,
        check=True,
        env={**os.environ, "PATH": os.pathsep.join([plugins, os.environ.get("PATH", os.defpath)])},
    )


def generated_files(root: Path) -> dict[str, bytes]:
    """The generated modules below `root`: file name to content. Hand-written files beside them are left out."""
    return {
        path.name: path.read_bytes() for path in (root / PACKAGE).iterdir() if path.name.endswith(GENERATED_SUFFIXES)
    }


def differences(root: Path) -> list[str]:
    """How the committed modules of `root` differ from what its protos generate: one line a file, sorted."""
    with tempfile.TemporaryDirectory() as folder:
        generate(root, Path(folder))
        fresh = generated_files(Path(folder))
    committed = generated_files(root)
    missing = [f"{name}: missing" for name in fresh.keys() - committed.keys()]
    orphans = [f"{name}: no proto file generates it" for name in committed.keys() - fresh.keys()]
    changed = [f"{name}: differs" for name in fresh.keys() & committed.keys() if fresh[name] != committed[name]]
    return sorted(missing + orphans + changed)


def main() -> int:
    """Run from the command line: generate, or with `--check` compare; 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when regenerating would change it")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to work on")
    arguments = parser.parse_args()
    if not arguments.check:
        for name in generated_files(arguments.root):
            (arguments.root / PACKAGE / name).unlink()
        generate(arguments.root, arguments.root)
        return 0
    found = differences(arguments.root)
    for line in found:
        print(f"{PACKAGE}/{line}", file=sys.stderr)
    if found:
        print("services/wire/v1 is not what protos/symbolon/v1 generates: run `make wire`", file=sys.stderr)
        return 1
    print("services/wire/v1 is what protos/symbolon/v1 generates")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
