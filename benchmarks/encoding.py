"""How fast records are encoded, beside clkhash's own ways on the same schema and values, in one process each."""

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from clkhash import bloomfilter
from clkhash.clk import generate_clks

from benchmarks.inputs import COUNTRY_SEED, REGISTER
from benchmarks.table import Bars, Row, Spread, Table
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

PEER_SHARE: Final = 10
"""clkhash encodes one record for so many of ours; its time a record does not depend on how many there are."""

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

    def first(self, rows: int) -> "Task":
        """Return the same of the first records."""
        return Task(self.name, self.clks, {name: column[:rows] for name, column in self.values.items()})


def table(quick: bool = False) -> Table:
    """Return what encoding 100,000 records, or 10,000, tells."""
    return at_size(people=13_000 if quick else 130_000, rounds=3 if quick else 5)


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
    rows: list[Row] = []
    for task in tasks:
        whole = [("CLKs, diffusion, match keys", lambda: encode_all(records))] if task is tasks[-1] else []
        rows += _rows(task, whole, rounds)
    return Table(
        f"Encoding: {records.rows:,} records, CLKs of 1,024 bits, one core",
        ("fields and way", "µs a record", "speed, generate_clks = 1", "speed, stream_bloom_filters = 1", "peak MiB"),
        tuple(rows),
        (
            "clkhash's `generate_clks` as shipped, in one process, checks every value; `stream_bloom_filters` is the "
            f"bare stream inside it. Both encode the first {records.rows // PEER_SHARE:,} records; ours encodes all.",
            f"Processor time of one process and ratios within a round, min–median–max of {rounds} rounds in turns. "
            "Nothing is remembered from one round to the next. The bits were compared and are equal.",
            "Standardisation is not counted. `diffusion` and what is uploaded beside CLKs are shown apart; clkhash has "
            "neither. The default schema has four CLKs a record.",
            "Memory: what Python and numpy allocated above the start, with the result; measured in a run apart.",
        ),
        chart=Bars("speed, generate_clks = 1"),
    )


def shipped(task: Task) -> list[list[bytes]]:
    """Encode with clkhash's public function, which checks every value against the schema."""
    forget()
    made = []
    for spec in task.clks:
        rows = list(zip(*(task.values[name] for name in spec.features), strict=True))
        made.append(generate_clks(rows, compile_schema(spec), KEYS.clk(spec.name).reveal(), max_workers=1))
    return made


def bare(task: Task) -> list[list[tuple[Any, ...]]]:
    """Encode with clkhash's stream of Bloom filters alone."""
    forget()
    made = []
    for spec in task.clks:
        schema = compile_schema(spec)
        rows = zip(*(task.values[name] for name in spec.features), strict=True)
        keys = feature_keys(schema, KEYS.clk(spec.name))
        made.append(list(bloomfilter.stream_bloom_filters(rows, keys, schema)))
    return made


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


def _rows(task: Task, more: Sequence[tuple[str, Callable[[], object]]], rounds: int) -> list[Row]:
    few = task.first(max(1, task.rows // PEER_SHARE))
    theirs, mine = shipped(few), ours(task)
    for spec, of_one, bits in zip(task.clks, theirs, mine, strict=True):
        assert bits[: few.rows].tobytes() == b"".join(bytes(clk) for clk in of_one), spec.name
    peers: list[tuple[str, Callable[[], object]]] = [
        ("clkhash generate_clks", lambda: shipped(few)),
        ("clkhash stream_bloom_filters", lambda: bare(few)),
    ]
    ways: list[tuple[str, Callable[[], object]]] = [
        ("ours", lambda: ours(task)),
        ("ours, with diffusion", lambda: ours_diffused(task)),
        *((f"ours: {name}", way) for name, way in more),
    ]
    for _, way in ways:
        way()  # kernels are compiled, or loaded, before anything is timed
    contestants = [way for _, way in ways]
    beside = [ratios([peer, *contestants], rounds) for _, peer in peers]
    scale = task.rows / few.rows
    rows: list[Row] = [
        (f"{task.name}: {name}", _microseconds(timed[0].seconds, few.rows), None, None, peak_mebibytes(peer))
        for (name, peer), timed in zip(peers, beside, strict=True)
    ]
    for place, (name, way) in enumerate(ways, start=1):
        speeds = (timed[place].speed.times(scale) for timed in beside)
        taken = _microseconds(beside[0][place].seconds, task.rows)
        rows.append((f"{task.name}: {name}", taken, *speeds, peak_mebibytes(way)))
    return rows


def _microseconds(seconds: Spread, rows: int) -> Spread:
    return seconds.times(MICROSECONDS / rows)


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
