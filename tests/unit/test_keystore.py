"""Key folders: private to their owner, complete or refused with every fault, never overwritten, never shown."""

import json
import stat
from pathlib import Path

import pytest

from linkage_core.crypto import hpke, signing
from services.common.clock import system_random
from services.common.errors import ConfigurationFault
from services.common.identity import Realm, Role
from services.common.keystore import (
    PartyKeys,
    create_party_keys,
    fingerprint,
    load_party_keys,
    load_public_identity,
    load_signing_keys,
    write_private,
)
from tests.support.parties import REALM, Parties, make_parties

PRIVATE = ("identity.key", "wrap.key", "transport.key")


@pytest.fixture
def parties(tmp_path: Path) -> Parties:
    return make_parties(tmp_path)


@pytest.fixture
def folder(parties: Parties) -> Path:
    return parties.keys_folder("tax")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def faults_of(folder: Path) -> str:
    with pytest.raises(ConfigurationFault) as refusal:
        load_party_keys(folder)
    return str(refusal.value)


def test_private_keys_are_their_owners_alone(folder: Path) -> None:
    assert mode(folder) == 0o700
    assert {name: mode(folder / name) for name in PRIVATE} == dict.fromkeys(PRIVATE, 0o600)


def test_loaded_keys_are_the_halves_of_the_public_ones(folder: Path) -> None:
    keys = load_party_keys(folder)
    assert keys.wrap is not None
    assert signing.public_of(keys.identity) == keys.public.identity_key
    assert hpke.public_of(keys.wrap) == keys.public.wrap_key
    assert (keys.name, keys.role, keys.public.realm) == ("tax", Role.PROVIDER, REALM)


def test_only_providers_have_a_wrap_key(parties: Parties) -> None:
    for name, keys in parties.keys.items():
        is_provider = keys.role is Role.PROVIDER
        assert (parties.keys_folder(name) / "wrap.key").exists() == is_provider
        assert (keys.wrap is not None) == is_provider


def test_loaded_keys_show_nothing(folder: Path) -> None:
    keys = load_party_keys(folder)
    shown = repr(keys)
    for name in PRIVATE:
        assert (folder / name).read_text().strip()[:40] not in shown
    assert "PRIVATE KEY" not in shown
    assert isinstance(keys, PartyKeys)


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_private_key_that_others_can_reach_is_refused(folder: Path, name: str, open_to: int) -> None:
    (folder / name).chmod(open_to)
    assert f"{name} can be read by others: chmod 600" in faults_of(folder)


def test_everything_that_is_missing_or_too_open_is_told_at_once(folder: Path) -> None:
    for name in ("transport.crt", "authority.crt", "identity.key"):
        (folder / name).unlink()
    (folder / "wrap.key").chmod(0o644)
    told = faults_of(folder)
    for fault in (
        "identity.key is missing",
        "wrap.key can be read by others",
        "transport.crt is missing",
        "authority.crt is missing",
    ):
        assert fault in told


@pytest.mark.parametrize("name", ["identity.key", "wrap.key"])
@pytest.mark.parametrize("content", ["", "canary", "00" * 32, "00" * 96, "zz" * 32])
def test_a_key_that_is_broken_or_anothers_is_refused_and_not_shown(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    told = faults_of(folder)
    assert f"{name} is not the key that party.json names" in told
    assert "canary" not in told


def test_keys_of_two_parties_cannot_be_mixed(parties: Parties, folder: Path) -> None:
    (folder / "party.json").write_bytes((parties.keys_folder("border") / "party.json").read_bytes())
    told = faults_of(folder)
    assert "identity.key is not the key" in told
    assert "wrap.key is not the key" in told


def test_keys_are_never_overwritten(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigurationFault, match="never overwritten"):
        create_party_keys(folder, REALM, Role.PROVIDER, "tax", system_random)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("left", ["identity.key", "wrap.key", "transport.key"])
def test_what_an_interrupted_start_left_is_not_overwritten_either(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_text("left")
    with pytest.raises(ConfigurationFault, match="never overwritten"):
        create_party_keys(tmp_path, REALM, Role.PROVIDER, "tax", system_random)
    assert [path.name for path in tmp_path.iterdir()] == [left]


def test_a_private_file_is_written_once(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"


@pytest.mark.parametrize(
    ("realm", "name"),
    [
        (REALM, "Tax Office"),
        (REALM, ""),
        (REALM, "../tax"),
        (REALM, "tax/analyst/ann"),
        (Realm("Test.Example", "small"), "tax"),
        (Realm("test.example", "small/agreement"), "tax"),
    ],
)
def test_a_name_that_makes_no_identity_is_refused_before_keys_are_made(tmp_path: Path, realm: Realm, name: str) -> None:
    with pytest.raises(ConfigurationFault, match="make no identity"):
        create_party_keys(tmp_path / "keys", realm, Role.PROVIDER, name, system_random)
    assert not (tmp_path / "keys").exists()


def test_the_identity_key_is_the_randomness_that_was_passed_in(tmp_path: Path) -> None:
    create_party_keys(tmp_path, REALM, Role.ANALYST, "ann", lambda length: b"\x07" * length)
    assert (tmp_path / "identity.key").read_text() == "07" * 32


def test_a_public_identity_is_read_from_its_file_or_folder_and_holds_nothing_private(folder: Path) -> None:
    assert load_public_identity(folder) == load_public_identity(folder / "party.json")
    public = (folder / "party.json").read_text()
    assert set(json.loads(public)) == {
        "name",
        "role",
        "trust_domain",
        "agreement",
        "spiffe_id",
        "identity_key",
        "wrap_key",
    }
    assert (folder / "identity.key").read_text() not in public
    assert (folder / "wrap.key").read_text() not in public


@pytest.mark.parametrize("content", ["", "[]", "{}", "1", '{"name": "tax", "role": "king"}', "\udcff"])
def test_what_is_no_public_identity_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "party.json").write_text(content, errors="surrogateescape")
    with pytest.raises(ConfigurationFault, match="not a party's public identity"):
        load_public_identity(tmp_path)


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="symbolon keys new"):
        load_public_identity(tmp_path / "nothing" / "party.json")


def test_a_fingerprint_depends_on_both_public_keys() -> None:
    prints = {fingerprint(b"i" * 32, b"w" * 1216), fingerprint(b"j" * 32, b"w" * 1216), fingerprint(b"i" * 32, None)}
    assert len(prints) == 3
    assert all(len(one.split()) == 8 for one in prints)


def test_who_only_signs_needs_the_identity_key_alone_and_it_must_be_the_owners(
    parties: Parties, tmp_path: Path
) -> None:
    public = create_party_keys(tmp_path / "auer", REALM, Role.APPROVER, "auer", system_random)
    loaded, key = load_signing_keys(tmp_path / "auer")
    assert (loaded, signing.public_of(key)) == (public, public.identity_key)
    file = tmp_path / "auer" / "identity.key"
    own = file.read_bytes()
    for change, fault in (
        (lambda: file.chmod(0o644), "can be read by others"),
        (lambda: file.write_bytes(parties.keys_folder("tax").joinpath("identity.key").read_bytes()), "not the key"),
        (file.unlink, "is missing"),
    ):
        file.write_bytes(own)
        file.chmod(0o600)
        change()
        with pytest.raises(ConfigurationFault, match=fault):
            load_signing_keys(tmp_path / "auer")
