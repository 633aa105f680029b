"""A linkage unit and an analysis service on loopback, and three providers' premises: everything that a wave needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.common.channel import open_channel
from services.common.errors import NotReady
from services.common.identity import Role
from services.common.wave_keys import fetch_wave_keys
from services.linkage_unit.runner import link_wave
from services.linkage_unit.unit import LinkageUnit
from services.provider_agent import pipeline
from tests.support import analysis, linkage
from tests.support.agents import CANARIES, Files, Office, write_files
from tests.support.parties import ANALYSIS, PROVIDERS, REALM, Parties, make_parties

PEOPLE: Final = 40
"""In each provider's file; the first one is called `CANARIES[0]` everywhere."""


@dataclass(frozen=True, slots=True)
class World:
    """Both services, running, and the premises of three providers with their files on them."""

    folder: Path
    parties: Parties
    unit: LinkageUnit
    offices: dict[str, Office]
    analysis_address: str

    def link(self, wave: str = "w1") -> None:
        """Do the linkage unit's part, as its operator would."""
        keys, agreement = self.unit.keys.transport, self.parties.verified
        with open_channel(self.analysis_address, keys, REALM, Role.ANALYSIS_SERVICE, ANALYSIS) as channel:
            link_wave(self.unit, wave, lambda w: fetch_wave_keys(channel, agreement, w))

    def encode_all(self) -> None:
        """Let every agent encode; all but the last have to come again, since S needs everybody's share."""
        for _ in range(3):
            for office in self.offices.values():
                with office.agent() as agent:
                    try:
                        pipeline.encode(agent)
                    except NotReady:
                        continue

    def upload_all(self) -> None:
        """Let every agent encode and upload."""
        self.encode_all()
        for office in self.offices.values():
            with office.agent() as agent:
                pipeline.upload(agent)


@contextmanager
def running_world(folder: Path, **changes: object) -> Iterator[World]:
    """Start both services in this process, with their own stores and keys, and write the providers' files.

    `changes`: of the agreement, as `make_parties` takes them.
    """
    parties = make_parties(folder / "parties", PROVIDERS, **changes)
    with (
        linkage.opened(linkage.config_of(parties, folder / "linkage")) as unit,
        linkage.served(unit) as linkage_address,
        analysis.opened(analysis.config_of(parties, folder / "analysis")) as analysis_service,
        analysis.served(analysis_service) as analysis_address,
    ):
        offices = {name: Office(parties, name, folder / name, linkage_address, analysis_address) for name in PROVIDERS}
        for name, office in offices.items():
            files = Files.of(name, PEOPLE)
            files.tables["identities"][0][1] = CANARIES[0]
            write_files(office.folder, files)
        yield World(folder, parties, unit, offices, analysis_address)
