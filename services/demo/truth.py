"""The links of a wave against the truth, which no party has: for the report at the end of a demo or a trial only."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkage_core.agreement.signatures import verify_agreement
from linkage_core.assessment.quality import LinkageQuality, assess
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import handles
from linkage_core.types import LocalId, PartyName
from services.common.clock import system_clock, system_random
from services.common.sealing import FileKeyEncryptionKey


def assess_links(truth: Path, linkage_unit: Path, agents: Mapping[PartyName, Path]) -> LinkageQuality:
    """Return precision and recall of the linkage unit's groups against the truth's table of identities.

    It needs what no party has: every provider's handle key and the linkage unit's registry, found through the
    configuration files of their processes, and the truth (CSV with columns person_id, provider, local_id).
    """
    identities = pd.read_csv(truth, dtype=str)
    groups = _registry(linkage_unit)
    persons, linked = {}, {}
    for provider, agent in agents.items():
        own = identities[identities["provider"] == provider]
        found = handles(_handle_key(agent), [LocalId(value) for value in own["local_id"]])
        linked[provider] = _numbers([groups[provider, handle.tobytes()] for handle in found])
        persons[provider] = own["person_id"]
    # One numbering of groups, and one of persons, over all providers.
    group_codes = _one_numbering(linked)
    person_codes = _one_numbering(persons)
    return assess(group_codes, person_codes)


def _numbers(groups: list[bytes]) -> "pd.Series[str]":
    return pd.Series([group.hex() for group in groups], dtype=str)


def _one_numbering(columns: Mapping[PartyName, "pd.Series[str]"]) -> dict[PartyName, NDArray[np.int64]]:
    codes, _ = pd.factorize(pd.concat(list(columns.values()), ignore_index=True))
    numbered, start = {}, 0
    for name, column in columns.items():
        numbered[name] = np.asarray(codes[start : start + len(column)], dtype=np.int64)
        start += len(column)
    return numbered


def _registry(linkage_unit: Path) -> dict[tuple[str, bytes], bytes]:
    from services.linkage_unit.config import load
    from services.linkage_unit.unit import open_unit

    unit = open_unit(load(linkage_unit), "demo", system_clock, system_random)
    try:
        return unit.runs.registry()
    finally:
        unit.close()


def _handle_key(agent: Path) -> Secret:
    from services.provider_agent.config import load
    from services.provider_agent.outbox import AgentState

    config = load(agent)
    kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, system_random)
    state = AgentState(config.state, kek, system_random)
    return state.handle_key(verify_agreement(config.agreement.read_bytes()))
