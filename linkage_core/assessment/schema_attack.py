"""Attacks a linkage schema: encodes people under keys drawn for the purpose, then attacks what comes out.

The only module of this room that encodes, so only who drafts or signs an agreement, tests and benchmarks import it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.assessment.key_evidence import AttackedKey
from linkage_core.assessment.known_pairs import AttackedClk
from linkage_core.encoding.clk import LEAST_QUASI_IDENTIFIERS
from linkage_core.encoding.columns import ColumnEncoder
from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.frequency import FrequencyCounter
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.match_keys import MatchKeyEncoder, within_cap
from linkage_core.schema import ClkSpec, LinkageSchema, Variable
from linkage_core.standardise.run import StandardisedRecords

IMITATIONS: Final = 1
"""Keys of its own under which an attacker encodes everybody: eight find no more than one (1.9 % each at 4,000)."""


def attacked_clks(
    clks: Sequence[ClkSpec],
    variables: Sequence[Variable],
    records: StandardisedRecords,
    keys: LinkageKeys,
    imitating: Sequence[LinkageKeys],
) -> list[AttackedClk]:
    """Return each CLK of the records under `keys`, with what an attacker knows: values, and its own imitations.

    Unlike the encoder of agents it also encodes CLKs of a single quasi-identifier, so that they can be seen to break.
    """
    bits, *imitations = (
        ColumnEncoder([(spec, k.clk(spec.name)) for spec in clks]).encode(records.values, records.rows)
        for k in (keys, *imitating)
    )
    sources = {variable.name: variable.of for variable in variables}
    mixed = [diffusion_indices(keys.diffusion(spec.name), spec.length_bits, spec.diffusion_t) for spec in clks]
    return [
        AttackedClk(
            name=spec.name,
            codes=diffuse(bits[place], mixed[place]),
            present=_present(spec, sources, records),
            values={feature: records.values[feature] for feature in spec.features},
            imitations=[imitation[place] for imitation in imitations],
            t=spec.diffusion_t,
        )
        for place, spec in enumerate(clks)
    ]


def attacked_keys(schema: LinkageSchema, records: StandardisedRecords, keys: LinkageKeys) -> list[AttackedKey]:
    """Return each match key of the records, capped as agents cap them, with the values that an attacker knows."""
    variables = {variable.name: variable for variable in schema.variables}
    attacked = []
    for spec in schema.match_keys:
        key = MatchKeyEncoder(spec, variables, keys).encode(records)
        present = within_cap(key.values, key.present, spec.max_occurrences)
        columns = [records.values[name] for name in spec.variables]
        clear = ["\x1f".join(parts) for parts in zip(*columns, strict=True)]
        attacked.append(AttackedKey(spec.name, key.values, present, clear))
    return attacked


def attacked_classes(schema: LinkageSchema, records: StandardisedRecords) -> list[NDArray[np.uint8]]:
    """Return the frequency classes of the records, by variable, with every bound in force that a file may have.

    Larger files than those that are attacked tell rarer names apart.
    """
    made = []
    for spec in schema.frequency_classes:
        counter = FrequencyCounter(spec, least_occurrences=1)
        counter.add(records.values[spec.variable])
        made.append(counter.classes())
    return made


def _present(spec: ClkSpec, sources: Mapping[str, Sequence[str]], records: StandardisedRecords) -> NDArray[np.bool_]:
    parts = {source for feature in spec.features for source in sources[feature]}
    known = np.sum([records.present[source] for source in parts], axis=0)
    enough: NDArray[np.bool_] = known >= min(LEAST_QUASI_IDENTIFIERS, len(parts))
    return enough
