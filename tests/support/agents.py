"""Files of small agencies for tests, and agents that work on them: real keys, real files, a clock of the test's own."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, Self

from services.common.clock import system_random
from services.common.errors import Unavailable
from services.provider_agent.agent import Agent, open_agent
from services.provider_agent.config import AgentConfig
from services.provider_agent.progress import silent
from services.provider_agent.transfer import Receiver
from services.wire.messages import Chunk, SignedStatement, TransferState
from tests.support.parties import NOW, Parties

CANARIES: Final = ("Xqzcanaryone", "Xqzcanarytwo", "Xqzcanarythree")
"""Values that no message, log or file of another party may show."""

GIVEN: Final = ("Anna", "Bojan", "Chidi", "Dilnoza", "Elif", "Farid", "Gudrun", "Hamid", "Ines", "Jun")
FAMILY: Final = ("Haddad", "Kowalska", "Okafor", "Yilmaz", "Petrov", "Silva", "Nguyen", "Larsen", "Ibragimov", "Moreau")

_HEADERS: Final = {
    "identities": ["no", "given", "family", "born"],
    "persons": ["no", "sex"],
    "residence": ["no", "from", "until"],
    "crossings": ["no", "day", "way"],
    "activity": ["no", "year", "band"],
}
_PAYLOAD: Final = {
    "register": {"persons": ("person", 'sex = "sex"'), "residence": ("spell", 'start = "from"\nend = "until"')},
    "border": {"crossings": ("event", 'date = "day"\ndirection = "way"')},
    "tax": {"activity": ("event", 'year = "year"\nband = "band"')},
}


@dataclass(slots=True)
class Files:
    """An agency's tables as rows of text, to be changed by a test before they are written."""

    provider: str
    headers: dict[str, list[str]]
    tables: dict[str, list[list[str]]] = field(repr=False)

    @classmethod
    def of(cls, provider: str, people: int) -> Self:
        """Return the files of one provider of `make_parties`: people numbered from 0, the same at every provider."""
        tables = {"identities": [[f"{provider}-{n}", *_person(n)] for n in range(people)]}
        for table in _PAYLOAD[provider]:
            tables[table] = [[f"{provider}-{n}", *_payload_row(table, n)] for n in range(people)]
        return cls(provider, {name: list(_HEADERS[name]) for name in tables}, tables)


def write_files(folder: Path, files: Files) -> Path:
    """Write an agency's files and their mapping; returns the mapping's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([files.headers[name], *rows])
    mapping = [
        '[identities]\npath = "identities.csv"\nlocal_id = "no"\n[identities.columns]\n'
        'given_name = "given"\nfamily_name = "family"\n'
        'birth_date = { column = "born", date_format = "DD.MM.YYYY" }\n'
    ]
    for table, (kind, columns) in _PAYLOAD[files.provider].items():
        mapping.append(
            f'[[payload]]\nname = "{table}"\nkind = "{kind}"\npath = "{table}.csv"\nlocal_id = "no"\n'
            f"[payload.columns]\n{columns}\n"
        )
    path = folder / "mapping.toml"
    path.write_text("\n".join(mapping))
    return path


@dataclass(frozen=True, slots=True)
class Office:
    """One provider's premises: its folder, and the addresses that its agent calls."""

    parties: Parties
    name: str
    folder: Path
    linkage_unit: str = "127.0.0.1:1"
    analysis_service: str = "127.0.0.1:1"
    random_bytes: Callable[[int], bytes] = system_random

    def config(self) -> AgentConfig:
        """Return the agent's configuration."""
        return AgentConfig(
            keys=self.parties.keys_folder(self.name),
            agreement=self.parties.agreement_file,
            mapping=self.folder / "mapping.toml",
            state=self.folder / "state",
            key_encryption_key=self.folder / "agent.kek",
            linkage_unit=self.linkage_unit,
            analysis_service=self.analysis_service,
        )

    @contextmanager
    def agent(self, wave: str = "w1", clock: Callable[[], datetime] = lambda: NOW) -> Iterator[Agent]:
        """Start an agent on what is on disk, as a new process would."""
        with open_agent(self.config(), wave, clock=clock, random_bytes=self.random_bytes, progress=silent) as agent:
            yield agent


class Line:
    """A line to a receiver that carries only so many chunks and then breaks; it notes what went across."""

    def __init__(self, receiver: Receiver, chunks: int) -> None:
        self._receiver = receiver
        self._left = chunks
        self.sent: list[Chunk] = []

    def begin(self, idempotency_key: str, manifest: SignedStatement) -> TransferState:
        return self._receiver.begin(idempotency_key, manifest)

    def put(self, chunks: Iterator[Chunk]) -> int:
        few = list(islice(chunks, self._left))
        self._left -= len(few)
        self.sent += few
        wanted = self._receiver.put(iter(few)) if few else 0
        if not self._left:
            raise Unavailable("the line broke")
        return wanted

    def commit(self, commit: SignedStatement) -> int:
        return self._receiver.commit(commit)


def _person(n: int) -> list[str]:
    given, family = GIVEN[n % 10], FAMILY[n // 10 % 10] + ("" if n < 100 else FAMILY[n // 100 % 10].lower())
    return [given, family, f"{n % 28 + 1:02}.{n % 12 + 1:02}.{1950 + n % 50}"]


def _payload_row(table: str, n: int) -> list[str]:
    rows = {
        "persons": [("f", "m")[n % 2]],
        "residence": [f"20{10 + n % 10}-01-01", "" if n % 3 else "2024-06-30"],
        "crossings": [f"2023-{n % 12 + 1:02}-15", ("in", "out")[n % 2]],
        "activity": [str(2015 + n % 10), str(n % 10)],
    }
    return rows[table]
