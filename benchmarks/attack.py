"""What an attacker who knows two fifths of the pairs re-identifies of the rest, by encoding."""

import os
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.inputs import REGISTER, LinkageTask, country, febrl4
from benchmarks.record_level import FEBRL4, PEOPLE, Feature, record_level_clk
from benchmarks.table import Bars, Figure, Row, Table
from linkage_core.assessment.attacks import ATTACKS, attack_together
from linkage_core.assessment.known_pairs import KNOWN_SHARE, split_rows
from linkage_core.assessment.schema_attack import IMITATIONS, attacked_clks
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.schema import ClkSpec
from linkage_core.types import PartyName

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
        ("file and encoding", "codes attacked", *ATTACKS, "upper 95 % bound of the worst"),
        tuple(rows),
        (
            f"The attacker knows the schema, everybody in clear and, for {KNOWN_SHARE:.0%} of the records, which code "
            "is whose. It needs no key. Named rightly: given the record's own values in every encoded variable.",
            "Codebook: the nearest known codes vote. Ridge: a linear map from bits to bigrams. Expected codes: each "
            "person's code is predicted from the known ones by how much two people's values share.",
            "What these attacks break is broken; what resists them has resisted these attacks only.",
        ),
        chart=Bars("expected codes"),
    )


def _rows(task: LinkageTask, provider: PartyName, one_field: Feature, fields: Sequence[Feature]) -> Iterator[Row]:
    for name, features in ((f"one field ({one_field.variable})", [one_field]), ("one CLK of all fields", fields)):
        spec = record_level_clk(features)
        yield _row(task, provider, f"{name}, not diffused", [spec.model_copy(update={"diffusion_t": 1})])
        yield _row(task, provider, f"{name}, t = {spec.diffusion_t}", [spec])
    for spec in task.schema.clks:
        yield _row(task, provider, f"default, {spec.name}", [spec])
    yield _row(task, provider, "default, all CLKs together", task.schema.clks)


def _row(task: LinkageTask, provider: PartyName, name: str, clks: Sequence[ClkSpec]) -> Row:
    keys, *imitating = (LinkageKeys(Secret(os.urandom(32))) for _ in range(1 + IMITATIONS))
    attacked = attacked_clks(clks, task.schema.variables, task.records[provider], keys, imitating)
    split = split_rows(task.records[provider].rows, np.random.default_rng(SEED))
    results = attack_together(attacked, split).values()
    return (
        f"{task.name}: {name}",
        len(split.targets),
        *(Figure(result.share, ".1%") for result in results),
        Figure(max(result.upper for result in results), ".1%"),
    )
