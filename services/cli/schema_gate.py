"""The gate before a signature: a schema is encoded and attacked on invented people under keys drawn for the purpose."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from linkage_core.assessment.attacks import attack_together
from linkage_core.assessment.gate import GATE_PEOPLE
from linkage_core.assessment.known_pairs import AttackResult, split_rows
from linkage_core.assessment.schema_attack import IMITATIONS, attacked_classes, attacked_clks, attacked_keys
from linkage_core.crypto.kdf import KEY_BYTES
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.run import standardise
from services.common.clock import system_random
from simulation.people_columns import draw_columns

SEED: Final = 4
"""Of the invented people and of who is known: a schema gets the same people from every party."""

_measured: dict[tuple[str, int, bool], Mapping[str, AttackResult]] = {}


def attack_schema(
    schema: LinkageSchema, people: int = GATE_PEOPLE, *, households: bool = True
) -> Mapping[str, AttackResult]:
    """Return what each attack re-identifies of invented people encoded by the schema; measured once a process.

    Without `households` nobody has relatives in the file, which makes every schema look safer.
    """
    measured = (schema.model_dump_json(), people, households)
    if measured not in _measured:
        _measured[measured] = MappingProxyType(_attacked(schema, people, households=households))
    return _measured[measured]


def _attacked(schema: LinkageSchema, people: int, *, households: bool) -> dict[str, AttackResult]:
    columns = draw_columns([item.kind for item in schema.quasi_identifiers], people, SEED, households=households)
    named = {item.name: column for item, column in zip(schema.quasi_identifiers, columns, strict=True)}
    records, _ = standardise(schema, named)
    keys, *imitating = (LinkageKeys(Secret(system_random(KEY_BYTES))) for _ in range(1 + IMITATIONS))
    clks = attacked_clks(schema.clks, schema.variables, records, keys, imitating)
    split = split_rows(records.rows, np.random.default_rng(SEED))
    return attack_together(
        clks, split, keys=attacked_keys(schema, records, keys), classes=attacked_classes(schema, records)
    )
