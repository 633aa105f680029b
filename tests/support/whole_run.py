"""The whole system once, in real processes with a tap on every line, over files with canaries planted in them.

1. an invented country of a few hundred people; names, numbers and payload of some are replaced by canaries
2. both services and three agents; a copy of every folder when all is uploaded, and another when all is linked
3. delivery, questions, and a provider's file full of faults, whose messages are caught too
"""

import csv
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from linkage_core.types import PartyName
from services.common.clock import system_random
from services.demo.processes import stop
from services.demo.stage import ANALYSIS_SERVICE, ANALYST, LINKAGE_UNIT, Stage, set_stage
from simulation.country import PROVIDERS, generate
from tests.support.wiretap import Heard, heard_in

REPORTS: Final = ("model", "quality")
"""What the linkage unit's operator reads of the wave; as HTML and as JSON beside its configuration."""

PEOPLE: Final = 300
SEED: Final = 11
ROOT: Final = Path(__file__).parents[2]

REGISTER, BORDER, TAX = PROVIDERS

NAMES: Final = (
    ("Zwyxanna", "Qorvathkelj"),
    ("Ñuñezíra", "Ščepjörgaß"),
    ("Zoe\u0308lqiva", "D'Oqhuxley"),
    ("Жщыфмира", "Хъюздрёвская"),
    ("Ξυφθαλία", "Ψωζγκρήσιος"),
    ("قظخشميرة", "الغضفثوي"),
    ("蠡齾娜麗", "歐陽龘靐"),
)
"""Given and family names that nobody has: of several scripts, one decomposed."""

BIRTH_DATE: Final = "1903-04-{day:02}"
MUNICIPALITY: Final = "Grünqvoxhälden"
REGION: Final = "Zzqregion-Nørdvöx"
CITIZENSHIP: Final = "QZXLAND"
ACTIVITY: Final = "qvx_smugglerkönig"
REMARK: Final = "Bemerkung: Vxqzkrankheit Äöqü"
NO_DATE: Final = "31-Qzxember-1903"
NO_NUMBER: Final = "QZXSTRANGER-77"

QUESTION: Final = """
measure = "stock"
at = "2024-07-01"
by = ["sex"]
accuracy = { half_width = 20 }
"""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the run: its party, its arguments, and all that it said."""

    party: str
    arguments: tuple[str, ...]
    said: str = field(repr=False)
    seen_from_outside: bytes = field(repr=False)
    """Command line and environment, as every user of the machine can list them."""
    exit_code: int


@dataclass(frozen=True, slots=True)
class WholeRun:
    """What the run left. `copies` are folders like `stage.folder`, taken after the step that names them."""

    stage: Stage
    copies: Mapping[str, Path]
    heard: tuple[Heard, ...]
    modules: Mapping[str, frozenset[str]]
    """Names of all modules that processes had loaded at their end, by the command that they ran."""
    processes: tuple[Process, ...]
    canaries: Mapping[str, str]
    inputs: frozenset[Path]
    """The providers' own input files: the only ones that may hold a canary. Relative to the stage's folder."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder with everybody's files, at the end and as copied before."""
        return (self.stage.folder, *self.copies.values())

    def inputs_below(self, folder: Path) -> list[Path]:
        """Return the providers' input files below the stage's folder or a copy of it."""
        return [folder / path for path in self.inputs]


@contextmanager
def whole_run(folder: Path) -> Iterator[WholeRun]:
    """Run everything below `folder`; the run is over, and every process has ended, when the block begins."""
    home, tap, copies = folder / "parties", folder / "tap", folder / "copies"
    tap.mkdir(parents=True)
    generate(PEOPLE, SEED, home)
    canaries = _plant(home)
    shutil.rmtree(home / "truth")
    inputs = [path.relative_to(home) for path in home.rglob("*.csv")]
    data = resources.files("services.demo").joinpath("data")
    mappings = {name: data.joinpath(f"{name}.toml").read_text("utf-8") for name in PROVIDERS}
    stage = set_stage(home, data.joinpath("terms.toml").read_text("utf-8"), mappings, system_random)
    inputs += [path.relative_to(home) for path in _break_files(stage)]
    taken: dict[str, Path] = {}

    def copy(step: str) -> None:
        taken[step] = copies / step
        shutil.copytree(home, taken[step])

    processes = _Processes(stage, tap)
    _run(stage, processes, copy)
    modules: dict[str, frozenset[str]] = {}
    for path in tap.glob("*.modules"):
        command = path.name.rpartition("-")[0]
        modules[command] = modules.get(command, frozenset()) | set(path.read_text().split())
    yield WholeRun(stage, taken, tuple(heard_in(tap)), modules, tuple(processes.ended), canaries, frozenset(inputs))


def _run(stage: Stage, processes: "_Processes", copy: Callable[[str], None]) -> None:
    question = stage.home(ANALYST) / "question.toml"
    question.write_text(QUESTION)
    broken = stage.home(PartyName(TAX)) / "broken.toml"
    with ExitStack() as services:
        for party, group in ((ANALYSIS_SERVICE, "analysis"), (LINKAGE_UNIT, "linkage-unit")):
            services.enter_context(processes.serving(party, group)).says("listening")
        with ExitStack() as running:
            agents = [
                running.enter_context(processes.running(provider, "agent", "run", "--wait", "200"))
                for provider in stage.providers
            ]
            for agent in agents:
                agent.says("rows uploaded")
                agent.process.send_signal(signal.SIGSTOP)  # nothing changes while folders are copied
            copy("uploaded")
            processes.run(LINKAGE_UNIT, "linkage-unit", "link", "--wave", stage.wave)
            for report in REPORTS:
                written = (f"--{kind}={stage.home(LINKAGE_UNIT) / report}.{kind}" for kind in ("html", "json"))
                processes.run(LINKAGE_UNIT, "linkage-unit", report, "--wave", stage.wave, *written)
            copy("linked")
            for agent in agents:
                agent.process.send_signal(signal.SIGCONT)
        copy("delivered")
        processes.run(ANALYST, "query", "run", str(question))
        processes.run(ANALYST, "query", "run", str(question), "--format", "json")
        processes.run(ANALYST, "query", "list")
        processes.run(TAX, "agent", "check", config=broken, expect=2)


class _Talking:
    """A process that runs, and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said = ""

    def says(self, text: str) -> None:
        """Wait until it has said a text."""
        assert self.process.stdout is not None
        while text not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line


class _Processes:
    """Starts tapped processes and keeps what they said."""

    def __init__(self, stage: Stage, tap: Path) -> None:
        self._stage = stage
        self._tap = tap
        self.ended: list[Process] = []

    @contextmanager
    def running(
        self, party: str, *arguments: str, config: Path | None = None, expect: int = 0, stops: bool = False
    ) -> Iterator[_Talking]:
        """Start a process; when the block is over, let it end by itself, or stop it."""
        path = config or self._stage.config(PartyName(party))
        line = [sys.executable, "-m", "tests.support.wiretap", str(self._tap), *arguments, "--config", str(path)]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        seen = _seen_from_outside(process)
        talking = _Talking(process)
        try:
            yield talking
            if stops:
                process.terminate()
            talking.said += process.communicate()[0]
        finally:
            stop(process)
        assert process.returncode == expect, talking.said
        self.ended.append(Process(party, arguments, talking.said, seen, process.returncode))

    def serving(self, party: str, group: str) -> AbstractContextManager[_Talking]:
        """Run a service while the block lasts."""
        return self.running(party, group, "serve", stops=True)

    def run(self, party: str, *arguments: str, config: Path | None = None, expect: int = 0) -> None:
        """Run a process to its end."""
        with self.running(party, *arguments, config=config, expect=expect):
            pass


def _seen_from_outside(process: "subprocess.Popen[str]") -> bytes:
    """Its command line and environment; a process that is only just being made has none yet."""
    folder = Path("/proc") / str(process.pid)
    while not (line := (folder / "cmdline").read_bytes()) and process.poll() is None:
        pass
    return line + (folder / "environ").read_bytes()


def _plant(home: Path) -> dict[str, str]:
    """Replace names, numbers and payload of people whom all three agencies know; returns the canaries by name."""
    people = _known_everywhere(home)[: len(NAMES)]
    canaries = {
        "municipality": MUNICIPALITY,
        "region": REGION,
        "citizenship": CITIZENSHIP,
        "activity": ACTIVITY,
        "remark": REMARK,
        "no date": NO_DATE,
        "no number": NO_NUMBER,
    }
    for provider in PROVIDERS:
        numbers: dict[str, str] = {}
        for place, (known, (given, family)) in enumerate(zip(people, NAMES, strict=True)):
            numbers[known[provider]] = f"QZX-{provider[:3].upper()}-8{place}81"
            canaries |= {f"given name {place}": given, f"family name {place}": family}
            canaries[f"number {place} of {provider}"] = numbers[known[provider]]
            born = BIRTH_DATE.format(day=place + 10)
            canaries[f"birth date {place}"] = born
            day, month, year = reversed(born.split("-"))
            canaries[f"birth date {place} as written by {BORDER}"] = f"{day}.{month}.{year}"
        for path in (home / provider).glob("*.csv"):
            _rewrite(path, provider, numbers)
    return canaries


def _known_everywhere(home: Path) -> list[dict[str, str]]:
    known: dict[str, dict[str, str]] = {}
    with (home / "truth" / "identities.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known.setdefault(row["person_id"], {})[row["provider"]] = row["local_id"]
    return [providers for _, providers in sorted(known.items()) if len(providers) == len(PROVIDERS)]


def _rewrite(path: Path, provider: str, numbers: Mapping[str, str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    places = {local_id: place for place, local_id in enumerate(numbers)}
    for row in rows:
        row["remarks"] = ""
        if row["local_id"] not in numbers:
            continue
        place = places[row["local_id"]]
        row |= {"local_id": numbers[row["local_id"]], "remarks": REMARK}
        changes = {
            "given_name": NAMES[place][0],
            "family_name": NAMES[place][1],
            "birth_date": BIRTH_DATE.format(day=place + 10),
            "municipality": MUNICIPALITY,
            "region": REGION,
            "citizenship": CITIZENSHIP,
            "activity": ACTIVITY,
        }
        if provider == BORDER:
            changes["birth_date"] = ".".join(reversed(changes["birth_date"].split("-")))
        row |= {name: value for name, value in changes.items() if name in row}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _break_files(stage: Stage) -> Iterator[Path]:
    """Give one provider a second set of files, with canaries where they are faults; yields these files."""
    home = stage.home(PartyName(TAX))
    for name, column, value in (("identities", "birth_date", NO_DATE), ("years", "local_id", NO_NUMBER)):
        with (home / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        rows[3][column] = value
        rows[5]["year" if name == "years" else "given_name"] = NAMES[0][0] if name == "years" else ""
        path = home / f"broken-{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        yield path
    mapping = (home / "mapping.toml").read_text().replace('path = "', 'path = "broken-')
    (home / "broken-mapping.toml").write_text(mapping)
    config = stage.config(PartyName(TAX)).read_text()
    config = config.replace('"mapping.toml"', '"broken-mapping.toml"').replace('"state"', '"broken-state"')
    (home / "broken.toml").write_text(config)
