"""What the linkage unit's operator declares of a wave's links, so that published intervals can allow for their errors.

Declared rates are invariants without differential privacy: they come from the data outside the budget's ledger. So they
are few, frozen with their run and coarse: whole per mille, in steps that hide in their own standard error
(`linkage_core.assessment.declaring`). Whoever holds the document learns how good links are, of no person and no count.
The linkage unit signs it; the analysis service keeps one a wave.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, ValidationError, model_validator

from linkage_core.agreement.canonical import canonical_bytes
from linkage_core.agreement.clauses import PerMille, WaveNameText
from linkage_core.agreement.signatures import SignatureHex, VerifiedAgreement
from linkage_core.crypto import signing
from linkage_core.crypto.kdf import info
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault, Refused, Tampered
from linkage_core.schema import Clause, Digest, Name

Hex16 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Multiple = Annotated[int, Field(ge=0, le=100_000)]
"""A multiple of everybody's rate, in thousandths: 1000 is alike."""


class GroupRates(Clause):
    """How often links of one category of a dimension are wrong, and its matches missed, as multiples of everybody's.

    With standard errors.
    """

    dimension: Name
    category: str = Field(min_length=1)
    false_links_per_mille: Multiple
    false_links_error_per_mille: Multiple
    missed_matches_per_mille: Multiple
    missed_matches_error_per_mille: Multiple


class SimulatedRates(Clause):
    """What linkages of invented people, whose truth is known, say of such rates (`assessment.simulated_rates`).

    `errors`: the error profiles of the invented files, by name; `records`: of each file. Estimates were off by `shift`
    of their standard errors on average, with a standard deviation of `spread` of them, both in thousandths;
    `correlation_per_cent`: of what precision and recall were off by. `groups`: by category, never from real files: the
    linkage unit knows no categories, and rates by group of real people are for a charged histogram.
    """

    format: Literal["symbolon-simulated-rates/1"] = "symbolon-simulated-rates/1"
    errors: Name
    records: int = Field(ge=1)
    linkages: int = Field(ge=1)
    precision_shift_per_mille: int
    precision_spread_per_mille: int = Field(ge=0)
    recall_shift_per_mille: int
    recall_spread_per_mille: int = Field(ge=0)
    correlation_per_cent: int = Field(ge=-100, le=100)
    groups: tuple[GroupRates, ...] = ()

    @model_validator(mode="after")
    def _each_category_once(self) -> "SimulatedRates":
        if len({(group.dimension, group.category) for group in self.groups}) < len(self.groups):
            raise ValueError("groups: a category occurs twice")
        return self


class PairRates(Clause):
    """Precision and recall of the links of two files, with standard errors and the correlation of the two estimates.

    `precision`: the share of links that join one person. `recall`: the share of people in both files who are linked.
    """

    providers: tuple[Name, Name]
    precision_per_mille: PerMille = Field(ge=1)
    precision_error_per_mille: PerMille
    recall_per_mille: PerMille = Field(ge=1)
    recall_error_per_mille: PerMille
    correlation_per_cent: int = Field(ge=-100, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> "PairRates":
        if self.providers[0] >= self.providers[1]:
            raise ValueError("providers must be two, in alphabetical order")
        return self


class LinkageSensitivity(Clause):
    """How many linkage groups changed when one row was taken out and all was linked anew, over some trials.

    The guarantee of differential privacy holds the linkage fixed; this says how far it moves.
    """

    trials: int = Field(ge=1)
    mean_changed_per_mille: int = Field(ge=0)
    most_changed: int = Field(ge=0)


class DeclaredRates(Clause):
    """All that is declared of one wave's linkage; `run` is the SHA-256 of the run's signed manifest.

    Where `simulated` is given, the rates of pairs are corrected by it.
    """

    format: Literal["symbolon-declared-rates/1"] = "symbolon-declared-rates/1"
    privacy: Literal["invariant-without-differential-privacy"] = "invariant-without-differential-privacy"
    lineage: Hex16
    agreement: Digest
    wave: WaveNameText
    run: Digest
    pairs: tuple[PairRates, ...] = ()
    simulated: SimulatedRates | None = None
    sensitivity: LinkageSensitivity | None = None

    @property
    def groups(self) -> tuple[GroupRates, ...]:
        """What is declared by category."""
        return self.simulated.groups if self.simulated is not None else ()

    @model_validator(mode="after")
    def _each_pair_once(self) -> "DeclaredRates":
        if len({pair.providers for pair in self.pairs}) < len(self.pairs):
            raise ValueError("pairs: two files are declared twice")
        return self

    def of(self, one: str, other: str) -> PairRates | None:
        """Return the rates of two providers' files, in whatever order, or None where none are declared."""
        wanted = {one, other}
        return next((pair for pair in self.pairs if set(pair.providers) == wanted), None)


class _SignedRates(Clause):
    rates: DeclaredRates
    signature: SignatureHex


def sign_rates(rates: DeclaredRates, key: Secret, agreement: VerifiedAgreement) -> bytes:
    """Return the signed document.

    Raises `Refused` for a key that is not the linkage unit's, and `InputFault` for what the agreement lacks.
    """
    unit = agreement.document.linkage_unit
    if signing.public_of(key).hex() != unit.identity_key:
        raise Refused(f"parties.{unit.name}.identity_key", "only the linkage unit declares rates")
    _check_fits(rates, agreement)
    signature = signing.sign(key, _signed_bytes(rates)).hex()
    return canonical_bytes({"rates": rates.model_dump(mode="json"), "signature": signature})


def verify_rates(file: bytes, agreement: VerifiedAgreement) -> DeclaredRates:
    """Return what the linkage unit declared.

    Raises `InputFault` for what is no such document or names a wave, provider, dimension or category that the agreement
    lacks, and `Tampered` unless the agreement's linkage unit signed it, for this very version of the agreement. Were it
    not signed, whoever writes one file could move every published figure.
    """
    rates = verify_origin(file, agreement)
    if rates.agreement != agreement.hash.hex():
        raise Tampered("the declared rates were signed for another version of the agreement")
    _check_fits(rates, agreement)
    return rates


def verify_origin(file: bytes, agreement: VerifiedAgreement) -> DeclaredRates:
    """Return rates that were verified when they came, perhaps under an earlier version: signer and lineage must fit.

    Raises `InputFault` for what is no such document, and `Tampered`.
    """
    try:
        signed = _SignedRates.model_validate_json(file)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputFault("the declared rates are not well formed", faults) from None
    if canonical_bytes(signed.model_dump(mode="json")) != file:
        raise InputFault("the declared rates are not in the canonical form that they were signed in")
    key = agreement.identity_key(agreement.document.linkage_unit.name)
    signing.verify(key, _signed_bytes(signed.rates), bytes.fromhex(signed.signature), "the declared rates")
    if signed.rates.lineage != agreement.document.lineage:
        raise Tampered("the declared rates belong to another lineage")
    return signed.rates


def parse_rates(document: Mapping[str, JsonValue]) -> DeclaredRates:
    """Return rates from their JSON form, as a release holds them: they were verified when they came."""
    return DeclaredRates.model_validate_json(canonical_bytes(dict(document)))


def _signed_bytes(rates: DeclaredRates) -> bytes:
    return info("declared-rates", canonical_bytes(rates.model_dump(mode="json")))


def _check_fits(rates: DeclaredRates, agreement: VerifiedAgreement) -> None:
    """Raise `InputFault` with everything that the agreement does not know."""
    document = agreement.document
    document.wave(rates.wave)
    providers = {party.name for party in document.providers}
    statistics = document.statistics
    faults = [f"pairs: no provider {name}" for pair in rates.pairs for name in pair.providers if name not in providers]
    for group in rates.groups:
        dimension = statistics.dimension(group.dimension)
        codes = None if dimension is None else statistics.code_list(dimension.code_list or "")
        if codes is None:
            faults.append(f"groups: no dimension {group.dimension}")
        elif group.category not in (*codes.codes, codes.unknown):
            faults.append(f"groups: {group.dimension} has no such category")
    if faults:
        raise InputFault("the declared rates do not fit the agreement", tuple(dict.fromkeys(faults)))
