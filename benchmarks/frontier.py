"""The frontier: how well a schema links, its threshold chosen without truth, against what attackers make of it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.frontier_schemas import FEBRL4, PEOPLE, Composition, clks_of, with_clks
from benchmarks.inputs import ONE, LinkageTask, febrl4, pair
from benchmarks.record_level import across_files
from benchmarks.table import Figure, Plane, Row, Table
from linkage_core.assessment.attacks import ATTACKS, attack_together
from linkage_core.assessment.key_evidence import AttackedKey
from linkage_core.assessment.known_pairs import KNOWN_SHARE, AttackedClk, AttackResult, split_rows
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

TS: Final = (1, 2, 4, 6, 8, 10, 12)
FILLS: Final = (0.15, 0.2, 0.25, 0.3, 0.35)
FEW_TS: Final = (1, 8, 12)
USUAL_T: Final = 8
USUAL_FILL: Final = 0.28
SWEPT: Final = ("one CLK", "4 CLKs", "a CLK a field")
"""Compositions at several t, the overlapping one at every t and fill; the others are measured at `USUAL_T`."""

AT_LARGE: Final = ("one CLK", "4 CLKs", "a CLK a field")
MOST_KNOWN: Final = 10_000
MOST_TARGETS: Final = 2_000
"""Known pairs that an attacker learns from, and rows that it attacks: all of a large file would take hours."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One schema of the frontier."""

    composition: str
    t: int
    fill: float


def table(quick: bool = False) -> Table:
    """Return the frontier on 10,000 and, for some schemas, 100,000 persons a file; or a few schemas on 1,000."""
    if quick:
        return at_size(people=1000, febrl_rows=1000, large=None, ts=(1, USUAL_T), fills=(0.2,))
    return at_size(people=10_000, febrl_rows=5000, large=100_000, ts=TS, fills=FILLS)


def at_size(people: int, febrl_rows: int, large: int | None, ts: Sequence[int], fills: Sequence[float]) -> Table:
    """Return the frontier on a pair of files of `people`, on FEBRL4, and on a pair of `large` if there is one."""
    usual = pair(PROFILE, people)
    rows = [
        *_rows(usual, ONE, PEOPLE, settings(PEOPLE, ts, fills)),
        *_rows(febrl4(febrl_rows), PartyName("first"), FEBRL4, settings(FEBRL4, [t for t in ts if t in FEW_TS], ())),
    ]
    if large is not None:
        at_large = [Setting(name, USUAL_T, USUAL_FILL) for name in AT_LARGE]
        rows += _rows(pair(PROFILE, large), ONE, PEOPLE, at_large)
    return Table(
        "Frontier: quality of links against what known pairs re-identify",
        ("files and schema", "rows a file", "CLKs", "t", "fill", "F1", *ATTACKS, "worst", "its upper 95 % bound"),
        tuple(rows),
        (
            "F1 of pairs across both files, one key each, no truth used: matching clause and threshold are those that "
            "`default_matching` gives the schema. Empty: the linkage refused to set a threshold.",
            "Re-identified: of one file's rows, by attackers who know the schema, everybody in clear and whose code is "
            f"whose for {KNOWN_SHARE:.0%} of the rows, and who see every CLK and match key of a row.",
            f"At most {MOST_TARGETS:,} rows are attacked, each among everybody not known, and at most {MOST_KNOWN:,} "
            "known pairs are learnt from: a quarter of those of 100,000 persons. More would tell an attacker more.",
            "`default` is the schema that ships, with its own t and fill. Match keys are the same for all schemas.",
        ),
        chart=Plane(across="worst", up="F1", series="CLKs"),
    )


def settings(compositions: Mapping[str, Composition], ts: Sequence[int], fills: Sequence[float]) -> list[Setting]:
    """Return what is measured: not the full product, which would take hours and show nothing more."""
    swept = [
        Setting(name, t, USUAL_FILL)
        for name in compositions
        if name in SWEPT
        for t in ts
        if name == "4 CLKs" or t in FEW_TS
    ]
    others = [Setting(name, USUAL_T, USUAL_FILL) for name in compositions if name not in SWEPT]
    return swept + [Setting("4 CLKs", USUAL_T, fill) for fill in fills] + others


def _rows(
    task: LinkageTask, attacked: PartyName, compositions: Mapping[str, Composition], chosen: Sequence[Setting]
) -> Iterator[Row]:
    schema = task.schema
    yield _row(task, attacked, "default", schema, schema.clks[0].diffusion_t)
    for setting in chosen:
        clks = clks_of(compositions[setting.composition], setting.t, setting.fill)
        yield _row(task, attacked, setting.composition, with_clks(schema, clks), setting.t)


def _row(task: LinkageTask, attacked: PartyName, name: str, schema: LinkageSchema, t: int) -> Row:
    keys, *imitating = (LinkageKeys(Secret(os.urandom(32))) for _ in range(1 + IMITATIONS))
    clks = {
        provider: attacked_clks(schema.clks, schema.variables, records, keys, imitating if provider == attacked else ())
        for provider, records in task.records.items()
    }
    match_keys = {provider: attacked_keys(schema, records, keys) for provider, records in task.records.items()}
    fill = np.mean([np.bitwise_count(clk.imitations[0][clk.present]).mean() / 8 for clk in clks[attacked]])
    quality = linked(task, schema, [_file(name, clks[name], match_keys[name]) for name in task.records])
    results = attack(clks[attacked], match_keys[attacked])
    worst = max(results.values(), key=lambda result: result.share)
    return (
        f"{task.name}: {name}",
        task.records[attacked].rows,
        name,
        t,
        Figure(float(fill), ".2f"),
        None if quality is None else Figure(quality.f1, ".4f"),
        *(Figure(result.share, ".1%") for result in results.values()),
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


def attack(clks: Sequence[AttackedClk], match_keys: Sequence[AttackedKey]) -> dict[str, AttackResult]:
    """Return what each attack makes of a file; of a large one, by samples."""
    random = np.random.default_rng(SEED)
    split = split_rows(len(clks[0].present), random, most_known=MOST_KNOWN, most_targets=MOST_TARGETS)
    return attack_together(clks, split, keys=match_keys)


def _file(provider: PartyName, clks: Sequence[AttackedClk], match_keys: Sequence[AttackedKey]) -> EncodedFile:
    """Return a file as the linkage unit gets it; not by the agent's encoder, which refuses a CLK of one field."""
    return EncodedFile(
        provider=provider,
        row_count=len(clks[0].present),
        clks={ClkName(clk.name): ClkColumn(clk.codes, clk.present) for clk in clks},
        match_keys={MatchKeyName(key.name): MatchKeyColumn(key.values, key.present) for key in match_keys},
    )
