"""The links of a wave against the truth, which no party has: for the report at the end of a demo or a trial only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from linkage_core.agreement.signatures import verify_agreement
from linkage_core.assessment.quality import LinkageQuality, assess
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import handles
from linkage_core.types import LocalId, PartyName
from services.common.clock import system_clock, system_random
from services.common.sealing import FileKeyEncryptionKey

if TYPE_CHECKING:
    from services.linkage_unit.unit import LinkageUnit


@dataclass(frozen=True, slots=True)
class Stability:
    """How steady synthetic keys are over waves.

    `quality`: of each wave's rows, by wave. `rows`: local ids that were delivered in two waves or more, of which
    `steady_rows` had one key in all of them. `persons`: who were delivered in two waves or more, of which
    `steady_persons` had one key in all waves and at all agencies.
    """

    quality: Mapping[str, LinkageQuality]
    rows: int
    steady_rows: int
    persons: int
    steady_persons: int


def assess_links(truth: Path, linkage_unit: Path, agents: Mapping[PartyName, Path]) -> LinkageQuality:
    """Return precision and recall of the linkage unit's groups against the truth's table of identities.

    It needs what no party has: every provider's handle key and the linkage unit's registry, found through the
    configuration files of their processes, and the truth (CSV with columns person_id, provider, local_id).
    """
    identities = _with_handles(pd.read_csv(truth, dtype=str), agents)
    with _opened(linkage_unit) as unit:
        return _quality(identities, unit.runs.registry())


def assess_waves(truth: Path, linkage_unit: Path, agents: Mapping[PartyName, Path]) -> Stability:
    """Return quality and steadiness over all linked waves; the truth's identities have a column `year`, the wave."""
    identities = _with_handles(pd.read_csv(truth, dtype=str), agents)
    quality, keys = {}, []
    with _opened(linkage_unit) as unit:
        for wave in unit.runs.waves():
            run = unit.runs.run(wave)
            of_wave = identities[identities["year"] == wave]
            if run is None or of_wave.empty:
                continue
            groups = unit.runs.registry(run.version)
            quality[wave] = _quality(of_wave, groups)
            keys.append(of_wave.assign(key=_groups_of(of_wave, groups)))
    seen = pd.concat(keys, ignore_index=True)
    rows, steady_rows = _steady(seen, ["provider", "local_id"])
    persons, steady_persons = _steady(seen, ["person_id"])
    return Stability(quality, rows, steady_rows, persons, steady_persons)


def _steady(seen: pd.DataFrame, by: list[str]) -> tuple[int, int]:
    """Return how many of something were seen in two waves or more, and how many of those under one key."""
    counts = seen.groupby(by)[["year", "key"]].nunique()
    several = counts[counts["year"] > 1]
    return len(several), int((several["key"] == 1).sum())


def _with_handles(identities: pd.DataFrame, agents: Mapping[PartyName, Path]) -> pd.DataFrame:
    """Add each row's handle; rows of providers without an agent are left out."""
    parts = []
    for provider, agent in agents.items():
        own = identities[identities["provider"] == provider]
        found = handles(_handle_key(agent), [LocalId(value) for value in own["local_id"]])
        parts.append(own.assign(handle=[handle.tobytes() for handle in found]))
    return pd.concat(parts, ignore_index=True)


def _groups_of(identities: pd.DataFrame, groups: Mapping[tuple[str, bytes], bytes]) -> list[str]:
    return [groups[key].hex() for key in zip(identities["provider"], identities["handle"], strict=True)]


def _quality(identities: pd.DataFrame, groups: Mapping[tuple[str, bytes], bytes]) -> LinkageQuality:
    """Compare groups with persons, in one numbering each over all providers."""
    group = pd.Series(pd.factorize(np.array(_groups_of(identities, groups)))[0], index=identities.index)
    person = pd.Series(pd.factorize(identities["person_id"])[0], index=identities.index)
    of_provider = {PartyName(str(name)): rows.index for name, rows in identities.groupby("provider")}
    return assess(
        {name: group.loc[rows].to_numpy(np.int64) for name, rows in of_provider.items()},
        {name: person.loc[rows].to_numpy(np.int64) for name, rows in of_provider.items()},
    )


@contextmanager
def _opened(linkage_unit: Path) -> Iterator["LinkageUnit"]:
    from services.linkage_unit.config import load
    from services.linkage_unit.unit import open_unit

    unit = open_unit(load(linkage_unit), "demo", system_clock, system_random)
    try:
        yield unit
    finally:
        unit.close()


def _handle_key(agent: Path) -> Secret:
    from services.provider_agent.config import load
    from services.provider_agent.outbox import AgentState

    config = load(agent)
    kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, system_random)
    state = AgentState(config.state, kek, system_random)
    return state.handle_key(verify_agreement(config.agreement.read_bytes()))
