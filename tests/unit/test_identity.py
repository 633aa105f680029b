"""A caller is its one SPIFFE URI, inside the realm of the agreement."""

from collections.abc import Mapping
from typing import cast

import grpc
import pytest

from services.common.errors import Denied
from services.common.identity import Caller, Realm, Role, caller_of, is_spiffe_id

REALM = Realm("test.example", "small")


class PeerContext:
    """What TLS found out about a peer, in the one method of a servicer's context that is asked."""

    def __init__(self, found: Mapping[str, list[bytes]]) -> None:
        self._found = found

    def auth_context(self) -> Mapping[str, list[bytes]]:
        return self._found


def caller(*spiffe_ids: bytes, **more: list[bytes]) -> Caller:
    found = {"peer_spiffe_id": list(spiffe_ids), **more} if spiffe_ids else more
    return caller_of(cast(grpc.ServicerContext, PeerContext(found)), REALM)


@pytest.mark.parametrize("role", Role)
def test_a_party_is_who_its_certificate_says(role: Role) -> None:
    assert caller(REALM.spiffe_id(role, "tax_2").encode()) == Caller(role, "tax_2")  # type: ignore[arg-type]  # a bare name reads better


@pytest.mark.parametrize(
    "ids",
    [
        (),
        (b"",),
        (b"spiffe://test.example/agreement/small/provider/tax", b"spiffe://test.example/agreement/small/provider/b"),
        (b"spiffe://other.example/agreement/small/provider/tax",),
        (b"spiffe://test.example/agreement/large/provider/tax",),
        (b"spiffe://test.example/agreement/small/king/tax",),
        (b"spiffe://test.example/agreement/small/provider/",),
        (b"spiffe://test.example/agreement/small/provider/tax/",),
        (b"spiffe://test.example/agreement/small/provider/tax\n",),
        (b"spiffe://test.example/agreement/small/provider/Tax",),
        (b"spiffe://test.example/agreement/small/provider/t\xc3\xa4x",),
        (b"https://test.example/agreement/small/provider/tax",),
        (b"x spiffe://test.example/agreement/small/provider/tax",),
    ],
)
def test_any_other_identity_is_denied_without_being_repeated(ids: tuple[bytes, ...]) -> None:
    with pytest.raises(Denied) as refusal:
        caller(*ids)
    assert "tax" not in str(refusal.value)


def test_other_properties_of_the_certificate_are_not_looked_at() -> None:
    with pytest.raises(Denied):
        caller(
            x509_common_name=[b"tax"],
            x509_subject_alternative_name=[b"spiffe://test.example/agreement/small/provider/tax"],
        )


def test_a_realm_makes_identities_that_are_well_formed() -> None:
    assert is_spiffe_id(REALM.spiffe_id(Role.PROVIDER, "tax"))
    assert not is_spiffe_id(REALM.spiffe_id(Role.PROVIDER, "Tax Office"))
    assert REALM.server_name(Role.LINKAGE_UNIT, "link_1") == "link-1.linkage-unit.small.test.example"
