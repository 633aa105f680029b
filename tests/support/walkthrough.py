"""A document followed to the letter: its commands with real processes, its outputs as it shows them.

Commands are the lines with `$` of the blocks marked `console`, in order. One that ends with `&` is a service, up when
it has printed its first line and stopped by `kill`. `echo $?` shows the code of the command before; all others are 0.
Blocks marked `toml` that begin with `# NAME.toml` are files to write; those marked `python` are one session, each with
the unmarked block that follows as its output. Numbers and keys differ from run to run, and an id that a command showed
is the one of this run in the commands after it. A line with `…` alone stands for any lines.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 180
PORTS = ("7443", "7444")
RELEASE_ID = r"\b[0-9a-f]{32}\b"


SESSION = """
import sys, traceback
names = {}
for line in sys.stdin:
    try:
        exec(compile(eval(line), "document", "exec"), names)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    print(chr(0), flush=True)
"""
"""A Python session: takes blocks of code as literals, one a line, and ends what each prints with a NUL."""


@dataclass(frozen=True)
class Step:
    """A command of the document, and what the document shows of its output; or a file and what is in it, or code."""

    command: str
    shown: str
    kind: Literal["console", "toml", "python"] = "console"


@dataclass
class Walk:
    """The walked path: its folder, what each command printed, and how the wrong steps ended, by their names.

    `ids`: those of this run by those that the document shows.
    """

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, tuple[int, str]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)


def steps(document: Path) -> list[Step]:
    """Return the document's commands, files and code, in order."""
    found: list[Step] = []
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for (kind, block), (after, output) in zip(blocks, [*blocks[1:], ("end", "")], strict=True):
        if kind == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                found.append(Step(command, shown))
        elif kind == "toml" and (named := re.match(r"# ([\w-]+\.toml)", block)):
            found.append(Step(named[1], block, "toml"))
        elif kind == "python":
            found.append(Step(block, output if not after else "", "python"))
    return found


def walk(document: Path, folder: Path, wrong_steps: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> Walk:
    """Follow a document in a copy of the examples below `folder`, on free ports.

    `wrong_steps`: by the step that comes next, the name of a wrong step and its command, which is tried first.
    """
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        free = (one.getsockname()[1], other.getsockname()[1])
    for file in (folder / "docs").rglob("*.toml"):
        text = file.read_text("utf-8")
        for port, now in zip(PORTS, free, strict=True):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{now}")
        file.write_text(text, "utf-8")
    walked = Walk(folder)
    with ExitStack() as services:
        follow(steps(document), walked, services, wrong_steps)
    return walked


def follow(
    path: list[Step],
    walked: Walk,
    services: ExitStack,
    wrong_steps: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> None:
    """Take a document's steps one after the other; services that it does not stop itself end with `services`."""
    running: list[subprocess.Popen[str]] = []
    session: subprocess.Popen[str] | None = None
    code = 0
    for number, step in enumerate(path):
        if step.command in wrong_steps:
            what, command = wrong_steps[step.command]
            tried = _run(walked, command)
            walked.wrong[what] = (tried.returncode, tried.stderr)
        if step.kind == "toml":
            (walked.folder / step.command).write_text(step.shown, "utf-8")
        elif step.kind == "python":
            session = session or _session(walked, services)
            _compare(walked, step, _execute(session, step.command), "")
        elif step.command.startswith("cd "):
            walked.folder /= step.command.removeprefix("cd ")
        elif step.command == "echo $?":
            assert int(step.shown) == code, f"{path[number - 1].command} ended with {code}"
        elif step.command.endswith(" &"):
            process = _serve(walked, step.command.removesuffix(" &"))
            services.callback(_stop, process)
            running.append(process)
            assert process.stdout is not None
            _compare(walked, step, process.stdout.readline(), "")
        elif step.command.startswith("kill "):
            assert [_stop(process) for process in running] == [0] * len(running)
        else:
            ended = _run(walked, re.sub(RELEASE_ID, lambda found: walked.ids.get(found[0], found[0]), step.command))
            code = ended.returncode
            if not any(after.command == "echo $?" for after in path[number + 1 : number + 2]):
                assert code == 0, f"{step.command}\n{ended.stderr}"
            _compare(walked, step, ended.stdout, ended.stderr)
            walked.printed[step.command] = ended.stdout


def _environment() -> dict[str, str]:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "COLUMNS": "100", "PYTHONPATH": str(ROOT)}


def _run(walked: Walk, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=walked.folder,
        env=_environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )


def _serve(walked: Walk, command: str) -> subprocess.Popen[str]:
    log = (walked.folder / f"{command.split()[1]}.log").open("w")
    with log:
        return subprocess.Popen(
            command.split(), cwd=walked.folder, env=_environment(), stdout=subprocess.PIPE, stderr=log, text=True
        )


def _session(walked: Walk, services: ExitStack) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION],
        cwd=walked.folder,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    services.callback(_stop, process)
    return process


def _execute(session: subprocess.Popen[str], code: str) -> str:
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write(f"{code!r}\n")
    session.stdin.flush()
    printed = ""
    while not printed.endswith("\0\n"):
        line = session.stdout.readline()
        assert line, printed
        printed += line
    return printed.removesuffix("\0\n")


def _stop(process: subprocess.Popen[str]) -> int:
    process.terminate()
    process.communicate(timeout=COMMAND_SECONDS)
    return process.returncode


def _compare(walked: Walk, step: Step, stdout: str, stderr: str) -> None:
    """Hold what the document shows against what was printed; on a terminal the two streams mix in either order."""
    shown_ids, ids = (re.findall(RELEASE_ID, text) for text in (step.shown, stdout))
    if len(shown_ids) == len(ids):
        walked.ids |= dict(zip(shown_ids, ids, strict=True))
    expected = re.escape(comparable(step.shown)).replace("…", ".*")
    printed = [comparable(first + "\n" + second) for first, second in ((stderr, stdout), (stdout, stderr))]
    assert any(re.fullmatch(expected, text, re.DOTALL) for text in printed), (
        f"$ {step.command}\nthe document shows\n{step.shown}\nit printed\n{stdout}{stderr}"
    )


def comparable(text: str) -> str:
    """Take away what differs from run to run or screen to screen: numbers, ids, flags of cells, spaces, rules."""
    text = re.sub(r"\b[0-9a-f]{32,}\b", "#", text)
    text = re.sub(r"(\d) … (-?\d)", r"\1 to \2", text)
    text = re.sub(r"-?\d[\d.,]*", "#", text)
    text = re.sub(r"│ [UP]+ +│$", "│ │", text, flags=re.MULTILINE)
    text = re.sub(r" +[AUP]( +[UP]+)? *$", "", text.replace("<NA>", "#"), flags=re.MULTILINE)  # in a data frame
    text = re.sub(r"[━─]+", "─", text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
