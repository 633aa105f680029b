"""Tries questions on invented persons: the service's own door and SQL, a ledger that forgets, and no service.

    folder = write_dummy(agreement, folder, persons=1000, seed=1)
    answer = Trial.open(folder).answer(question)

What an agreement forbids is refused here too, and an answer has the shape, the price and the intervals of a real one.
Its figures are exact counts of persons who do not exist, unless noise is asked for.
"""

import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from disclosure.balances import Caps
from disclosure.bounding import TruncationKey
from disclosure.cell_keys.record_keys import RecordKey
from disclosure.compilation import CompiledQuestion
from disclosure.entries import Chain, Charge, Entry
from disclosure.ledger import decide_recording, decide_reservation
from disclosure.measurements import Mechanism, NoiseSource, OpenDPNoise
from disclosure.person_keys import PERSON_KEY_BYTES
from disclosure.query.parsing import parse_question
from disclosure.release import Asking, release
from disclosure.sql_bindings import relation_name
from disclosure.table import Release
from disclosure.terms import Terms
from linkage_core.agreement.payload import PayloadTable
from linkage_core.agreement.signatures import verify_agreement
from services.analysis.dummy import TableName, invent_tables
from services.analysis.opening import SYNTHETIC_KEY, payload_schema
from services.analysis.store.cells import count_cells
from services.common.errors import ConfigurationFault
from services.common.own_identity import read_agreement
from services.wire.convert.queries import Answer, BudgetBalance

if TYPE_CHECKING:
    import pandas as pd

FORMAT: Final = "symbolon-dummy/1"
WAVE: Final = "invented"
MEMORY_LIMIT: Final = "2GB"
DESCRIPTION_FILE: Final = "dummy.json"
AGREEMENT_FILE: Final = "agreement.json"


def write_dummy(agreement: Path, folder: Path, *, persons: int, seed: int, with_csv: bool = False) -> tuple[Path, ...]:
    """Write a dummy data set for an agreement into a new folder, and return its files: one Parquet file a table.

    `with_csv` adds a CSV file beside each, with keys in hexadecimal, to read by eye. Raises `FileExistsError` if the
    folder exists, and what `verify_agreement` and `invent_tables` raise.
    """
    document = read_agreement(agreement)
    terms = Terms.of(verify_agreement(document).document)
    tables = invent_tables(terms, persons, seed)
    folder.mkdir(parents=True)
    written = []
    for table in terms.payload:
        rows, file = tables[table.provider, table.name], _file(folder, table)
        pq.write_table(rows, file)
        written.append(file)
        if with_csv:
            written.append(file.with_suffix(".csv"))
            pyarrow.csv.write_csv(_readable(rows), written[-1])
    (folder / AGREEMENT_FILE).write_bytes(document)
    description = {"format": FORMAT, "agreement": terms.agreement_hash, "persons": persons, "seed": seed}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2) + "\n", "utf-8")
    return tuple(written)


@dataclass(frozen=True, slots=True)
class Trial:
    """Invented persons of one agreement, and the questions that may be asked about them, free and for ever."""

    terms: Terms
    tables: Mapping[TableName, pa.Table] = field(repr=False)
    seed: int

    @classmethod
    def invent(cls, terms: Terms, *, persons: int, seed: int) -> "Trial":
        """Invent persons in memory."""
        return cls(terms, invent_tables(terms, persons, seed), seed)

    @classmethod
    def open(cls, folder: Path) -> "Trial":
        """Open what `write_dummy` wrote; raises `ConfigurationFault` for a folder that it did not write."""
        terms = Terms.of(verify_agreement(read_agreement(folder / AGREEMENT_FILE)).document)
        try:
            description = json.loads((folder / DESCRIPTION_FILE).read_bytes())
            if (description["format"], description["agreement"]) != (FORMAT, terms.agreement_hash):
                raise ValueError("another agreement or format")
            tables = {
                (table.provider, table.name): pq.read_table(_file(folder, table), schema=payload_schema(table))
                for table in terms.payload
            }
            return cls(terms, tables, int(description["seed"]))
        except (OSError, ValueError, KeyError, TypeError):  # pyarrow's errors of unreadable files are ValueErrors
            raise ConfigurationFault(f"{folder} is no dummy data set of its agreement: make it anew") from None

    @property
    def frames(self) -> dict[str, "pd.DataFrame"]:
        """The tables as data frames, by `provider.table`, with keys in hexadecimal."""
        return {relation_name(*name): _readable(table).to_pandas() for name, table in self.tables.items()}

    def answer(self, question: Mapping[str, Any] | str, at: datetime.datetime, *, with_noise: bool = False) -> Answer:
        """Answer a question as the service would, at an empty ledger; raises what the service would refuse with.

        Without noise the values are exact counts of invented persons, within the intervals that noise would give them;
        by cell-key perturbation they are perturbed always, as those of real persons are.
        """
        table = release(
            parse_question(question),
            terms=self.terms,
            asking=Asking("analyst", WAVE, f"{WAVE}/{self.seed}", at),
            ledger=_ForgetfulLedger(self.terms.lineage),
            counter=_InventedCells(self.tables),
            noise=OpenDPNoise() if with_noise else NoNoiseForInventedPersons(),
            truncation_key=dummy_truncation_key(self.seed),
            record_key=RecordKey(1, _dummy_key(self.seed, "record")),
        )
        caps = Caps.of(self.terms.budget)
        budget = BudgetBalance(caps.total, caps.total, caps.wave, caps.wave, caps.analyst, caps.analyst)
        return Answer(table, WAVE, charged=False, budget=budget)

    def run(self, question: Mapping[str, Any] | str, *, with_noise: bool = False) -> "pd.DataFrame":
        """Answer a question as a data frame, laid out as `Analysis.run` does."""
        from services.analysis.client import frame_of, question_text
        from services.common.clock import system_clock

        return frame_of(self.answer(question_text(question), system_clock(), with_noise=with_noise))


class NoNoiseForInventedPersons(NoiseSource):
    """Adds nothing: for persons who do not exist, and in no service."""

    def add_noise(self, counts: Sequence[int], mechanism: Mechanism) -> tuple[int, ...]:
        """Return the counts as they are."""
        return tuple(counts)


class _InventedCells:
    """Counts from tables in memory, by the SQL and the connection of the service."""

    def __init__(self, tables: Mapping[TableName, pa.Table]) -> None:
        self._tables = tables

    def count(self, compiled: CompiledQuestion) -> Mapping[int, tuple[int, ...]]:
        return count_cells(compiled, lambda *name: self._tables[name], MEMORY_LIMIT)


class _ForgetfulLedger:
    """A ledger for one question, by the ledger's own rules: the caps of one release hold, and nothing is kept."""

    def __init__(self, lineage: str) -> None:
        self._chain = Chain(lineage)

    def reserve(self, charge: Charge, caps: Caps) -> Entry:
        return self._append(decide_reservation(self._chain, charge, caps))

    def record(self, reservation: Entry, result: bytes, at: str) -> Entry:
        return self._append(decide_recording(self._chain, reservation, result, at))

    def find_by_question(self, lineage: str, question_hash: str) -> tuple[Entry, bytes] | None:
        return None

    def find_by_key(self, lineage: str, analyst: str, idempotency_key: str) -> tuple[Entry, bytes | None] | None:
        return None

    def released(self, lineage: str) -> Sequence[tuple[Entry, Release]]:
        return ()

    def entries(self, lineage: str) -> Sequence[Entry]:
        return self._chain.entries

    def _append(self, entry: Entry) -> Entry:
        self._chain = self._chain.followed_by([entry])
        return entry


def dummy_truncation_key(seed: int) -> TruncationKey:
    """Return the key of the choice of cells kept, which among invented persons is no secret."""
    return TruncationKey(1, _dummy_key(seed))


def _dummy_key(seed: int, *purpose: str) -> bytes:
    return hashlib.sha256(" ".join((FORMAT, str(seed), *purpose)).encode()).digest()[:PERSON_KEY_BYTES]


def _file(folder: Path, table: PayloadTable) -> Path:
    return folder / f"{relation_name(table.provider, table.name)}.parquet"


def _readable(table: pa.Table) -> pa.Table:
    keys = pa.array([key.hex() for key in table[SYNTHETIC_KEY].to_pylist()], type=pa.string())
    return table.set_column(0, SYNTHETIC_KEY, keys)
