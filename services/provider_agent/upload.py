"""M3: the prepared chunks go to the linkage unit, resumed where they stopped; then the encodings are forgotten here."""

from linkage_core.errors import Tampered
from linkage_core.types import PartyName
from services.provider_agent.agent import Agent
from services.provider_agent.outbox import Artefact, Outbox, Record
from services.provider_agent.transfer import Receiver, transfer
from services.wire.convert.signed import open_message, signed_from_bytes
from services.wire.messages import UploadManifest


def own_manifest(agent: Agent) -> UploadManifest:
    """Return the manifest of the outbox, verified: the agent signed it itself and holds it to that."""
    return open_message(
        signed_from_bytes(agent.outbox.read(Record.UPLOAD_MANIFEST)),
        UploadManifest,
        sender=agent.name,
        sender_key=agent.agreement.identity_key(agent.name),
        recipient=agent.linkage_unit_name,
        context=agent.context,
    )


def upload(agent: Agent, linkage_unit: Receiver) -> int:
    """Upload the wave's file and return the rows received; safe to call again after any interruption."""
    outbox: Outbox = agent.outbox
    manifest = own_manifest(agent)
    recipient: PartyName = agent.linkage_unit_name
    with agent.progress("uploading", manifest.chunk_count) as advance:
        received = transfer(
            linkage_unit,
            signed_from_bytes(outbox.read(Record.UPLOAD_MANIFEST)),
            manifest.chunk_count,
            lambda start: outbox.frames(Artefact.UPLOAD, start),
            lambda commit: agent.sign(recipient, commit),
            manifest.root,
            advance,
        )
    if received != manifest.row_count:
        raise Tampered(f"the linkage unit acknowledges {received} rows, {manifest.row_count} were sent")
    return received
