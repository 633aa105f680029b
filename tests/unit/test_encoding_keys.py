import numpy as np
import pytest

from linkage_core.crypto.kdf import expand
from linkage_core.crypto.secret import Secret
from linkage_core.encoding.keys import LinkageKeys, handles, linkage_secret
from linkage_core.errors import InputFault
from linkage_core.types import AgreementHash, Lineage, LocalId, PartyName

BORDER, TAX, REGISTER = PartyName("border"), PartyName("tax"), PartyName("register")
SHARES = {BORDER: Secret(b"b" * 32), REGISTER: Secret(b"r" * 32), TAX: Secret(b"t" * 32)}
MEMBERS = [BORDER, REGISTER, TAX]
LINEAGE = Lineage(b"l" * 16)
SCHEMA_HASH = b"s" * 32


def test_every_part_of_the_context_and_every_share_changes_the_linkage_secret() -> None:
    two = {BORDER: SHARES[BORDER], TAX: SHARES[TAX]}
    secrets = [
        linkage_secret(LINEAGE, 1, MEMBERS, SCHEMA_HASH, SHARES),
        linkage_secret(Lineage(b"m" * 16), 1, MEMBERS, SCHEMA_HASH, SHARES),
        linkage_secret(LINEAGE, 2, MEMBERS, SCHEMA_HASH, SHARES),
        linkage_secret(LINEAGE, 1, MEMBERS, b"z" * 32, SHARES),
        linkage_secret(LINEAGE, 1, [BORDER, TAX], SCHEMA_HASH, two),
        linkage_secret(LINEAGE, 1, MEMBERS, SCHEMA_HASH, SHARES | {TAX: Secret(b"u" * 32)}),
        linkage_secret(LINEAGE, 1, MEMBERS, SCHEMA_HASH, SHARES | {TAX: SHARES[BORDER], BORDER: SHARES[TAX]}),
    ]
    assert len({secret.reveal() for secret in secrets}) == len(secrets)


def test_the_order_in_which_shares_arrived_does_not_matter() -> None:
    arrived = {name: SHARES[name] for name in (TAX, BORDER, REGISTER)}
    assert linkage_secret(LINEAGE, 1, MEMBERS, SCHEMA_HASH, arrived) == linkage_secret(
        LINEAGE, 1, MEMBERS, SCHEMA_HASH, SHARES
    )


def test_shares_that_do_not_fit_the_member_set_are_refused_together() -> None:
    wrong = {BORDER: Secret(b"short"), PartyName("stranger"): Secret(b"x" * 32)}
    with pytest.raises(InputFault) as caught:
        linkage_secret(LINEAGE, 1, [TAX, BORDER], SCHEMA_HASH, wrong)
    assert caught.value.faults == (
        "no share of tax",
        "a share of stranger, who is no member",
        "the share of border has not 32 bytes",
        "the members must be sorted by name and unique",
    )


def test_labels_give_unrelated_keys_of_the_right_length() -> None:
    keys = LinkageKeys(Secret(b"S" * 32))
    derived = [
        keys.clk("a"),
        keys.clk("b"),
        keys.diffusion("a"),
        keys.diffusion("b"),
        keys.match_key("a"),
        keys.canary(),
        expand(keys.secret, "key-check"),
    ]
    assert len({key.reveal()[:32] for key in derived}) == len(derived)
    assert [len(key) for key in derived] == [64, 64, 32, 32, 32, 32, 32]


def test_key_checks_agree_only_for_one_secret_and_one_agreement() -> None:
    first, second = AgreementHash(b"1" * 32), AgreementHash(b"2" * 32)
    keys, other = LinkageKeys(Secret(b"S" * 32)), LinkageKeys(Secret(b"T" * 32))
    assert keys.key_check(first) == LinkageKeys(Secret(b"S" * 32)).key_check(first)
    assert len({keys.key_check(first), keys.key_check(second), other.key_check(first)}) == 3


def test_keys_do_not_show_themselves() -> None:
    assert "S" * 8 not in repr(LinkageKeys(Secret(b"S" * 32)))


def test_handles_are_stable_distinct_and_differ_between_providers() -> None:
    ids = [LocalId(f"{n:05}") for n in range(1000)]
    mine, theirs = handles(Secret(b"h" * 32), ids), handles(Secret(b"i" * 32), ids)
    assert np.array_equal(mine, handles(Secret(b"h" * 32), ids))
    assert len({row.tobytes() for row in (*mine, *theirs)}) == 2000
    assert mine.shape == (1000, 16)


def test_a_handle_key_of_another_length_is_refused() -> None:
    with pytest.raises(InputFault, match="32 bytes"):
        handles(Secret(b"h" * 31), [LocalId("1")])
