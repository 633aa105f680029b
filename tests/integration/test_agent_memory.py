"""Memory of the encoding step: a little for each person, as `encode` states, and nothing of what the file says."""

import tracemalloc
from pathlib import Path

from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import LinkageKeys
from services.provider_agent import pipeline
from services.provider_agent.encode import encode_wave
from services.provider_agent.outbox import Artefact
from tests.support.agents import Files, Office, write_files
from tests.support.parties import Parties, make_parties

STATED_BYTES = 150
"""A person, with one match key: stated are 49 that last, about 60 for a moment, and a bucket that is not full yet."""


def peak(parties: Parties, folder: Path, people: int) -> int:
    """Most bytes held while a file is encoded into the outbox."""
    office = Office(parties, "tax", folder)
    write_files(folder, Files.of("tax", people))
    with office.agent() as agent:
        checked = pipeline.check(agent)
        tracemalloc.start()
        try:
            encode_wave(agent, LinkageKeys(Secret(b"S" * 32)), checked)
            highest = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert agent.outbox.holds(Artefact.UPLOAD)
    return highest


def test_memory_of_encoding_grows_by_less_than_stated_per_person(tmp_path: Path) -> None:
    """Both files have several blocks, and more people than a bucket of the shuffle holds."""
    parties = make_parties(tmp_path / "parties")
    peak(parties, tmp_path / "first", 1_000)  # what is imported or compiled for the first time is not counted
    small, large = 20_000, 40_000
    growth = peak(parties, tmp_path / "large", large) - peak(parties, tmp_path / "small", small)
    assert growth < STATED_BYTES * (large - small)
