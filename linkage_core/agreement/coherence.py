"""Whether the clauses of one agreement fit together: every contradiction is found, not only the first."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from linkage_core.agreement.clauses import AgreementText
from linkage_core.agreement.statistics_coherence import statistics_faults

STORE_COLUMNS: Final = frozenset({"synthetic_key", "quality_class"})
"""Columns that the analysis service adds to every payload table."""


def faults_of(agreement: AgreementText) -> list[str]:
    """Return one sentence for each contradiction, beginning with the clause's path."""
    rules: tuple[Callable[[AgreementText], Iterator[str]], ...] = (
        _version,
        _parties,
        _separation,
        _hardening,
        _matching,
        _waves_and_times,
        _incremental_waves,
        _payload,
        _statistics,
        _budget,
    )
    return [fault for rule in rules for fault in rule(agreement)]


def _version(agreement: AgreementText) -> Iterator[str]:
    if (agreement.version == 1) != (agreement.supersedes is None):
        yield "supersedes: version 1 supersedes nothing, every later version names the hash of the one before"


def _parties(agreement: AgreementText) -> Iterator[str]:
    for role in ("linkage-unit", "analysis-service"):
        if sum(p.role == role for p in agreement.parties) != 1:
            yield f"parties: exactly one {role} is needed"
    if sum(p.role == "provider" for p in agreement.parties) < 2:
        yield "parties: at least two providers are needed"
    for what in ("name", "spiffe_id", "identity_key"):
        values = [getattr(p, what) for p in agreement.parties]
        if len(set(values)) != len(values):
            yield f"parties: two parties share one {what}"
    for party in agreement.parties:
        expected = f"spiffe://{agreement.trust_domain}/agreement/{agreement.id}/{party.role}/{party.name}"
        if party.spiffe_id != expected:
            yield f"parties.{party.name}.spiffe_id: must name this trust domain, agreement, role and party"


def _separation(agreement: AgreementText) -> Iterator[str]:
    entity = {p.role: _entity(p.legal_entity) for p in agreement.parties if p.role != "provider"}
    linkage_unit, analysis = entity.get("linkage-unit"), entity.get("analysis-service")
    for party in agreement.parties:
        if party.role == "provider" and _entity(party.legal_entity) == linkage_unit:
            yield f"parties.{party.name}.legal_entity: one entity may not be a provider and the linkage unit"
    if linkage_unit is not None and linkage_unit == analysis and agreement.same_entity is None:
        yield "same_entity: one entity runs linkage unit and analysis service; a clause must say what remains visible"


def _entity(name: str) -> str:
    """A legal entity's name without what people write differently: case, spaces, compatibility forms."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _hardening(agreement: AgreementText) -> Iterator[str]:
    floor = agreement.hardening
    if floor.lowest_fill_per_mille > floor.highest_fill_per_mille:
        yield "hardening: lowest_fill_per_mille is above highest_fill_per_mille"
    for clk in agreement.linkage.clks:
        if clk.diffusion_t < floor.minimum_t:
            yield (
                f"linkage.clks.{clk.name}.diffusion_t: {clk.diffusion_t} is below hardening.minimum_t, "
                f"{floor.minimum_t}: raise it to that"
            )
        if clk.length_bits < floor.minimum_length_bits:
            yield (
                f"linkage.clks.{clk.name}: {clk.length_bits} bits are below hardening.minimum_length_bits, "
                f"{floor.minimum_length_bits}: raise clkConfig.l to that"
            )


def _matching(agreement: AgreementText) -> Iterator[str]:
    keys = {k.name for k in agreement.linkage.match_keys}
    providers = {p.name for p in agreement.parties if p.role == "provider"}
    for name in agreement.matching.passes:
        if name not in keys:
            yield f"matching.passes: no match key {name} in the schema, which has {', '.join(sorted(keys)) or 'none'}"
    for name in agreement.matching.sources_with_duplicates:
        if name not in providers:
            yield f"matching.sources_with_duplicates: no provider {name}"
    spine = agreement.matching.spine
    if spine is not None and spine not in providers:
        yield f"matching.spine: no provider {spine}"
    if spine in agreement.matching.sources_with_duplicates:
        yield f"matching.spine: {spine} is in sources_with_duplicates, a spine holds each person once"
    if agreement.volume.minimum_rows > agreement.volume.maximum_rows:
        yield "volume: minimum_rows is above maximum_rows"


def _waves_and_times(agreement: AgreementText) -> Iterator[str]:
    names = [w.name for w in agreement.waves]
    if len(set(names)) != len(names):
        yield "waves: two waves share one name"
    for wave in agreement.waves:
        if wave.tokens_not_before.tzinfo is None:
            yield f"waves.{wave.name}.tokens_not_before: needs a time zone (write Z for UTC)"
    if agreement.validity.valid_from > agreement.validity.valid_until:
        yield "validity: valid_from is after valid_until"
    if agreement.period.start > agreement.period.end:
        yield "period: start is after end"


def _incremental_waves(agreement: AgreementText) -> Iterator[str]:
    until = agreement.retention.registry_encodings_until
    clause = "retention.registry_encodings_until"
    incremental = [wave for wave in agreement.waves if wave.kind == "incremental"]
    if incremental and until is None:
        names = ", ".join(wave.name for wave in incremental)
        yield f"{clause}: incremental waves ({names}) need it: give the day until which they may be linked"
    if until is not None and not incremental:
        yield f"{clause}: no wave is incremental, so nothing may be kept: leave it out"
    if until is not None and until > agreement.validity.valid_until:
        yield f"{clause}: is after validity.valid_until, beyond which nothing is kept: give an earlier day"
    for wave in incremental:
        if until is not None and wave.tokens_not_before.date() > until:
            yield (
                f"waves.{wave.name}.kind: the registry's encodings are gone before its tokens are due: "
                f"set {clause} to a later day, or make the wave complete"
            )
    if agreement.version == 1 and agreement.waves[0].kind == "incremental":
        yield f"waves.{agreement.waves[0].name}.kind: there is no registry before the first wave: make it complete"
    for place, wave in enumerate(agreement.waves):
        if wave.corrects is not None and wave.kind == "complete":
            yield f"waves.{wave.name}.corrects: a complete wave replaces every earlier one anyway: leave it out"
        if wave.corrects is not None and wave.corrects not in {before.name for before in agreement.waves[:place]}:
            yield f"waves.{wave.name}.corrects: no earlier wave {wave.corrects}"


def _payload(agreement: AgreementText) -> Iterator[str]:
    providers = {p.name for p in agreement.parties if p.role == "provider"}
    seen: set[tuple[str, str]] = set()
    for table in agreement.payload:
        where = f"payload.{table.provider}.{table.name}"
        if table.provider not in providers:
            yield f"{where}: no provider {table.provider}"
        if (table.provider, table.name) in seen:
            yield f"{where}: listed twice"
        seen.add((table.provider, table.name))
        yield from _twice(f"{where}.columns", [c.name for c in table.columns])
        yield from (f"{where}.{c.name}: this name is the store's own" for c in table.columns if c.name in STORE_COLUMNS)
        for column in table.columns:
            if column.code_list is not None and agreement.statistics.code_list(column.code_list) is None:
                yield f"{where}.{column.name}: no code list {column.code_list}"


def _statistics(agreement: AgreementText) -> Iterator[str]:
    yield from statistics_faults(agreement.statistics, agreement.payload)


def _twice(where: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"{where}: {name} occurs twice" for name in sorted({n for n in names if names.count(n) > 1}))


def _budget(agreement: AgreementText) -> Iterator[str]:
    budget = agreement.budget
    total, allotments = budget.total_nano_rho, budget.wave_allotments_nano_rho
    for part in ("per_wave", "per_analyst", "per_release", "per_project", "per_year"):
        cap = getattr(budget, f"{part}_nano_rho")
        if cap is not None and cap > total:
            yield f"budget.{part}_nano_rho: is above budget.total_nano_rho"
    waves = {wave.name for wave in agreement.waves}
    for name in allotments:
        if name not in waves:
            yield f"budget.wave_allotments_nano_rho.{name}: no wave {name}"
    keys = {party.identity_key: party.name for party in agreement.parties}
    for approver in budget.approvers:
        if approver.identity_key in keys:
            yield f"budget.approvers.{approver.name}: has the key of {keys[approver.identity_key]}"
    if sum(allotments.values()) > total:
        yield (
            f"budget.wave_allotments_nano_rho: they add up to {sum(allotments.values())}, "
            f"above budget.total_nano_rho, {total}"
        )
