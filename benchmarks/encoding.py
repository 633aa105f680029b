"""How fast records are encoded, beside clkhash's own way on the same schema and records, in one process each."""

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.inputs import REGISTER, country, first_rows
from benchmarks.table import Table
from benchmarks.timing import peak_mebibytes, processor_seconds
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.clk import encode_clk
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.reference import compile_schema, encode_reference, forget
from linkage_core.encoding.run import Encoder
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import StandardisedRecords

KEYS = LinkageKeys(Secret(b"benchmark".ljust(32)))
TRACED_ROWS = 1000


def table(quick: bool = False) -> Table:
    """Return what encoding the register of 5,000 people, or of 1,000, tells."""
    return at_size(people=1000 if quick else 5000, rounds=3)


def at_size(people: int, rounds: int) -> Table:
    """Return records a second, memory, and diffusion's share, for the CLKs of the default schema for people."""
    task = country(people)
    schema, records = task.schema, task.records[REGISTER]
    few = first_rows(records, TRACED_ROWS)
    _check_that_all_make_the_same_bits(schema, few)
    ways: tuple[tuple[str, Callable[[LinkageSchema, StandardisedRecords], object]], ...] = (
        ("clkhash: generate_clks, as shipped", clkhash_as_shipped),
        ("clkhash: generate_clks, values unchecked", clkhash_unchecked),
        ("ours: the CLKs before diffusion", before_diffusion),
        ("ours: the CLKs", clks),
        ("ours: the CLKs and match keys", encode_all),
    )
    contestants = [*(_cold(way, schema, records) for _, way in ways), _diffusion(schema, records)]
    *took, diffusion = processor_seconds(contestants, rounds)
    whole = took[[way for _, way in ways].index(clks)]
    rows = [
        (
            name,
            f"{records.rows / time:,.0f}",
            f"{took[0] / time:.2f}",
            f"{peak_mebibytes(_cold(way, schema, few)):.1f}",
        )
        for (name, way), time in zip(ways, took, strict=True)
    ]
    rows.append(("ours: diffusion alone", f"{records.rows / diffusion:,.0f}", f"{took[0] / diffusion:.2f}", ""))
    return Table(
        f"Encoding: {records.rows:,} records, {len(schema.clks)} CLKs of 1,024 bits each",
        ("way", "records/s", "speed, clkhash = 1", f"peak MiB, {few.rows:,} records"),
        tuple(rows),
        (
            f"Diffusion, with the drawing of its indices, takes {diffusion / whole:.0%} of the time of the CLKs.",
            f"Processor time of one process, the least of {rounds} rounds in turns, caches of n-grams emptied before "
            "each run. The bits before diffusion were compared and are equal.",
            "Memory: what Python and numpy allocated above the start, with the result; measured in a run apart.",
        ),
    )


def clkhash_as_shipped(schema: LinkageSchema, records: StandardisedRecords) -> object:
    """Encode with clkhash's public function, which checks every value against the schema."""
    return _clkhash(schema, records, validate=True)


def clkhash_unchecked(schema: LinkageSchema, records: StandardisedRecords) -> object:
    """Encode with clkhash's public function without its checks."""
    return _clkhash(schema, records, validate=False)


def before_diffusion(schema: LinkageSchema, records: StandardisedRecords) -> object:
    """Encode with our wrapper of clkhash's stream of Bloom filters."""
    return [encode_reference(spec, KEYS.clk(spec.name), _columns(records, spec.features)) for spec in schema.clks]


def clks(schema: LinkageSchema, records: StandardisedRecords) -> object:
    """Encode the CLKs as an agent does, diffused."""
    variables = {variable.name: variable for variable in schema.variables}
    return [encode_clk(spec, variables, records, KEYS) for spec in schema.clks]


def encode_all(schema: LinkageSchema, records: StandardisedRecords) -> object:
    """Encode all that an agent uploads."""
    with Encoder(schema, KEYS) as encoder:
        return encoder.encode(records)


def _clkhash(schema: LinkageSchema, records: StandardisedRecords, *, validate: bool) -> list[list[bytes]]:
    from clkhash.clk import generate_clks

    made = []
    for spec in schema.clks:
        rows = list(zip(*_columns(records, spec.features), strict=True))
        secret = KEYS.clk(spec.name).reveal()
        made.append(generate_clks(rows, compile_schema(spec), secret, validate=validate, max_workers=1))
    return made


def _columns(records: StandardisedRecords, features: Sequence[str]) -> list[list[str]]:
    return [records.values[feature] for feature in features]


def _cold(
    way: Callable[[LinkageSchema, StandardisedRecords], object], schema: LinkageSchema, records: StandardisedRecords
) -> Callable[[], object]:
    def work() -> object:
        forget()
        return way(schema, records)

    return work


def _diffusion(schema: LinkageSchema, records: StandardisedRecords) -> Callable[[], object]:
    shape = (records.rows, schema.clks[0].length_bits // 8)
    bits = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def work() -> object:
        return [
            diffuse(bits, diffusion_indices(KEYS.diffusion(spec.name), spec.length_bits, spec.diffusion_t))
            for spec in schema.clks
        ]

    return work


def _check_that_all_make_the_same_bits(schema: LinkageSchema, records: StandardisedRecords) -> None:
    for spec, theirs in zip(schema.clks, _clkhash(schema, records, validate=False), strict=True):
        ours = encode_reference(spec, KEYS.clk(spec.name), _columns(records, spec.features))
        assert ours.tobytes() == b"".join(bytes(clk) for clk in theirs), spec.name
