"""The frontier: how well a schema links, its threshold chosen without truth, against what attackers make of it.

The whole grid on a file of 10,000 people, every row attacked that is not known, and some schemas on 100,000, by
samples. At full size it takes two free cores some hours.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.frontier_schemas import (
    FEBRL4,
    PEOPLE,
    Composition,
    Setting,
    clks_of,
    hardness,
    settings,
    with_clks,
    with_ts,
)
from benchmarks.inputs import ONE, LinkageTask, febrl4, pair
from benchmarks.record_level import across_files
from benchmarks.table import Figure, Plane, Row, Table
from linkage_core.assessment.attacks import ATTACKS, attack_together
from linkage_core.assessment.key_evidence import AttackedKey
from linkage_core.assessment.known_pairs import KNOWN_SHARE, AttackedClk, AttackResult, Split, split_rows
from linkage_core.assessment.quality import PairQuality
from linkage_core.assessment.schema_attack import IMITATIONS, attacked_clks, attacked_keys
from linkage_core.crypto.secret import Secret
from linkage_core.default_matching import default_matching
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.errors import LinkageCoreError
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import link
from linkage_core.schema import LinkageSchema
from linkage_core.types import ClkName, MatchKeyName, PartyName

SEED: Final = 8
PROFILE: Final = "usual"
FIRST: Final = PartyName("first")

TS: Final = (1, 2, 4, 6, 8, 10, 12)
FILLS: Final = (0.15, 0.2, 0.25, 0.35)

AT_LARGE: Final = (Setting("one CLK", 12), Setting("2 CLKs", 8), Setting("a CLK a field", 8))
"""Beside the default schema, what is measured on the large files."""

EXPECTED: Final = "expected codes"


@dataclass(frozen=True, slots=True)
class Reach:
    """What attackers are given at most of a file: rows that they attack, and known pairs that they learn from.

    `most_learnt`: by `expected codes`, whose memory grows with the square (8 bytes a pair of them) and time with the
    cube; None: all. The other attacks learn from every known pair.
    """

    most_targets: int | None = None
    most_learnt: int | None = None


EVERYTHING: Final = Reach()
SAMPLES: Final = Reach(most_targets=3_000, most_learnt=10_000)
"""Of a large file: all known pairs of 100,000 people would take 13 GiB, and hours."""


def table(quick: bool = False) -> Table:
    """Return the frontier on 10,000 and, for some schemas, 100,000 persons a file; or a few schemas on 1,000."""
    if quick:
        return at_size(people=1000, febrl_rows=1000, large=None, ts=(1, 8), fills=(0.2,))
    return at_size(people=10_000, febrl_rows=5000, large=100_000, ts=TS, fills=FILLS)


def at_size(people: int, febrl_rows: int, large: int | None, ts: Sequence[int], fills: Sequence[float]) -> Table:
    """Return the frontier on a pair of files of `people`, on FEBRL4, and on a pair of `large` if there is one."""
    rows = _rows(pair(PROFILE, people), ONE, PEOPLE, settings(PEOPLE, ts, fills))
    rows += _rows(febrl4(febrl_rows), FIRST, FEBRL4, settings(FEBRL4, ts, ()))
    if large is not None:
        rows += _rows(pair(PROFILE, large), ONE, PEOPLE, AT_LARGE, SAMPLES)
    return as_table(rows)


def _rows(
    task: LinkageTask,
    attacked: PartyName,
    compositions: Mapping[str, Composition],
    chosen: Sequence[Setting],
    reach: Reach = EVERYTHING,
) -> list[Row]:
    return [row(task, attacked, name, schema, reach) for name, schema in schemas(task.schema, compositions, chosen)]


def schemas(
    default: LinkageSchema, compositions: Mapping[str, Composition], chosen: Sequence[Setting]
) -> Iterator[tuple[str, LinkageSchema]]:
    """Yield the default schema between a softer and a harder one, then each chosen composition, all of one length."""
    for factor in (0.75, 1, 1.25):
        yield "default", with_ts(default, [factor * clk.diffusion_t for clk in default.clks])
    for setting in chosen:
        clks = clks_of(compositions[setting.composition], setting.t, setting.fill, default.clks[0].length_bits)
        yield setting.name, with_clks(default, clks)


def as_table(rows: Sequence[Row]) -> Table:
    """Return rows as the table that they make."""
    return Table(
        "Frontier: quality of links against what known pairs re-identify",
        (
            "files",
            "schema",
            "bits",
            "t",
            "fill",
            "known",
            "attacked",
            "F1",
            *ATTACKS,
            "worst",
            "its upper 95 % bound",
        ),
        tuple(rows),
        (
            "F1 of pairs across both files, one key each, no truth used: matching clause and threshold are those that "
            "`default_matching` gives the schema, which learns weights from the files. Empty: the linkage refused.",
            "Re-identified: of the attacked rows of one file, by attackers who know the schema, everybody in clear and "
            f"whose code is whose for {KNOWN_SHARE:.0%} of the rows, and who see every CLK and match key of a row. "
            "Each row is attacked among everybody not known.",
            "`of` in `known`: how many of them expected codes learnt from; from more it would find more. The other "
            "attacks learnt from all.",
            "`default` is the schema that ships, between the same at three quarters and at five quarters of its t. All "
            "schemas of a file have CLKs of one length, and the same match keys. Fill as measured.",
        ),
        chart=Plane(across="worst", up="F1", series="schema", among="files", short_of_one=True),
    )


def row(task: LinkageTask, attacked: PartyName, name: str, schema: LinkageSchema, reach: Reach = EVERYTHING) -> Row:
    """Encode both files under keys drawn for the purpose, link them, and attack one of them."""
    keys, *imitating = (LinkageKeys(Secret(os.urandom(32))) for _ in range(1 + IMITATIONS))
    clks = {
        provider: attacked_clks(schema.clks, schema.variables, records, keys, imitating if provider == attacked else ())
        for provider, records in task.records.items()
    }
    match_keys = {provider: attacked_keys(schema, records, keys) for provider, records in task.records.items()}
    fill = np.mean([np.bitwise_count(clk.imitations[0][clk.present]).mean() / 8 for clk in clks[attacked]])
    quality = linked(task, schema, [_file(name, clks[name], match_keys[name]) for name in task.records])
    split = split_rows(task.records[attacked].rows, np.random.default_rng(SEED), most_targets=reach.most_targets)
    results = attack(clks[attacked], match_keys[attacked], split, reach.most_learnt)
    worst = max(results.values(), key=lambda result: result.share)
    learnt = len(split.known[: reach.most_learnt])
    return (
        f"{task.name}, {task.records[attacked].rows:,}",
        name,
        schema.clks[0].length_bits,
        hardness(schema),
        Figure(float(fill), ".2f"),
        f"{len(split.known):,}" if learnt == len(split.known) else f"{learnt:,} of {len(split.known):,}",
        len(split.targets),
        None if quality is None else Figure(quality.f1, ".4f"),
        *(Figure(results[attack].share, ".1%") for attack in ATTACKS),
        Figure(worst.share, ".1%"),
        Figure(worst.upper, ".1%"),
    )


def linked(task: LinkageTask, schema: LinkageSchema, files: Sequence[EncodedFile]) -> PairQuality | None:
    """Return the quality of the links that are made without truth; None if the linkage refuses these files."""
    try:
        groups = link(files, schema, default_matching(schema), SEED).groups
    except LinkageCoreError:
        return None
    return across_files({provider: file.group for provider, file in groups.files.items()}, task.persons)


def attack(
    clks: Sequence[AttackedClk], match_keys: Sequence[AttackedKey], split: Split, most_learnt: int | None
) -> dict[str, AttackResult]:
    """Return what each attack makes of a file; `expected codes` learns from so many known pairs only."""
    fewer = Split(split.known[:most_learnt], split.targets, split.candidates)
    others = {name: one for name, one in ATTACKS.items() if name != EXPECTED}
    return attack_together(clks, split, others, match_keys) | attack_together(
        clks, fewer, {EXPECTED: ATTACKS[EXPECTED]}, match_keys
    )


def _file(provider: PartyName, clks: Sequence[AttackedClk], match_keys: Sequence[AttackedKey]) -> EncodedFile:
    """Return a file as the linkage unit gets it; not by the agent's encoder, which refuses a CLK of one field."""
    return EncodedFile(
        provider=provider,
        row_count=len(clks[0].present),
        clks={ClkName(clk.name): ClkColumn(clk.codes, clk.present) for clk in clks},
        match_keys={MatchKeyName(key.name): MatchKeyColumn(key.values, key.present) for key in match_keys},
    )
