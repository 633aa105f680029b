"""Wave keys are believed only as the analysis service signed them, for this agreement and wave."""

import pytest

from linkage_core.crypto import hpke
from linkage_core.errors import Tampered
from linkage_core.types import PartyName
from services.common.wave_keys import EVERYONE, verify_wave_keys
from services.wire.convert.signed import sign_message
from services.wire.messages import SignedStatement, WaveKeys
from tests.support.parties import ANALYSIS, LINKAGE_UNIT, Parties, make_parties

KEYS = WaveKeys(hpke.public_of(hpke.generate()), hpke.public_of(hpke.generate()))


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return make_parties(tmp_path_factory.mktemp("parties"))


def _signed(parties: Parties, signer: str = ANALYSIS, wave: str = "w1", keys: WaveKeys = KEYS) -> SignedStatement:
    key = parties.keys[signer].identity
    return sign_message(key, ANALYSIS, EVERYONE, parties.verified.context(wave), keys)


def test_keys_signed_by_the_analysis_service_are_returned(parties: Parties) -> None:
    assert verify_wave_keys(_signed(parties), parties.verified, "w1") == KEYS


def test_keys_signed_by_another_party_are_refused(parties: Parties) -> None:
    with pytest.raises(Tampered, match="signature"):
        verify_wave_keys(_signed(parties, signer=LINKAGE_UNIT), parties.verified, "w1")


def test_keys_of_another_wave_are_refused(parties: Parties) -> None:
    with pytest.raises(Tampered, match="wave"):
        verify_wave_keys(_signed(parties, wave="w2"), parties.verified, "w1")


def test_keys_to_one_recipient_are_refused(parties: Parties) -> None:
    signed = sign_message(
        parties.keys[ANALYSIS].identity, ANALYSIS, PartyName("tax"), parties.verified.context("w1"), KEYS
    )
    with pytest.raises(Tampered, match="recipient"):
        verify_wave_keys(signed, parties.verified, "w1")


def test_keys_of_a_wrong_size_are_refused(parties: Parties) -> None:
    with pytest.raises(Tampered, match="bytes"):
        verify_wave_keys(_signed(parties, keys=WaveKeys(b"short", KEYS.payload_key)), parties.verified, "w1")
