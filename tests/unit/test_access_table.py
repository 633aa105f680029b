"""The access table names every method that there is, no other, and for each exactly who may call it when."""

from linkage_core.agreement.doors import AgreementState
from services.common.access import ACCESS
from services.common.identity import Role
from tests.support.transport import wire_methods

PROVIDER, LINKAGE, ANALYSIS, ANALYST = Role.PROVIDER, Role.LINKAGE_UNIT, Role.ANALYSIS_SERVICE, Role.ANALYST

# Written out once more, apart from the table: a change of either is a decision, taken twice.
REVIEWED: dict[str, tuple[set[Role], bool]] = {
    "/grpc.health.v1.Health/Check": ({PROVIDER, LINKAGE, ANALYSIS, ANALYST}, True),
    "/symbolon.v1.Agreements/GetAgreement": ({PROVIDER, LINKAGE, ANALYSIS, ANALYST}, True),
    "/symbolon.v1.Agreements/SuspendAgreement": ({PROVIDER, LINKAGE, ANALYSIS}, True),
    "/symbolon.v1.Mailbox/PostShare": ({PROVIDER}, False),
    "/symbolon.v1.Mailbox/FetchShares": ({PROVIDER}, False),
    "/symbolon.v1.Intake/SubmitKeyCheck": ({PROVIDER}, False),
    "/symbolon.v1.Intake/BeginUpload": ({PROVIDER}, False),
    "/symbolon.v1.Intake/PutChunks": ({PROVIDER}, False),
    "/symbolon.v1.Intake/CommitUpload": ({PROVIDER}, False),
    "/symbolon.v1.Tokens/FetchTokens": ({PROVIDER}, False),
    "/symbolon.v1.Delivery/GetWaveKeys": ({PROVIDER, LINKAGE}, False),
    "/symbolon.v1.Delivery/BeginDelivery": ({PROVIDER}, False),
    "/symbolon.v1.Delivery/PutPayload": ({PROVIDER}, False),
    "/symbolon.v1.Delivery/CommitDelivery": ({PROVIDER}, False),
    "/symbolon.v1.Queries/PreviewQuery": ({ANALYST}, False),
    "/symbolon.v1.Queries/RunQuery": ({ANALYST}, False),
    "/symbolon.v1.Queries/ListReleases": ({ANALYST}, False),
    "/symbolon.v1.Queries/GetRelease": ({ANALYST}, False),
}
"""Method: who may call it, and whether outside the agreement's time too."""


def test_every_method_of_the_protocol_has_an_entry() -> None:
    assert sorted(set(wire_methods()) - set(ACCESS)) == []


def test_no_entry_is_of_a_method_that_is_gone() -> None:
    assert set(ACCESS) - set(wire_methods()) == {"/grpc.health.v1.Health/Check"}


def test_the_table_is_the_reviewed_one() -> None:
    table = {method: (set(roles), AgreementState.EXPIRED in states) for method, (roles, states) in ACCESS.items()}
    assert table == REVIEWED


def test_states_are_all_or_in_force_alone() -> None:
    assert {states for _, states in ACCESS.values()} == {
        frozenset(AgreementState),
        frozenset({AgreementState.IN_FORCE}),
    }


def test_no_analyst_and_no_service_reaches_what_carries_rows() -> None:
    for method in ("Intake/PutChunks", "Tokens/FetchTokens", "Delivery/PutPayload", "Mailbox/FetchShares"):
        assert ACCESS[f"/symbolon.v1.{method}"][0] == {PROVIDER}


def test_no_method_streams_both_ways() -> None:
    assert [name for name, m in wire_methods().items() if m.client_streaming and m.server_streaming] == []
