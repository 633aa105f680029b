"""A wave of an agreement with a spine: estimated, linked and stated as such."""

import itertools
from dataclasses import replace
from pathlib import Path

from services.common.locks import only_process
from services.linkage_unit.estimating import estimate_wave
from services.linkage_unit.runner import link_wave
from services.linkage_unit.status import status_of
from tests.support.linkage import WaveKeyPair, config_of, connected, encode_people, opened, served
from tests.support.parties import make_parties

PEOPLE = {"register": [*range(60)], "border": [*range(30, 90), *range(30, 50)], "tax": [*range(50, 110)]}
"""Border crossings of 30 to 49 twice; 60 to 89 are known to border and tax, and not to the register."""


def test_sources_are_linked_to_the_spine_and_only_those_pairs_are_estimated_and_searched(tmp_path: Path) -> None:
    matching = {
        "passes": ["names-date"],
        "spine": "register",
        "sources_with_duplicates": ["border"],
        "candidate_per_mille": 700,
        "link_per_mille": 780,
        "maximum_candidates_per_record": 100,
        "high_quality_per_mille": 900,
        "minimum_class_count": 1,
    }
    parties = make_parties(tmp_path / "parties", matching=matching)
    config = config_of(parties, tmp_path)
    with opened(config) as unit:
        with served(unit) as address, connected(parties, address) as providers:
            for provider in providers.values():
                provider.check()
            for name, people in PEOPLE.items():
                file = encode_people(name, people)
                handles = b"".join(row.to_bytes(16, "big") for row in range(len(people)))
                providers[name].upload(replace(file, handles=handles))
        seconds = itertools.count()
        estimate = estimate_wave(unit, "w1", lambda: float(next(seconds)))
        with only_process(config.data, "link"):
            link_wave(unit, "w1", lambda wave: WaveKeyPair.new().public)
        counts = status_of(unit).waves[0].counts

    # 30 of border's 60 people and 10 of tax's are in the register, 20 of them with two crossings. Of the 30 people
    # whom only border and tax know each record is its own group.
    assert counts["groups"] == 60 + 30 + 50
    assert counts["linkable_pairs"] == 30 + 20 + 10
    assert estimate.agreed.candidates == counts["scored_pairs"]
    assert isinstance(counts["parameters"], dict)
    assert counts["parameters"]["spine"] == "register"
