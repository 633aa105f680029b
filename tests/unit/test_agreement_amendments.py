"""A version follows another only if everything that data is bound to stays."""

import pytest

from linkage_core.agreement.amendments import check_amendment
from linkage_core.agreement.document import Agreement
from linkage_core.errors import Refused
from tests.support.documents import amended, parsed, small_document

OLD = parsed(small_document(epoch=3))


def other_realm(id_: str, trust_domain: str) -> list[dict[str, object]]:
    """The parties with transport identities of another realm, so that the document itself is coherent."""
    prefix = f"spiffe://{trust_domain}/agreement/{id_}/"
    return [p | {"spiffe_id": f"{prefix}{p['role']}/{p['name']}"} for p in small_document()["parties"]]


def other_linkage() -> dict[str, object]:
    linkage: dict[str, object] = small_document()["linkage"]
    linkage["clks"][0]["weight"] = 2  # type: ignore[index]  # the JSON form of a schema
    return linkage


def without_tax() -> dict[str, object]:
    """The changes that leave out one provider."""
    small = small_document()
    small["statistics"]["sources"].pop()
    return {
        "parties": small["parties"][:4],
        "payload": small["payload"][:3],
        "statistics": small["statistics"],
    }


def refused_clause(new: Agreement) -> str:
    with pytest.raises(Refused) as refusal:
        check_amendment(OLD, new)
    return refusal.value.clause


def test_the_next_version_follows() -> None:
    check_amendment(
        OLD, amended(OLD, title="Amended", validity={"valid_from": "2026-01-01", "valid_until": "2040-01-01"})
    )


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"id": "large", "parties": other_realm("large", "test.example")}, "id"),
        ({"trust_domain": "other.example", "parties": other_realm("small", "other.example")}, "trust_domain"),
        ({"lineage": "00" * 16}, "lineage"),
        ({"project": "another"}, "project"),
        ({"version": OLD.version + 2}, "version"),
        ({"supersedes": "00" * 32}, "supersedes"),
        ({"epoch": 2}, "epoch"),
        ({"linkage": other_linkage()}, "epoch"),
        ({"linkage": other_linkage(), "epoch": 2}, "epoch"),
        (without_tax(), "epoch"),
    ],
    ids=[
        "another id",
        "another trust domain",
        "another lineage",
        "another project",
        "a version left out",
        "another predecessor",
        "an earlier epoch",
        "another schema in the same epoch",
        "another schema in an earlier epoch",
        "other members in the same epoch",
    ],
)
def test_what_does_not_follow_is_refused_by_its_clause(changes: dict[str, object], clause: str) -> None:
    assert refused_clause(amended(OLD, **changes)) == clause


def test_the_same_version_and_an_older_one_do_not_follow() -> None:
    assert refused_clause(OLD) == "version"
    newer = amended(OLD)
    with pytest.raises(Refused, match="must be 3"):
        check_amendment(newer, OLD)


def test_a_new_epoch_allows_another_schema_and_other_members() -> None:
    check_amendment(OLD, amended(OLD, epoch=4, linkage=other_linkage()))
    check_amendment(OLD, amended(OLD, epoch=4, **without_tax()))
