"""The clauses of an agreement: what each may hold, by itself.

It is data that people sign: no floats (rates are per mille or parts per million, rho in nano-rho, delta in 1e-15), no
unknown field. Payload and statistics have a module of their own.
"""

import datetime
import operator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from linkage_core.agreement.payload import PayloadTable
from linkage_core.agreement.statistics import Statistics
from linkage_core.schema import Clause, Digest, LinkageSchema, Name

LARGEST_EPOCH = 2**32 - 1
"""Epochs travel and are bound as four bytes."""

PartyRole = Literal["provider", "linkage-unit", "analysis-service"]
Hex16 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
IdentityKeyHex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
WrapKeyHex = Annotated[str, Field(pattern=r"^[0-9a-f]{2432}$")]
WaveNameText = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""As other names, but it may begin with a digit: waves are often called after years."""
PerMille = Annotated[int, Field(ge=0, le=1000)]


class Party(Clause):
    """One signatory: who operates it, its role, its transport identity and its public keys.

    `wrap_key` (HPKE, hexadecimal) is a provider's and only a provider's: shares of the linkage secret are sealed to it.
    """

    name: Name
    role: PartyRole
    legal_entity: str = Field(min_length=1)
    spiffe_id: str = Field(pattern=r"^spiffe://[a-z0-9.-]+/agreement/[a-z0-9_-]+/[a-z-]+/[a-z0-9_-]+$")
    identity_key: IdentityKeyHex
    wrap_key: WrapKeyHex | None = None

    @model_validator(mode="after")
    def _wrap_key_is_the_providers(self) -> "Party":
        if (self.role == "provider") != (self.wrap_key is not None):
            raise ValueError("wrap_key belongs to every provider and to no other role")
        return self


class SameEntityClause(Clause):
    """Allows one legal entity to run both linkage unit and analysis service; says what then remains visible."""

    what_remains_visible: str = Field(min_length=20)
    separate_administrators: Literal[True]


class Hardening(Clause):
    """Least hardening that the parties accept for every CLK.

    `minimum_t`: input bits XORed into each output bit. `fill_per_mille`: lowest and highest share of set bits before
    diffusion, measured over a file. `maximum_d_ppm`: highest D = (1 - 2p)^(t-1), in parts per million, where p is that
    share; D predicts how many records a known-pair attack re-identifies.
    """

    minimum_t: int = Field(ge=1)
    lowest_fill_per_mille: PerMille
    highest_fill_per_mille: PerMille
    maximum_d_ppm: int = Field(ge=0, le=1_000_000)
    minimum_length_bits: int = Field(ge=64)


class Matching(Clause):
    """How the linkage unit decides.

    `passes` are match keys in declared order. A pair is a candidate if one CLK's Dice is >= `candidate_per_mille`, by
    default what about two unrelated records of the largest file reach beside any one; with the combination
    `fellegi-sunter` also if it shares a match key. By `weighted-mean` it may be linked if the mean of
    the Dice of all CLKs that both records have is >= `link_per_mille`; by `fellegi-sunter` if the probability of the
    link, estimated from the files themselves, is >= `least_probability_per_mille`; files too small for that are linked
    by the mean. anonlink's greedy solver decides, repeated until nothing joins. `sources_with_duplicates` are compared
    within themselves too. With a `spine`, the other sources are linked to that provider's records and to nothing else,
    one-to-one, and many-to-one where they are `sources_with_duplicates`: no two spine records join, and records of
    other sources only through one. Large files may be searched by chance, as long as at least
    `least_search_recall_per_mille` of the pairs that reach `link_per_mille` and are each other's best are expected to
    be found; 1000 compares every pair, whatever it costs. More candidates a record than `maximum_candidates_per_record`
    stop the run. Rows linked by similarity are of the better quality class from `high_quality_per_mille` on, a mean
    Dice or a probability; a class with fewer rows than `minimum_class_count` in any file is merged.
    """

    passes: tuple[Name, ...] = ()
    combination: Literal["weighted-mean", "fellegi-sunter"] = "weighted-mean"
    candidate_per_mille: Annotated[int, Field(ge=1, le=1000)] | None = None
    link_per_mille: PerMille
    least_probability_per_mille: PerMille = 500
    solver: Literal["greedy"] = "greedy"
    sources_with_duplicates: tuple[Name, ...] = ()
    spine: Name | None = None
    least_search_recall_per_mille: PerMille = 995
    maximum_candidates_per_record: int = Field(ge=1, le=100_000)
    high_quality_per_mille: PerMille
    minimum_class_count: int = Field(ge=1)


class Volume(Clause):
    """Limits on the size of one provider's file, against injected or probing rows.

    `maximum_change_per_mille`: against its file in the complete wave before; one of an incremental wave may be smaller
    by any number of rows, as it may hold changes only.
    """

    minimum_rows: int = Field(ge=1)
    maximum_rows: int = Field(ge=1)
    maximum_change_per_mille: int = Field(ge=0)


class Wave(Clause):
    """One delivery round. Tokens are handed out from `tokens_not_before` (UTC) on, however long linking took.

    A *complete* wave brings everybody again and links everybody anew. An *incremental* one adds to the registry: who is
    not in it stays there, a known handle with the same encoding keeps its group, and only rows that are new or
    corrected are compared. One that `corrects` an earlier wave moreover withdraws the handles that the earlier one
    brought first and that it does not bring itself.
    """

    name: WaveNameText
    kind: Literal["complete", "incremental"] = "complete"
    corrects: WaveNameText | None = None
    tokens_not_before: datetime.datetime


class Retention(Clause):
    """How long each artefact is kept, in days after the wave's tokens are due.

    Encodings and payload are destroyed by the services; the registry's end is the operator's duty, no program does it.
    `registry_encodings_until`: the last day (UTC) on which the linkage unit keeps, sealed, the newest encoding of every
    handle in the registry; incremental waves need it. While they are kept, the linkage unit and a provider in collusion
    could break them, which is why it is a clause of its own. None: they are never kept.
    """

    clks_days: int = Field(ge=0)
    registry_days: int = Field(ge=0)
    registry_encodings_until: datetime.date | None = None
    payload_days: int = Field(ge=0)


class Validity(Clause):
    """First and last day (both included, UTC) on which the agreement allows anything."""

    valid_from: datetime.date
    valid_until: datetime.date


class Period(Clause):
    """First and last day (both included) about which statistics may be asked."""

    start: datetime.date
    end: datetime.date


class Approver(Clause):
    """Somebody who may approve that the budget is raised: name, and the Ed25519 key that signs approvals."""

    name: Name
    identity_key: IdentityKeyHex


class Budget(Clause):
    """The lineage's privacy budget: rho of zero-concentrated differential privacy, privacy unit = one synthetic key.

    `total_nano_rho` bounds everything ever released under the lineage, whatever agreement, project or wave it was for;
    `per_wave_nano_rho`, `per_analyst_nano_rho` and `per_release_nano_rho` bound their parts. `wave_allotments_nano_rho`
    gives single waves an allotment of their own instead of `per_wave_nano_rho`. `per_project_nano_rho` (this
    agreement's project) and `per_year_nano_rho` (each calendar year, UTC) may be left out: then there is no such cap.
    Every cap that applies must allow a charge. `delta_e15` (in 1e-15) is for reading rho as an epsilon only.
    `flow_cells_per_person` is the public bound on cells of a flow table that one person may count in.
    `maximum_noise_sd` refuses a question so cheap that its answer would be noise. Where `approvers` are named, nobody
    else may approve an increase, whoever keeps the analysis service's roster.
    """

    privacy_unit: Literal["synthetic-key"] = "synthetic-key"
    total_nano_rho: int = Field(ge=1)
    per_wave_nano_rho: int = Field(ge=1)
    per_analyst_nano_rho: int = Field(ge=1)
    per_release_nano_rho: int = Field(ge=1)
    per_project_nano_rho: int | None = Field(default=None, ge=1)
    per_year_nano_rho: int | None = Field(default=None, ge=1)
    wave_allotments_nano_rho: dict[WaveNameText, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    delta_e15: int = Field(ge=1, lt=10**15)
    flow_cells_per_person: int = Field(ge=1, le=100)
    maximum_cells: int = Field(ge=1, le=1_000_000)
    maximum_noise_sd: int = Field(ge=1)
    # Left out where empty: agreements signed before there was such a clause keep their hash.
    approvers: tuple[Approver, ...] = Field(default=(), exclude_if=operator.not_)

    @model_validator(mode="after")
    def _two_persons_can_approve(self) -> "Budget":
        for what in ("name", "identity_key"):
            if len({getattr(approver, what) for approver in self.approvers}) != len(self.approvers):
                raise ValueError(f"approvers: two share one {what}")
        if len(self.approvers) == 1:
            raise ValueError("approvers: two at least are needed, since two must approve")
        return self


class AgreementText(Clause):
    """Every clause of one version of an agreement, each well formed by itself; `Agreement` promises that they fit."""

    format: Literal["symbolon-agreement/1"] = "symbolon-agreement/1"
    id: Name
    lineage: Hex16
    version: int = Field(ge=1)
    supersedes: Digest | None = None
    title: str = Field(min_length=1)
    legal_basis: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    population: str = Field(min_length=1)
    project: Name
    trust_domain: str = Field(pattern=r"^[a-z0-9.-]+$")
    certificate_authority: str = Field(min_length=1, description="PEM of the CA whose transport certificates count")
    parties: tuple[Party, ...] = Field(min_length=4)
    same_entity: SameEntityClause | None = None
    epoch: int = Field(ge=1, le=LARGEST_EPOCH)
    linkage: LinkageSchema
    hardening: Hardening
    matching: Matching
    volume: Volume
    waves: tuple[Wave, ...] = Field(min_length=1)
    payload: tuple[PayloadTable, ...] = Field(min_length=1)
    unmatched_rows: Literal["keep", "drop"] = "keep"
    statistics: Statistics
    period: Period
    retention: Retention
    validity: Validity
    budget: Budget
    minimum_cell_count: int = Field(ge=0)
    impact_assessment: str = Field(min_length=1)
    destroyed_at_end: tuple[str, ...] = Field(min_length=1)
