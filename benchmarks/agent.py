"""How fast an agent goes from an agency's file to sealed chunks, step by step, beside clkhash's encoding alone."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from clkhash.clk import generate_clks

from benchmarks.inputs import COUNTRY_SEED, REGISTER, first_rows
from benchmarks.table import Bars, Row, Table
from benchmarks.timing import WALL, ratios
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.encodable import compile_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import forget
from linkage_core.encoding.run import Encoder
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import StandardisedRecords
from services.common.clock import system_clock, system_random
from services.demo.stage import set_stage
from services.provider_agent.agent import Agent, open_agent
from services.provider_agent.check import CheckedFiles
from services.provider_agent.config import load
from services.provider_agent.encode import encode_wave
from services.provider_agent.faults import FaultLog
from services.provider_agent.fingerprint import unchanged
from services.provider_agent.identities import check_identities, read_identities
from services.provider_agent.progress import silent
from services.provider_agent.reader import read_blocks

KEYS: Final = LinkageKeys(Secret(b"benchmark".ljust(32)))
PEER_ROWS: Final = 2_000
"""Records that clkhash encodes; its time a record does not depend on how many there are."""

MICROSECONDS: Final = 1e6


def table(quick: bool = False) -> Table:
    """Return what the steps tell on a register of about 100,000 people, or, quick, of 10,000."""
    return at_size(people=12_500 if quick else 125_000, rounds=3 if quick else 5)


def at_size(people: int, rounds: int) -> Table:
    """Return microseconds and records a second, and how many times as fast as clkhash a record, by step and part."""
    with _premises(people) as agent:
        file = _File.of(agent)
        checked = file.check()
        file.encode(checked)  # kernels are compiled, or loaded, before anything is timed
        ways: dict[str, Callable[[], object]] = {
            "clkhash: the same CLKs, nothing else": file.clkhash,
            "part: read": file.read,
            "part: read, standardise, form variables": file.standardise,
            "part: read, standardise, form, encode, diffuse": file.encode_only,
            "step 1: check the identities": file.check,
            "step 4: encode into the sealed outbox": lambda: file.encode(checked),
            "whole: check, then encode": file.whole,
        }
        timed = ratios(list(ways.values()), rounds, WALL)
    sizes = [file.few.rows, *[checked.rows] * (len(ways) - 1)]
    rows: list[Row] = []
    for name, of_way, size in zip(ways, timed, sizes, strict=True):
        per_record = of_way.seconds.times(MICROSECONDS / size)
        rows.append((name, per_record, MICROSECONDS / per_record.median, of_way.speed.times(size / file.few.rows)))
    return Table(
        f"A provider's agent: {checked.rows:,} people, 4 CLKs and 2 match keys each",
        ("step", "µs a record", "records a second", "speed, clkhash = 1"),
        tuple(rows),
        (
            f"clkhash's `generate_clks` in one process encodes {file.few.rows:,} standardised records; it reads, "
            "checks, diffuses, seals and writes nothing. All others do the whole file.",
            "The steps are those of `symbolon agent encode`, with files, keys and folders as the demo has them; the "
            "exchange with other parties and the payload are left out. The parts are shown for comparison.",
            f"Time on the clock, ratios within a round, min–median–max of {rounds} rounds in turns. Kernels were "
            "compiled before.",
        ),
        chart=Bars("speed, clkhash = 1"),
    )


@dataclass(frozen=True, slots=True)
class _File:
    """An agent's identities file, and what can be done with it; `few` are its first records, for the peer."""

    agent: Agent
    few: StandardisedRecords

    @classmethod
    def of(cls, agent: Agent) -> "_File":
        """Return the file of an agent."""
        first = next(read_identities(agent.mapping.identities, agent.agreement.document.linkage))
        return cls(agent, first_rows(first.records, PEER_ROWS))

    @property
    def schema(self) -> LinkageSchema:
        """The agreement's linkage schema."""
        return self.agent.agreement.document.linkage

    def clkhash(self) -> None:
        """Encode the first records as clkhash does."""
        forget()
        for spec in self.schema.clks:
            rows = list(zip(*(self.few.values[name] for name in spec.features), strict=True))
            generate_clks(rows, compile_schema(spec), KEYS.clk(spec.name).reveal(), max_workers=1)

    def read(self) -> None:
        """Read the file."""
        for _ in read_blocks(self.agent.mapping.identities, FaultLog()):
            pass

    def standardise(self) -> None:
        """Read and standardise the file, and form the schema's variables."""
        for _ in read_identities(self.agent.mapping.identities, self.schema):
            pass

    def encode_only(self) -> None:
        """Do that and encode, without handles, and keep nothing."""
        with Encoder(self.schema, KEYS) as encoder:
            for people in read_identities(self.agent.mapping.identities, self.schema):
                encoder.encode(people.records)

    def check(self) -> CheckedFiles:
        """Validate the identities."""
        source, faults = self.agent.mapping.identities, FaultLog()
        with unchanged(source.path) as fingerprint:
            key = Secret(system_random(32))
            people = check_identities(source, self.schema, system_clock().date(), key, faults, lambda _: None)
        faults.refuse("the generator's file cannot be used")
        return CheckedFiles(people.rows, people.fields, {}, fingerprint)

    def encode(self, checked: CheckedFiles) -> None:
        """Encode the file into the outbox."""
        encode_wave(self.agent, KEYS, checked)

    def whole(self) -> None:
        """Check, then encode."""
        self.encode(self.check())


@contextmanager
def _premises(people: int) -> Iterator[Agent]:
    """Set up the population register of an invented country, as the demo does, and start its agent."""
    from simulation.country import PROVIDERS, generate

    data = resources.files("services.demo").joinpath("data")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(people, COUNTRY_SEED, folder)
        mappings = {provider: data.joinpath(f"{provider}.toml").read_text("utf-8") for provider in PROVIDERS}
        stage = set_stage(folder, data.joinpath("terms.toml").read_text("utf-8"), mappings, system_random)
        config = load(stage.config(REGISTER))
        with open_agent(config, None, clock=system_clock, random_bytes=system_random, progress=silent) as agent:
            yield agent
