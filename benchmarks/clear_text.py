"""What linking in clear text takes and gives, beside ours: Splink, in its own environment, on the same files."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from benchmarks.in_clear import ClearRun, link_in_clear
from benchmarks.inputs import REGISTER, TAX, LinkageTask, country
from benchmarks.linking import ours
from benchmarks.table import Figure, Growth, Row, Table
from benchmarks.timing import seconds, spread
from linkage_core.assessment.quality import PairQuality
from linkage_core.crypto.secret import Secret

SECRET: Final = Secret(b"benchmark".ljust(32))


def table(quick: bool = False) -> Table:
    """Return both ways for countries of 10,000 people and more: to 1,000,000, or quick, to 30,000."""
    return at_size({10_000: 1, 30_000: 1} if quick else {10_000: 3, 100_000: 3, 1_000_000: 1})


def at_size(rounds: Mapping[int, int]) -> Table:
    """Return seconds and quality for numbers of people, of which each file knows a part, each in so many rounds."""
    rows: list[Row] = []
    notes: list[str] = []
    versions: set[str] = set()
    for people in rounds:
        whole = country(people)
        records = {provider: whole.records[provider] for provider in (REGISTER, TAX)}
        task = replace(whole, records=records, persons={provider: whole.persons[provider] for provider in records})
        in_clear, encoded = zip(*(_both(task) for _ in range(rounds[people])), strict=True)
        rows += [
            _row("Splink, clear text", task, [run.total_seconds for run in in_clear], _quality(in_clear[0], task)),
            _row("ours, diffused CLKs", task, [took for took, _ in encoded], encoded[0][1]),
        ]
        run = in_clear[0]
        steps = ", ".join(f"{step} {took:.2f} s" for step, took in run.seconds.items())
        notes.append(
            f"Splink on {people:,} people, the first of {rounds[people]} rounds: {steps}; at most "
            f"{run.peak_mebibytes:,.0f} MiB in memory."
        )
        versions |= {f"{name} {number}" for name, number in run.versions.items()}
    return Table(
        "Clear text: the population register and the tax office, linked by Splink and by us",
        ("way", "rows of one", "rows of the other", "seconds, min–median–max", "precision", "recall", "F1"),
        tuple(rows),
        (
            f"{', '.join(sorted(versions))}, in a process of its own; {os.cpu_count()} threads each; rounds in turns.",
            "Splink's seconds run from files read to links chosen, ours from standardised values to linkage groups, "
            "encoding included. Both start from the same standardised names and dates.",
            "Splink's links are one to one, the surest first, at probability one half or more; its model was "
            "chosen on other files of the same generator, its blocking rules are wide up to 200,000 rows a file. Ours "
            "are those of the default matching clause, whose threshold was chosen earlier on other countries of the "
            "same generator. Neither reads the truth when it links.",
            *notes,
        ),
        chart=Growth("rows of one", "seconds, min–median–max", "way"),
    )


def _both(task: LinkageTask) -> tuple[ClearRun, tuple[float, PairQuality]]:
    return link_in_clear(task.clear[REGISTER], task.clear[TAX]), seconds(lambda: ours(task, SECRET))


def _quality(run: ClearRun, task: LinkageTask) -> PairQuality:
    return run.quality(task.persons[REGISTER], task.persons[TAX])


def _row(way: str, task: LinkageTask, took: Sequence[float], quality: PairQuality) -> Row:
    return (
        way,
        task.records[REGISTER].rows,
        task.records[TAX].rows,
        spread(took),
        *(Figure(value, ".4f") for value in (quality.precision, quality.recall, quality.f1)),
    )
