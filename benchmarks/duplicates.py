"""How well duplicates inside one file are found: FEBRL1 to FEBRL3, of which no default was chosen."""

import os
from typing import Final

import numpy as np

from benchmarks.inputs import LinkageTask, febrl_with_duplicates
from benchmarks.linking import SEED, encoded_file
from benchmarks.table import Bars, Figure, Row, Table
from linkage_core.assessment.quality import PairQuality, assess
from linkage_core.crypto.secret import Secret
from linkage_core.linking.files import EncodedFile
from linkage_core.linking.run import link

PER_MILLE_WITH_TRUTH: Final = range(500, 630, 10)

CONTENTS: Final = {1: "one duplicate each", 2: "up to five of a few", 3: "up to five of most"}


def table(quick: bool = False) -> Table:
    """Return quality on all persons of a file under three keys, or on 500 under one."""
    return at_size(persons=500, keys=1) if quick else at_size(persons=5000, keys=3)


def at_size(persons: int, keys: int) -> Table:
    """Return quality on each file, each under `keys` keys drawn anew."""
    rows: list[Row] = []
    for number, contents in CONTENTS.items():
        task = febrl_with_duplicates(number, persons)
        files = [_encoded(task, Secret(os.urandom(32))) for _ in range(keys)]
        default = [_quality(task, file, task.matching.link_per_mille) for file in files]
        tried = [{at: _quality(task, file, at) for at in PER_MILLE_WITH_TRUTH} for file in files]
        chosen = [max(found, key=lambda at: found[at].f1) for found in tried]
        best = [found[at] for found, at in zip(tried, chosen, strict=True)]
        name = f"{task.name}, {contents}"
        rows += [
            _row(name, "default", default),
            _row(name, f"with truth: {_span(chosen)}", best),
        ]
    return Table(
        "Linking: duplicates inside one file",
        ("file", "threshold", "precision", "recall", "F1", "lowest F1"),
        tuple(rows),
        (
            f"Means over {keys} keys drawn in this run, and the lowest F1 among them; pairs of rows of one person.",
            "The default's schema is FEBRL4's; its threshold is learnt in each run from the file itself, by the noise "
            "of codes: where a file holds duplicates, nothing tells relatives.",
            "`with truth`: for every key, the threshold of the highest F1 was chosen knowing who is who.",
        ),
        chart=Bars("F1"),
    )


def _encoded(task: LinkageTask, secret: Secret) -> EncodedFile:
    ((provider, records),) = task.records.items()
    return encoded_file(provider, task, records, secret)


def _quality(task: LinkageTask, file: EncodedFile, link_per_mille: int) -> PairQuality:
    matching = task.matching.model_copy(update={"link_per_mille": link_per_mille})
    groups = link([file], task.schema, matching, SEED).groups
    return assess({file.provider: groups.files[file.provider].group}, task.persons).overall


def _span(per_mille: list[int]) -> str:
    return " to ".join(f"{at / 1000:.2f}" for at in dict.fromkeys([min(per_mille), max(per_mille)]))


def _row(name: str, threshold: str, found: list[PairQuality]) -> Row:
    means = (np.mean([getattr(quality, what) for quality in found]) for what in ("precision", "recall", "f1"))
    lowest = min(quality.f1 for quality in found)
    return (name, threshold, *(Figure(float(value), ".4f") for value in (*means, lowest)))
