"""Links the three files once more with all numbers hidden, and holds the links against the numbers.

    python hide_numbers.py

Recall and precision of linking by names and birth dates, measured on the records that have numbers. It reads the files
of all agencies, which in earnest nobody has together: for a pilot, on invented people.
"""

import secrets
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage_core.agreement.document import Agreement
from linkage_core.agreement.signatures import verify_agreement
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.frequency import FrequencyCounter
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import within_cap
from linkage_core.encoding.run import Encoder
from linkage_core.linking.files import ClkColumn, EncodedFile, MatchKeyColumn
from linkage_core.linking.identifiers import identifier_keys
from linkage_core.linking.run import link
from linkage_core.types import MatchKeyName, PartyName, VariableName
from services.provider_agent.identities import read_identities
from services.provider_agent.mapping import load_mapping

SEED = 1


def main(folder: Path) -> None:
    """Print for each number how many of the pairs that share it are linked without it, and how many links it denies."""
    document = verify_agreement((folder / "agreement.json").read_bytes()).document
    numbers = identifier_keys(document.linkage)
    with Encoder(document.linkage, LinkageKeys(Secret(secrets.token_bytes(32)))) as encoder:
        files = [encoded(PartyName(party.name), folder, document, encoder) for party in document.providers]
    linked = link([hidden(file, numbers) for file in files], document.linkage, document.matching, SEED)
    groups = {name: file.group for name, file in linked.groups.files.items()}
    for number in numbers:
        shared, found, told = judged(number, files, groups)
        sys.stdout.write(f"{number}: {found:,} of {shared:,} pairs that share it are linked without it; ")
        sys.stdout.write(f"of {told:,} links where both records have it, {found:,} agree\n")


def hidden(file: EncodedFile, numbers: Sequence[MatchKeyName]) -> EncodedFile:
    """Return the file as if nobody had a number."""
    none = np.zeros(file.row_count, np.bool_)
    without = {name: MatchKeyColumn(file.match_keys[name].keys, none) for name in numbers}
    return replace(file, match_keys={**file.match_keys, **without})


def judged(
    number: MatchKeyName, files: Sequence[EncodedFile], groups: Mapping[PartyName, NDArray[np.uint32]]
) -> tuple[int, int, int]:
    """Return pairs across files that share the number, those of them in one group, and all there that have it."""
    shared = found = told = 0
    for one, other in combinations(files, 2):
        columns = [file.match_keys[number] for file in (one, other)]
        keys, present = (np.concatenate([getattr(c, part) for c in columns]) for part in ("keys", "present"))
        value = MatchKeyColumn(keys, present).numbered()
        first, second = value[: one.row_count, None], value[None, one.row_count :]
        both, same = (first >= 0) & (second >= 0), (first >= 0) & (first == second)
        together = groups[one.provider][:, None] == groups[other.provider][None, :]
        shared += int(same.sum())
        found += int((same & together).sum())
        told += int((both & together).sum())
    return shared, found, told


def encoded(name: PartyName, folder: Path, document: Agreement, encoder: Encoder) -> EncodedFile:
    """Return an agency's file as the linkage unit gets it, under a key that lives as long as this process."""
    source = load_mapping(folder / name / "mapping.toml").identities
    counters = {VariableName(spec.variable): FrequencyCounter(spec) for spec in document.linkage.frequency_classes}
    blocks = []
    for block in read_identities(source, document.linkage):
        blocks.append(encoder.encode(block.records))
        for variable, counter in counters.items():
            counter.add(block.records.values[variable])
    match_keys = {}
    for spec in document.linkage.match_keys:
        parts = [block.match_keys[MatchKeyName(spec.name)] for block in blocks]
        values, present = np.concatenate([p.values for p in parts]), np.concatenate([p.present for p in parts])
        match_keys[MatchKeyName(spec.name)] = MatchKeyColumn(values, within_cap(values, present, spec.max_occurrences))
    clks = {}
    for clk in blocks[0].clks:
        bits, present = ([getattr(block.clks[clk], part) for block in blocks] for part in ("bits", "present"))
        clks[clk] = ClkColumn(np.concatenate(bits), np.concatenate(present))
    classes = {variable: counter.classes() for variable, counter in counters.items()}
    return EncodedFile(name, sum(block.rows for block in blocks), clks, match_keys, frequency_classes=classes)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)  # anonlink imports it
    main(Path())
