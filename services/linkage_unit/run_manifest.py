"""The signed manifest of a run: enough to repeat it, and to see later what it did. It stays with the operator.

Counts of a run say how files overlap; nothing of it goes to a provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import Statement, sign
from linkage_core.linking.deterministic import PassCounts
from linkage_core.linking.identifiers import IdentifierConflicts
from linkage_core.linking.run import LinkageResult
from linkage_core.types import PartyName
from services.linkage_unit.changes import WaveChanges
from services.linkage_unit.quality.stored import model_digest
from services.linkage_unit.store.runs import Run
from services.wire.convert.signed import signed_to_bytes
from services.wire.messages import SignedStatement

FORMAT: Final = "symbolon-run/1"
TYPE: Final = "RunManifest"


class ProvidersEntry(BaseModel):
    """Groups in which one provider brings another value of an identifier than the other."""

    model_config = ConfigDict(frozen=True)

    providers: tuple[str, str]
    groups: int


class IdentifierEntry(BaseModel):
    """One identifier's conflicts on the final groups, as the manifest states `IdentifierConflicts`."""

    model_config = ConfigDict(frozen=True)

    match_key: str
    groups_with_two_values: int
    groups_by_providers: tuple[ProvidersEntry, ...]
    values_in_two_groups: int
    values_repeated: dict[str, int]

    @classmethod
    def of(cls, conflicts: IdentifierConflicts) -> "IdentifierEntry":
        """Return what the manifest says of these conflicts."""
        return cls(
            match_key=conflicts.match_key,
            groups_with_two_values=conflicts.groups_with_two_values,
            groups_by_providers=tuple(
                ProvidersEntry(providers=pair, groups=groups) for pair, groups in conflicts.groups_by_providers.items()
            ),
            values_in_two_groups=conflicts.values_in_two_groups,
            values_repeated={str(provider): count for provider, count in conflicts.values_repeated.items()},
        )


def identifiers_of(manifest: Mapping[str, JsonValue]) -> tuple[IdentifierEntry, ...]:
    """Read the identifiers' conflicts back from a manifest; none where it states none."""
    return _IDENTIFIERS.validate_python(manifest.get("identifiers", []))


def passes_of(manifest: Mapping[str, JsonValue]) -> tuple[PassCounts, ...]:
    """Read back from a manifest what each pass over equal keys did."""
    return _PASSES.validate_python(manifest.get("passes", []))


def weights_of(manifest: Mapping[str, JsonValue]) -> str:
    """Read back which earlier wave's weights a run used; empty where it learnt its own, or used none."""
    return str(_PARAMETERS.validate_python(manifest["parameters"]).get("weights_of", ""))


_IDENTIFIERS: Final = TypeAdapter(tuple[IdentifierEntry, ...])
_PARAMETERS: Final = TypeAdapter(dict[str, str | int])
_PASSES: Final = TypeAdapter(tuple[PassCounts, ...])


def run_manifest(
    agreement: VerifiedAgreement,
    run: Run,
    files: Sequence[tuple[str, bytes, int]],
    result: LinkageResult,
    changes: WaveChanges,
    classes: Mapping[str, Sequence[int]],
    model: bytes | None,
) -> dict[str, JsonValue]:
    """Return what a run was given and what it counted.

    `files`: provider, root of its chunks, rows; `classes`: rows of each provider in each quality class; `model`: as it
    is kept beside the manifest, which names its SHA-256.
    """
    parameters: dict[str, JsonValue] = {name: value for name, value in result.parameters.items() if name != "seed"}
    return {
        "format": FORMAT,
        "software": _software(),
        "agreement": agreement.hash.hex(),
        "schema": agreement.document.schema_hash.hex(),
        "wave": run.wave,
        "registry_version": run.version,
        "seed": run.seed.to_bytes(8, "big").hex(),
        "parameters": parameters,
        "files": [{"provider": name, "root": root.hex(), "rows": rows} for name, root, rows in files],
        "groups": result.groups.group_count,
        "passes": [dict(asdict(counts)) for counts in result.passes],
        "identifiers": [IdentifierEntry.of(conflicts).model_dump(mode="json") for conflicts in result.identifiers],
        "candidates": {str(name): count for name, count in result.candidates.items()},
        "scored_pairs": result.scored_pairs,
        "linkable_pairs": result.linkable_pairs,
        "split_blocks": result.split_blocks,
        "skipped_pairs": result.skipped_pairs,
        "kind": agreement.document.wave(run.wave).kind,
        "changes": changes.to_json(),
        "quality_classes": {name: list(counts) for name, counts in classes.items()},
        "model": None if model is None else model_digest(model),
    }


def sign_run_manifest(
    manifest: Mapping[str, JsonValue], agreement: VerifiedAgreement, wave: str, signer: PartyName, key: Secret
) -> bytes:
    """Return the manifest as a signed statement of the linkage unit to nobody, as the store keeps it."""
    body = canonical_bytes(dict(manifest))
    statement = Statement(TYPE, signer, PartyName(""), agreement.context(wave), body)
    return signed_to_bytes(SignedStatement(statement, sign(key, statement.signed_bytes())))


def _software() -> str:
    """Version of this package; `source` where it runs from a checkout that nobody installed."""
    try:
        return version("symbolon")
    except PackageNotFoundError:
        return "source"
