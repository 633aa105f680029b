"""Encodings leave when the agreement says so: at the end of a run, and whenever the linkage unit is started.

What is destroyed is the data key; the sealed files and their digests go with it.
"""

from linkage_core.agreement.doors import state_of
from services.linkage_unit.project import Upload, UploadState, encodings_are_due
from services.linkage_unit.registry import delete_due_registry
from services.linkage_unit.unit import LinkageUnit


def delete_due_encodings(unit: LinkageUnit) -> int:
    """Delete the encodings of every wave, and of the registry, for which the agreement demands it.

    Returns how many uploads that were.
    """
    delete_due_registry(unit)
    document = unit.agreement.document
    # A suspended agreement ends on its day like any other: nobody has more reason to keep what it can no longer use.
    state = state_of(document, unit.clock(), frozenset())
    deleted = 0
    for wave in document.waves:
        run = unit.runs.state(wave.name)
        if not encodings_are_due(wave, document.retention, run, state, unit.clock()):
            continue
        unit.workspace(wave.name).remove()
        for upload in unit.uploads.of_wave(wave.name):
            deleted += _delete(unit, upload)
    return deleted


def _delete(unit: LinkageUnit, upload: Upload) -> bool:
    """The key goes first: a crash in between leaves files that nobody can open."""
    if upload.state is UploadState.DELETED:
        return False
    sealed = unit.content.encodings(upload.agreement, upload.wave, upload.provider, upload.id)
    unit.content.destroy_encodings(upload.agreement, upload.wave, upload.provider)
    sealed.remove()
    unit.uploads.delete_content(upload.id)
    unit.audit.append("encodings deleted", party=upload.provider, wave=upload.wave, upload=upload.id.hex())
    return True
