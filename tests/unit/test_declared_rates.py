"""Declared rates: coarse, signed by the linkage unit, refused from anybody else or about anything else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.declared_rates import (
    DeclaredRates,
    GroupRates,
    LinkageSensitivity,
    PairRates,
    SimulatedRates,
    sign_rates,
    verify_rates,
)
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.assessment.declaring import coarse_rates
from linkage_core.assessment.simulated_rates import SimulatedLinkage, simulated_rates
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.errors import InputFault, LinkageCoreError, Refused, Tampered
from linkage_core.linking.probabilistic.model import Interval
from services.analysis.declared_rates import keep_rates, rates_of
from services.common.errors import Conflict
from tests.support.parties import LINKAGE_UNIT, Parties, make_parties


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


def rates_for(verified: VerifiedAgreement, **changes: Any) -> DeclaredRates:
    pair = PairRates(
        providers=("border", "register"),
        precision_per_mille=992,
        precision_error_per_mille=4,
        recall_per_mille=950,
        recall_error_per_mille=12,
        correlation_per_cent=-10,
    )
    document = DeclaredRates(
        lineage=verified.document.lineage,
        agreement=verified.hash.hex(),
        wave="w1",
        run="5e" * 32,
        pairs=(pair,),
        sensitivity=LinkageSensitivity(trials=20, mean_changed_per_mille=150, most_changed=2),
    )
    return document.model_copy(update=changes)


def signed(parties: Parties, **changes: Any) -> bytes:
    agreement = parties.verified
    return sign_rates(rates_for(agreement, **changes), parties.keys[LINKAGE_UNIT].identity, agreement)


# --------------------------------------------------------------------------------------------- signed by whom, of what


def test_what_the_linkage_unit_signed_is_read_back_as_it_was(parties: Parties) -> None:
    assert verify_rates(signed(parties), parties.verified) == rates_for(parties.verified)


def test_nobody_but_the_linkage_unit_signs_rates(parties: Parties) -> None:
    agreement = parties.verified
    for name in ("register", "analysis"):
        with pytest.raises(Refused, match="only the linkage unit"):
            sign_rates(rates_for(agreement), parties.keys[name].identity, agreement)


def test_a_document_that_another_party_signed_by_its_own_means_is_refused(parties: Parties) -> None:
    rates = rates_for(parties.verified).model_dump(mode="json")
    forged = signing.sign(parties.keys["register"].identity, info("declared-rates", canonical_bytes(rates)))
    with pytest.raises(Tampered):
        verify_rates(canonical_bytes({"rates": rates, "signature": forged.hex()}), parties.verified)


@pytest.mark.parametrize("field", ["precision_per_mille", "recall_error_per_mille", "correlation_per_cent"])
def test_a_rate_that_was_changed_on_the_way_is_refused(parties: Parties, field: str) -> None:
    document = json.loads(signed(parties))
    document["rates"]["pairs"][0][field] += 1
    with pytest.raises(Tampered):
        verify_rates(canonical_bytes(document), parties.verified)


def test_a_signature_of_another_kind_of_document_does_not_fit(parties: Parties) -> None:
    rates = rates_for(parties.verified).model_dump(mode="json")
    other = signing.sign(parties.keys[LINKAGE_UNIT].identity, info("roster", canonical_bytes(rates)))
    with pytest.raises(Tampered):
        verify_rates(canonical_bytes({"rates": rates, "signature": other.hex()}), parties.verified)


def test_rates_of_another_agreement_or_lineage_are_refused_though_the_linkage_unit_signed_them(
    parties: Parties,
) -> None:
    for changes in ({"agreement": "77" * 32}, {"lineage": "77" * 16}):
        with pytest.raises(Tampered):
            verify_rates(signed(parties, **changes), parties.verified)


def test_everything_that_the_agreement_lacks_is_reported_together(parties: Parties) -> None:
    stranger = rates_for(parties.verified).pairs[0].model_copy(update={"providers": ("nobody", "register")})
    group = GroupRates(
        dimension="shoe-size",
        category="43",
        false_links_per_mille=1000,
        false_links_error_per_mille=0,
        missed_matches_per_mille=1000,
        missed_matches_error_per_mille=0,
    )
    with pytest.raises(InputFault) as refused:
        signed(parties, pairs=(stranger,), simulated=_simulated(groups=(group,)))
    assert "nobody" in str(refused.value)
    assert "shoe-size" in str(refused.value)
    with pytest.raises(InputFault, match="lists no wave"):
        signed(parties, wave="w99")


def test_another_spelling_of_the_same_document_is_refused(parties: Parties) -> None:
    with pytest.raises(InputFault, match="canonical"):
        verify_rates(json.dumps(json.loads(signed(parties)), indent=1).encode(), parties.verified)


# ------------------------------------------------------------------------------------------------- kept for each wave


def test_rates_are_kept_once_a_wave(parties: Parties, tmp_path: Path) -> None:
    agreement, file = parties.verified, signed(parties)
    assert rates_of(tmp_path, "w1", agreement) is None
    kept = keep_rates(tmp_path, file, agreement)
    assert keep_rates(tmp_path, file, agreement) == kept == rates_of(tmp_path, "w1", agreement)
    with pytest.raises(Conflict):
        keep_rates(tmp_path, signed(parties, run="77" * 32), agreement)
    assert rates_of(tmp_path, "w1", agreement) == kept
    assert rates_of(tmp_path, "w2", agreement) is None


def test_kept_rates_moved_to_another_wave_or_changed_are_not_used(parties: Parties, tmp_path: Path) -> None:
    agreement = parties.verified
    keep_rates(tmp_path, signed(parties), agreement)
    folder = tmp_path / "declared-rates"
    (folder / "w2.json").write_bytes((folder / "w1.json").read_bytes())
    with pytest.raises(InputFault, match="another wave"):
        rates_of(tmp_path, "w2", agreement)
    (folder / "w1.json").write_bytes((folder / "w1.json").read_bytes().replace(b"950", b"990"))
    with pytest.raises(LinkageCoreError):
        rates_of(tmp_path, "w1", agreement)


# ---------------------------------------------------------------------------------------------------- how they are made


@pytest.mark.parametrize(
    ("interval", "per_mille", "error"),
    [
        (Interval(0.9981, 0.9975, 0.9987), 998, 1),
        (Interval(0.9872, 0.9446, 1.0), 985, 14),
        (Interval(0.9312, 0.8961, 0.9723), 930, 19),
        (Interval(1.0, 1.0, 1.0), 1000, 1),
        (Interval(0.0004, 0.0, 0.0008), 1, 1),
    ],
)
def test_a_rate_is_no_finer_than_half_its_error(interval: Interval, per_mille: int, error: int) -> None:
    made = coarse_rates(("b", "a"), interval, Interval(0.9, 0.85, 0.95), Interval(500, 480, 520))
    assert made.providers == ("a", "b")
    assert (made.precision_per_mille, made.precision_error_per_mille) == (per_mille, error)


def test_the_correlation_follows_from_the_interval_of_the_matches() -> None:
    # Matches are links * precision / recall: the two errors add up, or cancel where both have one cause.
    share = Interval(0.95, 0.95 - 0.0186, 0.95 + 0.0186)
    apart, together = Interval(500, 486.14, 513.86), Interval(500, 499, 501)
    assert coarse_rates(("a", "b"), share, share, apart).correlation_per_cent == 0
    assert coarse_rates(("a", "b"), share, share, together).correlation_per_cent == 90


def _simulated(**changes: Any) -> SimulatedRates:
    figures: dict[str, Any] = {
        "errors": "usual",
        "records": 600,
        "linkages": 100,
        "precision_shift_per_mille": -500,
        "precision_spread_per_mille": 250,
        "recall_shift_per_mille": 0,
        "recall_spread_per_mille": 1000,
        "correlation_per_cent": 4,
    }
    return SimulatedRates.model_validate(figures | changes)


def test_simulated_linkages_shift_an_estimate_and_narrow_its_error() -> None:
    precision = Interval(0.98, 0.98 - 0.0392, 0.98 + 0.0392)  # a standard error of 20 per mille
    made = coarse_rates(("a", "b"), precision, Interval(0.9, 0.85, 0.95), Interval(500, 480, 520), _simulated())
    assert (made.precision_per_mille, made.precision_error_per_mille) == (990, 5)
    assert made.correlation_per_cent == 0


def test_simulated_linkages_tell_how_far_estimates_are_off_and_how_groups_differ() -> None:
    random = np.random.default_rng(3)
    made = []
    for _ in range(400):
        matches = np.array([300, 100])
        missed = random.binomial(matches, [0.05, 0.1])
        false = random.binomial(matches - missed, 0.02)
        links = matches - missed + false
        precision, recall = 1 - false.sum() / links.sum(), 1 - missed.sum() / matches.sum()
        made.append(
            SimulatedLinkage(
                _interval(precision + random.normal(-0.01, 0.01), 0.02),
                _interval(recall + random.normal(0, 0.02), 0.02),
                links,
                matches,
                false,
                missed,
            )
        )
    found = simulated_rates(made, errors="usual", records=500, dimension="sex", categories=("f", "m"))
    assert found.precision_shift_per_mille == pytest.approx(-500, abs=100)
    assert found.precision_spread_per_mille == pytest.approx(500, abs=70)
    assert found.recall_spread_per_mille == pytest.approx(1000, abs=140)
    first, second = found.groups
    assert second.missed_matches_per_mille / first.missed_matches_per_mille == pytest.approx(2, abs=0.15)
    for group in found.groups:
        assert abs(group.false_links_per_mille - 1000) < 4 * group.false_links_error_per_mille
    with pytest.raises(InputFault, match="too few"):
        simulated_rates(made[:19], errors="usual", records=500)


def _interval(estimate: float, standard_error: float) -> Interval:
    return Interval(estimate, estimate - 1.959964 * standard_error, estimate + 1.959964 * standard_error)
