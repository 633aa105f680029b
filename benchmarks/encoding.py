"""How fast records are encoded, beside clkhash's own ways on the same schema and values, in one process each."""

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from clkhash import bloomfilter
from clkhash.clk import generate_clks
from clkhash.schema import Schema

from benchmarks.inputs import COUNTRY_SEED, REGISTER, first_rows
from benchmarks.table import Bars, Row, Table
from benchmarks.timing import peak_mebibytes, ratios
from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.encodable import compile_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import feature_keys, forget
from linkage_core.encoding.run import Encoder
from linkage_core.schema import ClkSpec
from linkage_core.standardise.columns import standardise_column
from linkage_core.standardise.run import StandardisedRecords, standardise

KEYS: Final = LinkageKeys(Secret(b"benchmark".ljust(32)))
REGISTERED: Final = 0.77
"""Least share of the generator's people who are in its population register."""

TRACED_ROWS: Final = 10_000
SEED: Final = 7
MICROSECONDS: Final = 1e6

Values = Mapping[str, Sequence[str]]
"""A column of text for each feature."""


@dataclass(frozen=True, slots=True)
class Task:
    """Values of some records, and CLKs of them."""

    name: str
    clks: Sequence[ClkSpec]
    values: Values

    @property
    def rows(self) -> int:
        """Records."""
        return len(self.values[self.clks[0].features[0]])

    def records(self, spec: ClkSpec) -> list[tuple[str, ...]]:
        """Return the records as clkhash takes them: a value for each feature of the CLK."""
        return list(zip(*(self.values[name] for name in spec.features), strict=True))

    def first(self, rows: int) -> "Task":
        """Return the same of the first records."""
        return Task(self.name, self.clks, {name: column[:rows] for name, column in self.values.items()})


Way = Callable[[Task], object]
"""Encodes a task's records."""


def table(quick: bool = False) -> Table:
    """Return what encoding 100,000 records, or 10,000, tells."""
    return at_size(people=13_000 if quick else 130_000, rounds=3)


def at_size(people: int, rounds: int) -> Table:
    """Return times a record for plain schemas of one CLK, and for the default schema with all that is uploaded."""
    register = _register(people)
    records, _ = standardise(
        people_schema(), {name: register[name] for name in ("given_name", "family_name", "birth_date")}
    )
    values = _encoded_as_they_are(register)
    schema = people_schema()
    tasks = [
        Task("names, date, sex, place", [_one_clk(PLAIN)], values),
        Task("the same and address", [_one_clk(PLAIN + ADDRESS)], values),
        Task("default schema", schema.clks, records.values),
    ]
    default = tasks[-1].name
    more: list[tuple[str, Way]] = [
        ("ours: CLKs, diffusion, match keys", lambda task: encode_all(first_rows(records, task.rows)))
    ]
    rows = [row for task in tasks for row in _rows(task, more if task.name == default else [], rounds)]
    peak = f"peak MiB, {min(records.rows, TRACED_ROWS):,} records"
    return Table(
        f"Encoding: {records.rows:,} records, CLKs of 1,024 bits, one core",
        ("fields and way", "µs a record", "speed, generate_clks = 1", "speed, stream_bloom_filters = 1", peak),
        tuple(rows),
        (
            "clkhash's `generate_clks` as shipped, in one process, checks every value; `stream_bloom_filters` is the "
            "bare stream inside it. Its caches of n-grams are emptied before each run, and help it within one.",
            f"Processor time of one process and ratios within a round, min–median–max of {rounds} rounds in turns. "
            "Schemas are compiled before; nothing else is remembered from one round to the next. "
            "The bits of all records were compared and are equal.",
            "Standardisation is not counted. `diffusion` and what is uploaded beside CLKs are shown apart; clkhash has "
            "neither. The default schema has four CLKs a record.",
            "Memory: what Python and numpy allocated above the start, with the result; measured in a run apart.",
        ),
        chart=Bars("speed, generate_clks = 1"),
    )


def shipped(task: Task, schemas: Sequence[Schema]) -> object:
    """Encode with clkhash's public function, which checks every value against the schema."""
    forget()
    return [
        generate_clks(task.records(spec), schema, KEYS.clk(spec.name).reveal(), max_workers=1)
        for spec, schema in zip(task.clks, schemas, strict=True)
    ]


def bare(task: Task, schemas: Sequence[Schema]) -> list[list[tuple[Any, ...]]]:
    """Encode with clkhash's stream of Bloom filters alone."""
    forget()
    return [
        list(bloomfilter.stream_bloom_filters(task.records(spec), feature_keys(schema, KEYS.clk(spec.name)), schema))
        for spec, schema in zip(task.clks, schemas, strict=True)
    ]


def ours(task: Task) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Encode the same bits by columns."""
    return ColumnEncoder([(spec, KEYS.clk(spec.name)) for spec in task.clks]).encode(task.values, task.rows)


def ours_diffused(task: Task) -> object:
    """Encode by columns, and diffuse."""
    return [
        diffuse(bits, diffusion_indices(KEYS.diffusion(spec.name), spec.length_bits, spec.diffusion_t))
        for spec, bits in zip(task.clks, ours(task), strict=True)
    ]


def encode_all(records: StandardisedRecords) -> object:
    """Encode all that an agent uploads under the default schema."""
    with Encoder(people_schema(), KEYS) as encoder:
        return encoder.encode(records)


def _rows(task: Task, more: Sequence[tuple[str, Way]], rounds: int) -> list[Row]:
    few, schemas = task.first(TRACED_ROWS), [compile_schema(spec) for spec in task.clks]
    for spec, theirs, bits in zip(task.clks, bare(task, schemas), ours(task), strict=True):
        assert bits.tobytes() == b"".join(clk.tobytes() for clk, _, _ in theirs), spec.name
    peers: list[tuple[str, Way]] = [
        ("clkhash generate_clks", lambda task: shipped(task, schemas)),
        ("clkhash stream_bloom_filters", lambda task: bare(task, schemas)),
    ]
    ways: list[tuple[str, Way]] = [("ours", ours), ("ours, with diffusion", ours_diffused), *more]
    for _, way in ways:
        way(few)  # kernels are compiled, or loaded, before anything is timed
    beside = [ratios([partial(way, task) for _, way in (peer, *ways)], rounds) for peer in peers]
    rows: list[Row] = []
    for (name, way), timed in zip(peers, beside, strict=True):
        taken = timed[0].seconds.times(MICROSECONDS / task.rows)
        rows.append((f"{task.name}: {name}", taken, None, None, peak_mebibytes(partial(way, few))))
    for place, (name, way) in enumerate(ways, start=1):
        taken = beside[0][place].seconds.times(MICROSECONDS / task.rows)
        speeds = (timed[place].speed for timed in beside)
        rows.append((f"{task.name}: {name}", taken, *speeds, peak_mebibytes(partial(way, few))))
    return rows


def _register(people: int) -> dict[str, list[str]]:
    """Return the columns of the population register of an invented country, as its file has them."""
    from simulation.country import generate

    rows = int(people * REGISTERED)
    with tempfile.TemporaryDirectory() as folder:
        path = generate(people, COUNTRY_SEED, Path(folder)).agencies[REGISTER]["identities"]
        with path.open(newline="", encoding="utf-8") as file:
            read = list(csv.DictReader(file))
    assert len(read) >= rows, "the register has fewer people than every country of the generator had"
    return {name: [row[name] for row in read[:rows]] for name in read[0]}


def _encoded_as_they_are(register: Values) -> dict[str, list[str]]:
    """Return the values of the plain schemas: names and places standardised, the date and sex as the file has them.

    A partial date is left out, since clkhash cannot read it. The register has no addresses: they are invented, of its
    family names, and nearly all distinct, as addresses are.
    """
    rng = np.random.default_rng(SEED)
    rows = len(register["sex"])
    family = standardise_column("family-name", register["family_name"]).values
    streets = sorted(set(family))
    numbers, chosen, kinds = (rng.integers(0, most, rows).tolist() for most in (300, len(streets), len(KINDS)))
    return {
        "given_name": standardise_column("given-name", register["given_name"]).values,
        "family_name": family,
        "birth_date": [date if len(date) == len("YYYY-MM-DD") else "" for date in register["birth_date"]],
        "sex": [sex or "U" for sex in register["sex"]],
        "place": standardise_column("municipality", register["municipality"]).values,
        "address": [
            f"{number + 1} {streets[street]} {KINDS[kind]}"
            for number, street, kind in zip(numbers, chosen, kinds, strict=True)
        ],
        "postcode": [f"{code}" for code in rng.integers(10_000, 100_000, rows).tolist()],
    }


KINDS: Final = ("street", "road", "lane", "square", "avenue", "way")


def _feature(name: str, form: dict[str, Any], comparison: dict[str, Any], bits: int, **more: Any) -> dict[str, Any]:
    hashing = {"comparison": comparison, "strategy": {"bitsPerFeature": bits}, "hash": {"type": "blakeHash"}, **more}
    return {"identifier": name, "format": form, "hashing": hashing}


_TEXT: Final = {"type": "string", "encoding": "utf-8"}
_DATE: Final = {"type": "date", "format": "%Y-%m-%d"}
_SEX: Final = {"type": "enum", "values": ["M", "F", "U"]}
_BIGRAMS: Final = {"type": "ngram", "n": 2, "positional": False}
_DIGITS: Final = {"type": "ngram", "n": 1, "positional": True}

PLAIN: Final = (
    _feature("given_name", _TEXT, _BIGRAMS, 150),
    _feature("family_name", _TEXT, _BIGRAMS, 150),
    _feature("birth_date", _DATE, _DIGITS, 150, missingValue={"sentinel": ""}),
    _feature("sex", _SEX, {"type": "exact"}, 30),
    _feature("place", _TEXT, _BIGRAMS, 100),
)
"""Fields as clkhash's own examples have them: names and places in bigrams, a date in its digits, sex as it is."""

ADDRESS: Final = (_feature("address", _TEXT, _BIGRAMS, 150), _feature("postcode", _TEXT, _DIGITS, 80))


def _one_clk(features: Sequence[dict[str, Any]]) -> ClkSpec:
    clkhash = {"version": 3, "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}}, "features": list(features)}
    return ClkSpec(name="record", clkhash=clkhash, diffusion_t=8, weight=1)
