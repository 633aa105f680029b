"""How well records are linked, beside the peer's practice on the same files: precision, recall and F1 of pairs."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import LinkageTask, country, febrl4
from benchmarks.record_level import (
    FEBRL4,
    PEOPLE,
    Feature,
    across_files,
    best_with_truth,
    diffused,
    encode_plain,
    record_level_clk,
)
from benchmarks.table import Bars, Figure, Row, Table
from linkage_core.assessment.quality import PairQuality
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.frequency import FrequencyCounter
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import within_cap
from linkage_core.encoding.run import Encoder
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.run import link
from linkage_core.standardise.run import StandardisedRecords
from linkage_core.types import PartyName, VariableName

SEED: Final = 7

PLAIN_THRESHOLDS: Final = tuple(percent / 100 for percent in range(50, 92, 2))
DIFFUSED_THRESHOLDS: Final = tuple(percent / 100 for percent in range(54, 71))


def table(quick: bool = False) -> Table:
    """Return quality on 5,000 persons a task under three keys, or on 1,000 under one."""
    return at_size(febrl_rows=1000, people=1000, keys=1) if quick else at_size(febrl_rows=5000, people=5000, keys=3)


def at_size(febrl_rows: int, people: int, keys: int) -> Table:
    """Return quality on FEBRL4 and on an invented country, each under `keys` keys drawn anew."""
    rows: list[Row] = []
    for task, features in ((febrl4(febrl_rows), FEBRL4), (country(people), PEOPLE)):
        secrets = [Secret(os.urandom(32)) for _ in range(keys)]
        rows.append(
            _row(
                task,
                f"default schema, {len(task.schema.clks)} CLKs, t = 8",
                "default",
                [ours(task, s) for s in secrets],
            )
        )
        rows += _peer_rows(task, features, secrets)
    return Table(
        "Linking: quality of pairs across files",
        ("files and encoding", "threshold", "precision", "recall", "F1", "lowest F1"),
        tuple(rows),
        (
            f"Means over {keys} keys drawn in this run, and the lowest F1 among them.",
            "The default's threshold is learnt in each run from the files themselves, without truth.",
            "`with truth`: for every key, the threshold of the highest F1 was chosen knowing who is who, which no real "
            "run can; shown is the range of what was chosen.",
            "One CLK: all fields in one code of 1,024 bits, fill .3, the same standardised values, anonlink's "
            "candidates and greedy solver. It has no match keys, and by design gives a person at most one row a file: "
            "true pairs of a second passport count as missed. Pairs within a file count for nobody.",
        ),
        chart=Bars("F1"),
    )


def ours(task: LinkageTask, secret: Secret) -> PairQuality:
    """Return the quality of the default schema and matching clause under one linkage secret."""
    files = [encoded_file(provider, task, records, secret) for provider, records in task.records.items()]
    groups = link(files, task.schema, task.matching, SEED).groups
    return across_files({provider: file.group for provider, file in groups.files.items()}, task.persons)


def encoded_file(provider: PartyName, task: LinkageTask, records: StandardisedRecords, secret: Secret) -> EncodedFile:
    """Return a provider's records as the linkage unit gets them."""
    with Encoder(task.schema, LinkageKeys(secret)) as encoder:
        made = encoder.encode(records)
    classes = {VariableName(spec.variable): FrequencyCounter(spec) for spec in task.schema.frequency_classes}
    for variable, counter in classes.items():
        counter.add(records.values[variable])
    caps = {spec.name: spec.max_occurrences for spec in task.schema.match_keys}
    return EncodedFile(
        provider=provider,
        row_count=made.rows,
        clks={name: ClkColumn(clk.bits, clk.present) for name, clk in made.clks.items()},
        match_keys={
            name: MatchKeyColumn(key.values, within_cap(key.values, key.present, caps[name]))
            for name, key in made.match_keys.items()
        },
        frequency_classes={variable: counter.classes() for variable, counter in classes.items()},
    )


def _peer_rows(task: LinkageTask, features: Sequence[Feature], secrets: Sequence[Secret]) -> list[Row]:
    spec = record_level_clk(features)
    plain: list[Mapping[PartyName, NDArray[np.uint8]]] = [
        {provider: encode_plain(records, spec, secret) for provider, records in task.records.items()}
        for secret in secrets
    ]
    hardened = [
        {provider: diffused(bits, spec, secret) for provider, bits in files.items()}
        for files, secret in zip(plain, secrets, strict=True)
    ]
    rows = []
    for name, made, thresholds in (
        ("one CLK, not diffused", plain, PLAIN_THRESHOLDS),
        (f"one CLK, t = {spec.diffusion_t}", hardened, DIFFUSED_THRESHOLDS),
    ):
        chosen = [best_with_truth(files, task.persons, thresholds) for files in made]
        used = sorted({best.threshold for best in chosen})
        span = f"{used[0]:.2f}" if len(used) == 1 else f"{used[0]:.2f} to {used[-1]:.2f}"
        rows.append(_row(task, name, f"with truth: {span}", [best.quality for best in chosen]))
    return rows


def _row(task: LinkageTask, name: str, threshold: str, found: Sequence[PairQuality]) -> Row:
    return (
        f"{task.name}: {name}",
        threshold,
        *(
            Figure(float(np.mean(values)), ".4f")
            for values in ([q.precision for q in found], [q.recall for q in found], [q.f1 for q in found])
        ),
        Figure(min(q.f1 for q in found), ".4f"),
    )
