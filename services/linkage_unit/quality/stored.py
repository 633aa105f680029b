"""The model as it is kept with its run: JSON of a versioned format, whose SHA-256 the signed manifest states.

Floats cannot be signed in canonical form; so the manifest holds the digest of these bytes, and they are never written
again.
"""

import hashlib
import json
from typing import Any, Final

from pydantic import TypeAdapter

from linkage_core.errors import InputFault, Tampered
from linkage_core.linking.probabilistic.model import LinkageModel

FORMAT: Final = "symbolon-linkage-model/1"

_MODEL: Final = TypeAdapter(LinkageModel)


def model_bytes(model: LinkageModel) -> bytes:
    """Return a model as it is kept; the same model gives the same bytes."""
    document = {"format": FORMAT, "model": _MODEL.dump_python(model, mode="json")}
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def model_digest(stored: bytes) -> str:
    """Return the SHA-256 of a kept model, in hexadecimal, as the manifest states it."""
    return hashlib.sha256(stored).hexdigest()


def read_model(stored: bytes, digest: str) -> LinkageModel:
    """Return a kept model.

    Raises `Tampered` unless it has the manifest's digest, and `InputFault` if another version of Symbolon wrote it.
    """
    if model_digest(stored) != digest:
        raise Tampered("the kept linkage model is not the one that the run's signed manifest names")
    document: dict[str, Any] = json.loads(stored)
    if document["format"] != FORMAT:
        raise InputFault(f"the linkage model has the format {document['format']}, this version reads {FORMAT}")
    return _MODEL.validate_python(document["model"])
