"""The agreement as a typed document: its clauses, well formed and fitting together; every fault reported at once."""

from pydantic import ValidationError, model_validator

from linkage_core.agreement.canonical import digest
from linkage_core.agreement.clauses import AgreementText, Party, Wave
from linkage_core.agreement.coherence import faults_of
from linkage_core.errors import InputFault
from linkage_core.types import AgreementHash, Lineage, PartyName


class Agreement(AgreementText):
    """One version of a data-sharing agreement, without its signatures."""

    @model_validator(mode="after")
    def _clauses_fit_together(self) -> "Agreement":
        faults = faults_of(self)
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def hash(self) -> AgreementHash:
        """SHA-256 of the canonical JSON: what signatures, key checks and seals are bound to."""
        return AgreementHash(digest(self.model_dump(mode="json")))

    @property
    def lineage_bytes(self) -> Lineage:
        """The lineage as 16 bytes."""
        return Lineage(bytes.fromhex(self.lineage))

    @property
    def schema_hash(self) -> bytes:
        """SHA-256 of the linkage schema's canonical JSON (32 bytes)."""
        return digest(self.linkage.model_dump(mode="json"))

    @property
    def providers(self) -> tuple[Party, ...]:
        """The data providers in member order: sorted by name."""
        return tuple(sorted((p for p in self.parties if p.role == "provider"), key=lambda p: p.name))

    @property
    def linkage_unit(self) -> Party:
        """The party that links."""
        return next(p for p in self.parties if p.role == "linkage-unit")

    @property
    def analysis_service(self) -> Party:
        """The party that answers analysts."""
        return next(p for p in self.parties if p.role == "analysis-service")

    def party(self, name: PartyName | str) -> Party:
        """Return the party of that name; raises `InputFault` if the agreement has none."""
        for party in self.parties:
            if party.name == name:
                return party
        raise InputFault(f"agreement {self.id} version {self.version} has no party {name!r}")

    def wave(self, name: str) -> Wave:
        """Return the wave of that name; raises `InputFault` if the agreement lists none."""
        for wave in self.waves:
            if wave.name == name:
                return wave
        listed = ", ".join(wave.name for wave in self.waves)
        raise InputFault(f"agreement {self.id} version {self.version} lists no wave {name!r}; it has {listed}")


def parse_agreement(document: bytes) -> Agreement:
    """Parse and check an agreement from JSON bytes; raises one `InputFault` that lists every fault."""
    try:
        return Agreement.model_validate_json(document)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'agreement'}: {e['msg']}" for e in error.errors())
        raise InputFault("the agreement is not well formed", faults) from None
