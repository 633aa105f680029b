"""What `symbolon demo --keep` leaves, made without linking: links are the truth's.

The invented country, the agreement, the keys, the configurations and the questions are the demo's own, payload is read
by the agents' reader, and the analysis service takes it by its real door. Only the linkage unit's part is played, with
its keys: it seals tokens, and declares rates that fit links without an error.
"""

import csv
import itertools
from importlib import resources
from pathlib import Path
from typing import Any, Final

from linkage_core.agreement.declared_rates import DeclaredRates, PairRates, sign_rates
from linkage_core.agreement.payload import PayloadTable
from linkage_core.crypto.secret import Secret
from linkage_core.types import LocalId, PartyName
from services.analysis.client import Analysis
from services.analysis.config import load
from services.analysis.declared_rates import keep_rates
from services.common.clock import system_clock, system_random
from services.demo.run import QUESTIONS
from services.demo.stage import ANALYSIS_SERVICE, ANALYST, LINKAGE_UNIT, Stage, set_stage
from services.provider_agent.faults import FaultLog
from services.provider_agent.identities import Images, images_of
from services.provider_agent.mapping import Mapping, load_mapping, tables_of
from services.provider_agent.payload import read_table
from simulation.country import PROVIDERS, generate
from tests.support.analysis import deliverers, opened, served
from tests.support.parties import Parties

DATA: Final = resources.files("services.demo").joinpath("data")


def demo_place(folder: Path, people: int, seed: int) -> Stage:
    """Make everybody's folder below `folder`, with a wave delivered and the demo's questions asked; nobody serves."""
    generate(people, seed, folder)
    mappings = {name: DATA.joinpath(f"{name}.toml").read_text("utf-8") for name in PROVIDERS}
    stage = set_stage(folder, DATA.joinpath("terms.toml").read_text("utf-8"), mappings, system_random)
    with stage.config(ANALYSIS_SERVICE).open("a") as file:
        file.write("answer_step_seconds = 0\n")
    with opened(load(stage.config(ANALYSIS_SERVICE)), clock=system_clock) as service, served(service):
        _deliver(stage)
        with Analysis.connect(stage.config(ANALYST)) as analysis:
            for _, question in QUESTIONS:
                analysis.answer(question)
    return stage


def _deliver(stage: Stage) -> None:
    known = _persons(stage.folder / "truth" / "identities.csv")
    config = load(stage.config(ANALYSIS_SERVICE))
    parties = Parties(stage.folder, b"", b"", stage.keys, config.agreement)
    keep_rates(config.data, _rates(stage, parties), parties.verified)
    with deliverers(parties, config.listen, stage.wave) as providers:
        for name in stage.providers:
            provider = providers[name]
            mapping, key = load_mapping(stage.home(name) / "mapping.toml"), Secret(system_random(32))
            local_ids = list(known[name])
            images = images_of(key, [LocalId(local) for local in local_ids])
            order = images.argsort()
            tables = {
                table.name: _rows(stage, mapping, table, key, images[order])
                for table in tables_of(stage.agreement, name)
            }
            provider.deliver([known[name][local_ids[place]] for place in order], tables)


def _rates(stage: Stage, parties: Parties) -> bytes:
    """Rates of links without an error, whose standard errors are small."""
    pairs = tuple(
        PairRates(
            providers=(one, other),
            precision_per_mille=1000,
            precision_error_per_mille=1,
            recall_per_mille=1000,
            recall_error_per_mille=2,
            correlation_per_cent=0,
        )
        for one, other in itertools.combinations(sorted(stage.providers), 2)
    )
    agreement = parties.verified
    rates = DeclaredRates(
        lineage=agreement.document.lineage,
        agreement=agreement.hash.hex(),
        wave=stage.wave,
        run="0" * 64,
        pairs=pairs,
    )
    return sign_rates(rates, stage.keys[LINKAGE_UNIT].identity, agreement)


def _persons(truth: Path) -> dict[PartyName, dict[str, str]]:
    """Who stands behind each local id, by provider."""
    known: dict[PartyName, dict[str, str]] = {}
    with truth.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known.setdefault(PartyName(row["provider"]), {})[row["local_id"]] = row["person_id"]
    return known


def _rows(stage: Stage, mapping: Mapping, table: PayloadTable, key: Secret, images: Images) -> list[dict[str, Any]]:
    """A payload file's typed rows; `person` is the position of the local id's image among the sorted ones."""
    faults = FaultLog()
    rows: list[dict[str, Any]] = []
    for block in read_table(mapping.payload_source(table.name), table, stage.agreement, key, images, faults):
        columns = {
            name: [
                value if present else None
                for value, present in zip(column.values.tolist(), column.present.tolist(), strict=True)
            ]
            for name, column in block.columns.items()
        }
        for place, person in enumerate(block.people.tolist()):
            rows.append({"person": person} | {name: values[place] for name, values in columns.items()})
    faults.refuse("a payload file cannot be read")
    return rows
