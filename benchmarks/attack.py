"""What an attacker who knows two fifths of the pairs re-identifies of the rest, by encoding."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import REGISTER, LinkageTask, country, febrl4
from benchmarks.record_level import FEBRL4, PEOPLE, Feature, diffused, encode_plain, record_level_clk
from benchmarks.table import Bars, Figure, Row, Table
from linkage_core.assessment.attacks import KNOWN_SHARE, known_pair_attack
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.run import Encoder
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import PartyName

SECRET: Final = Secret(b"benchmark".ljust(32))
SEED: Final = 20
FILL_OF_ONE_FIELD: Final = 310
"""Bits that a code of one field sets: a fill of about .26, as in the default schemas."""


def table(quick: bool = False) -> Table:
    """Return the share re-identified on 5,000 persons a file, or on 1,000."""
    return at_size(febrl_rows=1000, people=1000) if quick else at_size(febrl_rows=5000, people=5000)


def at_size(febrl_rows: int, people: int) -> Table:
    """Return the share re-identified of FEBRL4's first file and of an invented country's population register."""
    rows = [
        *_rows(country(people), REGISTER, Feature("family", False, FILL_OF_ONE_FIELD), PEOPLE),
        *_rows(febrl4(febrl_rows), PartyName("first"), Feature("place", False, FILL_OF_ONE_FIELD), FEBRL4),
    ]
    return Table(
        "Attack: share re-identified by known pairs",
        ("file and encoding", "codes attacked", "re-identified", "by chance"),
        tuple(rows),
        (
            f"The attacker knows everybody in clear and, for {KNOWN_SHARE:.0%} of the records, which code is whose, "
            "learns a linear map from bits to bigrams and names every other code by the nearest text. It needs no key.",
            "By chance: what naming every code by the most frequent text would hit.",
            "One attack, at one size: what it breaks is broken; what resists it has resisted this attack only.",
        ),
        chart=Bars("re-identified"),
    )


def _rows(task: LinkageTask, provider: PartyName, one_field: Feature, fields: Sequence[Feature]) -> Iterator[Row]:
    records = task.records[provider]
    order = np.random.default_rng(SEED).permutation(records.rows)
    for name, features in ((f"one field ({one_field.variable})", [one_field]), ("one CLK of all fields", fields)):
        spec = record_level_clk(features)
        complete = np.array([all(parts) for parts in zip(*_columns(records, spec.features[:2]), strict=True)], np.bool_)
        kept = order[complete[order]]
        plain = encode_plain(records, spec, SECRET)
        clear = _clear(records, spec.features, kept)
        yield _row(f"{task.name}: {name}, not diffused", plain[kept], clear)
        yield _row(f"{task.name}: {name}, t = {spec.diffusion_t}", diffused(plain, spec, SECRET)[kept], clear)

    with Encoder(task.schema, LinkageKeys(SECRET)) as encoder:
        made = encoder.encode(records)
    for spec, clk in zip(task.schema.clks, made.clks.values(), strict=True):
        kept = order[clk.present[order]]
        yield _row(f"{task.name}: default, {spec.name}", clk.bits[kept], _clear(records, spec.features, kept))
    kept = order[np.logical_and.reduce([clk.present for clk in made.clks.values()])[order]]
    together = np.concatenate([clk.bits for clk in made.clks.values()], axis=1)
    everything = sorted({feature for spec in task.schema.clks for feature in spec.features})
    yield _row(f"{task.name}: default, all CLKs together", together[kept], _clear(records, everything, kept))


def _columns(records: StandardisedRecords, features: Sequence[str]) -> list[list[str]]:
    return [records.values[feature] for feature in features]


def _clear(records: StandardisedRecords, features: Sequence[str], kept: NDArray[np.intp]) -> list[str]:
    texts = [" ".join(parts) for parts in zip(*_columns(records, features), strict=True)]
    return [texts[row] for row in kept]


def _row(name: str, codes: NDArray[np.uint8], clear: Sequence[str]) -> Row:
    attacked = clear[int(KNOWN_SHARE * len(clear)) :]
    _, counts = np.unique(attacked, return_counts=True)
    return (
        name,
        len(attacked),
        Figure(known_pair_attack(codes, clear), ".1%"),
        Figure(counts.max() / len(attacked), ".1%"),
    )
