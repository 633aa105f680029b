"""M1 and M2: the providers' shares become one linkage secret, and all find out whether they hold the same.

    1. own share s_i, random, sealed to every other provider and signed; the statements are fixed before they are sent
    2. the others' shares, verified and opened; S is derived and kept sealed
    3. key check and canary digest: all must agree, else somebody's secret or standardisation differs
    4. s_i is deleted

The linkage unit carries the shares and can open none. Were a share accepted without its signature, the linkage unit
could put in its own, know S, and run a dictionary over every CLK.
"""

from linkage_core.agreement.clauses import Party
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import seal_info
from linkage_core.encoding.canary import canary_digest
from linkage_core.encoding.keys import LinkageKeys, linkage_secret
from linkage_core.errors import Refused, Tampered
from linkage_core.types import PartyName
from services.common.errors import NotReady
from services.provider_agent.agent import Agent
from services.provider_agent.linkage_unit_client import LinkageUnitClient
from services.wire.convert.signed import open_message, signed_from_bytes, signed_to_bytes
from services.wire.messages import KeyCheck, KeyCheckState, SealedShare, SignedStatement


def exchange(agent: Agent, linkage_unit: LinkageUnitClient) -> LinkageKeys:
    """Return the linkage keys once every provider agrees on them; safe to call again at any point.

    Raises `NotReady` naming the providers who are still missing, `Refused` if secrets or standardisation differ or the
    epoch has ended, and `Tampered` for a share that is not its sender's.
    """
    epoch = agent.epoch
    if epoch.ended:
        raise Refused(
            "epoch",
            f"the linkage secret of epoch {agent.agreement.document.epoch} was deleted when its uploads ended; a "
            "further file needs an amendment with a new epoch",
        )
    secret = epoch.secret()
    if secret is None:
        _post_shares(agent, linkage_unit)
        secret = _derive(agent, _open_shares(agent, linkage_unit.fetch_shares()))
        epoch.keep_secret(secret)
    keys = LinkageKeys(secret)
    if not epoch.noted(_agreed_record(agent)):
        _agree(agent, linkage_unit, keys)
        epoch.note(_agreed_record(agent))
    epoch.forget_share()
    return keys


def agreed(agent: Agent) -> bool:
    """Tell whether this agent knows that all key checks agree."""
    return agent.epoch.noted(_agreed_record(agent))


def _others(agent: Agent) -> list[Party]:
    return [party for party in agent.agreement.document.providers if party.name != agent.name]


def _post_shares(agent: Agent, linkage_unit: LinkageUnitClient) -> None:
    """Post a share to each other provider; sealed once and kept, since the same seal must be sent after a crash."""
    epoch = agent.epoch
    context = agent.agreement.context()
    for party in _others(agent):
        record = f"share-to-{party.name}-{agent.agreement.hash.hex()[:16]}"
        if not epoch.noted(record):
            recipient = PartyName(party.name)
            sealed = hpke.seal(
                bytes.fromhex(party.wrap_key or ""),
                epoch.own_share().reveal(),
                seal_info("SealedShare", agent.name, recipient, context),
            )
            epoch.note(record, signed_to_bytes(agent.sign(recipient, SealedShare(sealed), context)))
        linkage_unit.post_share(signed_from_bytes(epoch.read(record)))


def _open_shares(agent: Agent, received: tuple[SignedStatement, ...]) -> dict[PartyName, Secret]:
    if agent.keys.wrap is None:
        raise Refused(f"parties.{agent.name}.wrap_key", "only a data provider receives shares")
    context = agent.agreement.context()
    by_sender = {signed.statement.sender: signed for signed in received}
    if len(by_sender) != len(received):
        raise Tampered("the mailbox holds two shares of one provider")
    others = [PartyName(party.name) for party in _others(agent)]
    missing = [name for name in others if name not in by_sender]
    if missing:
        raise NotReady(f"waiting for the shares of: {', '.join(missing)}")
    shares = {agent.name: agent.epoch.own_share()}
    for name in others:
        share = open_message(
            by_sender[name],
            SealedShare,
            sender=name,
            sender_key=agent.agreement.identity_key(name),
            recipient=agent.name,
            context=context,
        )
        opened = hpke.open_sealed(agent.keys.wrap, share.sealed, seal_info("SealedShare", name, agent.name, context))
        shares[name] = Secret(opened)
    return shares


def _derive(agent: Agent, shares: dict[PartyName, Secret]) -> Secret:
    document = agent.agreement.document
    members = [PartyName(party.name) for party in document.providers]
    return linkage_secret(document.lineage_bytes, document.epoch, members, document.schema_hash, shares)


def _agree(agent: Agent, linkage_unit: LinkageUnitClient, keys: LinkageKeys) -> None:
    check = KeyCheck(keys.key_check(agent.agreement.hash), canary_digest(keys, agent.agreement.document.linkage))
    signed = agent.sign(agent.linkage_unit_name, check, agent.agreement.context())
    _judge(linkage_unit.submit_key_check(signed))


def _judge(state: KeyCheckState) -> None:
    """Raise unless all agree. A different secret changes the canary digest too, so it is named first."""
    if state.key_check_differs_from:
        raise Refused(
            "epoch",
            f"the linkage secret differs from that of {', '.join(state.key_check_differs_from)}: nothing is uploaded; "
            "compare the agreement's hash and the fingerprints of keys with them, then agree on a new epoch",
        )
    if state.canary_differs_from:
        raise Refused(
            "linkage.standardisation",
            f"standardisation or encoding differs from that of {', '.join(state.canary_differs_from)}, with the same "
            "secret: nothing is uploaded; compare the installed versions of symbolon and its dependencies",
        )
    if not state.agreed:
        raise NotReady(f"waiting for the key checks of: {', '.join(state.waiting_for)}")


def _agreed_record(agent: Agent) -> str:
    return f"agreed-{agent.agreement.hash.hex()[:16]}"
