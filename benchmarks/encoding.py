"""How fast records are encoded, beside clkhash's own ways on the same schema and values, in one process each."""

import csv
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from clkhash import bloomfilter
from clkhash.clk import generate_clks
from numpy.typing import NDArray

from benchmarks.inputs import COUNTRY_SEED, REGISTER
from benchmarks.table import Bars, Row, Table
from benchmarks.timing import peak_mebibytes, ratios
from linkage_core.crypto.secret import Secret
from linkage_core.default_schema import people_schema
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.encodable import compile_schema
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedRecords
from linkage_core.encoding.reference import feature_keys, forget
from linkage_core.encoding.run import Encoder
from linkage_core.schema import ClkSpec, LinkageSchema
from linkage_core.standardise.columns import standardise_column
from linkage_core.standardise.run import StandardisedRecords, standardise

KEYS: Final = LinkageKeys(Secret(b"benchmark".ljust(32)))
REGISTERED: Final = 0.77
"""Least share of the generator's people who are in its population register."""

CHUNK_ROWS: Final = 10_000
"""As many rows as an agent reads at a time; memory is measured on one such chunk."""

SEED: Final = 7
MICROSECONDS: Final = 1e6

Values = Mapping[str, Sequence[str]]
"""A column of text for each feature."""


class Task:
    """CLKs of some records, which each way takes in the form that it is made for.

    `records`: for each CLK, the records as clkhash takes them. `chunks`: columns, as an agent reads them.
    """

    def __init__(self, name: str, clks: Sequence[ClkSpec], values: Values) -> None:
        self.name = name
        self.clks = clks
        self.schemas = [compile_schema(spec) for spec in clks]
        self.records = [list(zip(*(values[name] for name in spec.features), strict=True)) for spec in clks]
        self.rows = len(self.records[0])
        self.chunks = [
            {name: list(column[first : first + CHUNK_ROWS]) for name, column in values.items()}
            for first in range(0, self.rows, CHUNK_ROWS)
        ]


Way = Callable[[Task], Iterable[object]]
"""Encodes a task's records, one part after the other."""


def table(quick: bool = False) -> Table:
    """Return what encoding 100,000 records, or 10,000, tells."""
    return at_size(people=13_000 if quick else 130_000, rounds=3 if quick else 5)


def at_size(people: int, rounds: int) -> Table:
    """Return times a record for plain schemas of one CLK, and for the default schema with all that is uploaded."""
    register, schema = _register(people), people_schema()
    records, _ = standardise(schema, {item.name: register[item.name] for item in schema.quasi_identifiers})
    values = _encoded_as_they_are(register)
    whole: list[tuple[str, Way]] = [("ours: CLKs, diffusion, match keys", encode_all)]
    rows = [
        *_rows("names, date, sex, place", [_one_clk(PLAIN)], values, [], rounds),
        *_rows("the same and address", [_one_clk(PLAIN + ADDRESS)], values, [], rounds),
        *_rows("default schema", schema.clks, records.values, whole, rounds),
    ]
    return Table(
        f"Encoding: {records.rows:,} records, one core",
        (
            "fields and way",
            "µs a record",
            "speed, generate_clks = 1",
            "speed, stream_bloom_filters = 1",
            f"peak MiB, {min(records.rows, CHUNK_ROWS):,} records",
        ),
        tuple(rows),
        (
            "clkhash's `generate_clks` as shipped, in one process, checks every value; `stream_bloom_filters` is the "
            "bare stream inside it. Its caches of n-grams are emptied before each run, and help it within one.",
            f"Processor time of one process and ratios within a round, min–median–max of {rounds} rounds in turns. "
            "Schemas are compiled before; nothing else is remembered from one round to the next. "
            "The bits of all records were compared and are equal.",
            "After clkhash's seconds a virtual machine may first have to get memory back from its host, which can cost "
            "as much as encoding and does not grow with the file: the first run after clkhash is shown apart.",
            "Standardisation is not counted. `diffusion` and what is uploaded beside CLKs are shown apart; clkhash has "
            f"neither. The default schema has {len(schema.clks)} CLKs of {schema.clks[0].length_bits:,} bits a record, "
            "the others one of 1,024.",
            "Results are let go as they come; `generate_clks` gives all at once. Memory: what Python and numpy "
            "allocated above the start; measured in a run apart. Ours prepares room for what it may remember, which "
            "does not grow with the file.",
        ),
        chart=Bars("speed, generate_clks = 1"),
    )


def shipped(task: Task) -> Iterator[object]:
    """Encode with clkhash's public function, which checks every value against the schema; yields all of a CLK."""
    forget()
    for spec, schema, records in zip(task.clks, task.schemas, task.records, strict=True):
        yield generate_clks(records, schema, KEYS.clk(spec.name).reveal(), max_workers=1)


def bare(task: Task) -> Iterator[bytes]:
    """Encode with clkhash's stream of Bloom filters alone; yields each CLK of each record."""
    forget()
    for spec, schema, records in zip(task.clks, task.schemas, task.records, strict=True):
        keys = feature_keys(schema, KEYS.clk(spec.name))
        yield from (bits.tobytes() for bits, _, _ in bloomfilter.stream_bloom_filters(records, keys, schema))


def ours(task: Task) -> Iterator[list[NDArray[np.uint8]]]:
    """Encode the same bits by columns; yields the CLKs of each chunk."""
    encoder = ColumnEncoder([(spec, KEYS.clk(spec.name)) for spec in task.clks])
    for chunk in task.chunks:
        yield encoder.encode(chunk, len(chunk[task.clks[0].features[0]]))


def ours_diffused(task: Task) -> Iterator[list[NDArray[np.uint8]]]:
    """Encode by columns, and diffuse."""
    indices = [diffusion_indices(KEYS.diffusion(spec.name), spec.length_bits, spec.diffusion_t) for spec in task.clks]
    for chunk in ours(task):
        yield [diffuse(*clk) for clk in zip(chunk, indices, strict=True)]


def encode_all(task: Task) -> Iterator[EncodedRecords]:
    """Encode all that an agent uploads under the default schema; every value counts as complete."""
    schema = people_schema()
    with Encoder(schema, KEYS) as encoder:
        for chunk in task.chunks:
            yield encoder.encode(_as_standardised(schema, chunk))


def _as_standardised(schema: LinkageSchema, chunk: Mapping[str, list[str]]) -> StandardisedRecords:
    rows = len(chunk[schema.variables[0].name])
    known = {item.name: np.ones(rows, dtype=np.bool_) for item in schema.quasi_identifiers}
    return StandardisedRecords(rows, chunk, known, known)


def _rows(
    name: str, clks: Sequence[ClkSpec], values: Values, more: Sequence[tuple[str, Way]], rounds: int
) -> Iterator[Row]:
    task = Task(name, clks, values)
    few = Task(name, clks, task.chunks[0])
    by_clk = zip(*ours(task), strict=True)
    assert b"".join(bits.tobytes() for chunks in by_clk for bits in chunks) == b"".join(bare(task)), name
    peers: list[tuple[str, Way]] = [("clkhash generate_clks", shipped), ("clkhash stream_bloom_filters", bare)]
    ways: list[tuple[str, Way]] = [
        ("ours, right after clkhash", ours),
        ("ours", ours),
        ("ours, with diffusion", ours_diffused),
        *more,
    ]
    for _, way in ways:
        _use(way, few)  # kernels are compiled, or loaded, before anything is timed
    beside = [ratios([partial(_use, way, task) for _, way in (peer, *ways)], rounds) for peer in peers]
    for (peer, way), timed in zip(peers, beside, strict=True):
        taken = timed[0].seconds.times(MICROSECONDS / task.rows)
        yield f"{name}: {peer}", taken, None, None, peak_mebibytes(partial(_use, way, few))
    for place, (our, way) in enumerate(ways, start=1):
        taken = beside[0][place].seconds.times(MICROSECONDS / task.rows)
        yield (
            f"{name}: {our}",
            taken,
            *(timed[place].speed for timed in beside),
            peak_mebibytes(partial(_use, way, few)),
        )


def _use(way: Way, task: Task) -> None:
    """Encode, and let each part go when the next one comes, as an agent does."""
    deque(way(task), maxlen=0)


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
