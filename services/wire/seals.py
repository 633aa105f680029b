"""What each seal on the way to the analysis service is bound to: one place for both sides, the sealing and the opening.

Both take the context of the wave (`VerifiedAgreement.context(wave)`). A value sealed for another message, sender, wave
or agreement does not open.
"""

from linkage_core.crypto.signing import Context, seal_info
from linkage_core.types import PartyName


def batch_key_info(linkage_unit: PartyName, analysis_service: PartyName, context: Context) -> bytes:
    """Return HPKE's `info` of the batch key in a `TokenBatchHeader` (M5): from linkage unit to analysis service.

    The header itself is signed for the provider that carries it; the seal is for the one that opens it.
    """
    return seal_info("TokenBatchHeader", linkage_unit, analysis_service, context)


def payload_chunk_info(provider: PartyName, analysis_service: PartyName, context: Context) -> bytes:
    """Return HPKE's `info` of a sealed `PayloadChunk` (M6): from provider to analysis service."""
    return seal_info("PayloadChunk", provider, analysis_service, context)
