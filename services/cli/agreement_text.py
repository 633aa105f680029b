"""An agreement in words: what a signatory reads before signing."""

from collections.abc import Iterator
from hashlib import sha256

from disclosure.measurements import epsilon_millionths
from linkage_core.agreement.clauses import Party, Wave
from linkage_core.agreement.document import Agreement
from linkage_core.agreement.signatures import SignedAgreement
from services.common.keystore import fingerprint

NANO = 1_000_000_000
MILLION = 1_000_000


def describe(signed: SignedAgreement) -> str:
    """Return the agreement clause by clause in plain text, with its hash and who has signed."""
    return "\n".join(_lines(signed))


def _lines(signed: SignedAgreement) -> Iterator[str]:
    a = signed.agreement
    yield f"{a.title}  ({a.id}, version {a.version})"
    yield f"hash         {a.hash.hex()}"
    yield f"lineage      {a.lineage}"
    yield f"legal basis  {a.legal_basis}"
    yield f"purpose      {a.purpose}"
    yield f"population   {a.population}"
    yield f"valid        {a.validity.valid_from} to {a.validity.valid_until}"
    yield f"statistics   on {a.period.start} to {a.period.end}"
    yield f"authority    {sha256(a.certificate_authority.encode()).hexdigest()} (SHA-256 of its certificate's PEM)"
    yield ""
    yield "parties"
    for party in a.parties:
        state = "signed" if party.name in signed.signatures else "NOT SIGNED"
        yield f"  {party.name:<22} {party.role:<17} {party.legal_entity}  [{state}]"
        yield f"  {'':<22} keys {_fingerprint(party)}"
    if a.same_entity is not None:
        yield f"  one entity runs both services; what remains visible: {a.same_entity.what_remains_visible}"
    yield ""
    yield from _linkage(a)
    yield ""
    yield "payload (nothing else may be delivered)"
    for table in a.payload:
        columns = ", ".join(f"{c.name}:{c.type}" for c in table.columns)
        yield f"  {table.provider}.{table.name} [{table.kind}] {columns}"
    yield f"  rows without a partner: {a.unmatched_rows}"
    yield ""
    yield from _statistics(a)
    yield ""
    budget = a.budget
    yield "privacy budget (rho-zCDP per synthetic key)"
    yield (
        f"  total {budget.total_nano_rho / NANO:g}, a wave {budget.per_wave_nano_rho / NANO:g}, "
        f"an analyst {budget.per_analyst_nano_rho / NANO:g}, a release {budget.per_release_nano_rho / NANO:g}"
    )
    further = {"this project": budget.per_project_nano_rho, "a calendar year": budget.per_year_nano_rho}
    further |= {f"wave {name}": allotment for name, allotment in sorted(budget.wave_allotments_nano_rho.items())}
    if told := [f"{what} {cap / NANO:g}" for what, cap in further.items() if cap is not None]:
        yield f"  {', '.join(told)}"
    epsilon = epsilon_millionths(budget.total_nano_rho, budget.delta_e15) / MILLION
    yield f"  in other words, epsilon {epsilon:g} at delta {budget.delta_e15 / 10**15:g}, in all"
    if budget.approvers:
        keys = {each.name: fingerprint(bytes.fromhex(each.identity_key), None) for each in budget.approvers}
        yield "  raised by two of these only:"
        yield from (f"    {name}  keys {words}" for name, words in keys.items())
    yield f"  at most {budget.flow_cells_per_person} cells a person in a flow table"
    yield f"  noise with a standard deviation of at most {budget.maximum_noise_sd}"
    yield f"  cells below {a.minimum_cell_count} are flagged as unreliable"
    yield ""
    kept = a.retention
    yield (
        f"kept: encodings {kept.clks_days} days after tokens are due, registry {kept.registry_days}, "
        f"payload {kept.payload_days}"
    )
    if kept.registry_encodings_until is not None:
        yield f"kept sealed for incremental waves: the registry's encodings, until {kept.registry_encodings_until}"
    yield f"destroyed at the end: {', '.join(a.destroyed_at_end)}"
    yield f"impact assessment: {a.impact_assessment}"


def _fingerprint(party: Party) -> str:
    """As `symbolon keys show` prints it: compared out of band, it shows that nobody put in keys of their own."""
    return fingerprint(bytes.fromhex(party.identity_key), bytes.fromhex(party.wrap_key) if party.wrap_key else None)


def _statistics(a: Agreement) -> Iterator[str]:
    yield "statistics (the public concepts that questions may use)"
    residence = a.statistics.residence
    yield f"  residence: {residence.provider}.{residence.table}"
    if (crossings := a.statistics.crossings) is not None:
        table, codes = crossings.table, f"{crossings.arrival} arrives, {crossings.departure} departs"
        yield f"  crossings: {table.provider}.{table.table}.{crossings.direction}: {codes}"
    for dimension in a.statistics.dimensions:
        sources = ", then ".join(f"{s.provider}.{s.table}.{s.column}" for s in dimension.sources)
        categories = (
            dimension.code_list or f"{'years' if dimension.kind == 'age' else 'months'} in {len(dimension.bands)} bands"
        )
        yield f"  dimension {dimension.name} [{categories}]: {sources or 'since the stay began'}"
        if dimension.bands:
            yield f"    {', '.join(dimension.band_names)}; unknown"
    for variable in a.statistics.variables:
        column = variable.column
        yield f"  variable {variable.name} ({variable.unit}): {column.provider}.{column.table}.{column.column}"
        yield f"    a person's total of a period counts as {variable.minimum} to {variable.maximum}"
        if variable.bins:
            yield f"    quantiles from bins that begin at {', '.join(map(str, variable.bins))}"
    for source in a.statistics.sources:
        yield f"  source {source.name}: {source.table.provider}.{source.table.table}"
    if (keys := a.statistics.cell_keys) is not None:
        yield (
            f"  cell-key perturbation, NOT DIFFERENTIALLY PRIVATE: {keys.tables} tables of counts of persons, outside "
            f"the budget; a count deviates by at most {keys.maximum_deviation}, with a variance of "
            f"{keys.variance_thousandths / 1000:g}; no positive count below {keys.smallest_count} is shown"
        )
    for code_list in a.statistics.code_lists:
        yield f"  code list {code_list.name}: {', '.join(code_list.codes)}; {code_list.unknown}"


def _linkage(a: Agreement) -> Iterator[str]:
    yield f"linkage (epoch {a.epoch})"
    yield f"  quasi-identifiers: {', '.join(q.name for q in a.linkage.quasi_identifiers)}"
    for key in a.linkage.match_keys:
        yield f"  match key {key.name}: {' + '.join(key.variables)}, at least {key.entropy_bits} bits"
    for clk in a.linkage.clks:
        yield f"  CLK {clk.name}: {' + '.join(clk.features)}, {clk.length_bits} bits, t = {clk.diffusion_t}"
    for item in a.linkage.frequency_classes:
        bounds = ", ".join(f"{bound / 10_000:g}" for bound in item.bounds_per_million)
        yield (
            f"  frequency classes of {item.variable}: bounds at {bounds} % of a file's rows; the linkage unit learns "
            "each row's class"
        )
    floor = a.hardening
    yield (
        f"  least hardening: t >= {floor.minimum_t}, fill {floor.lowest_fill_per_mille / 10:g} to "
        f"{floor.highest_fill_per_mille / 10:g} %, D <= {floor.maximum_d_ppm / 1e6:g}, {floor.minimum_length_bits} bits"
    )
    volume = a.volume
    yield (
        f"  a file has {volume.minimum_rows} to {volume.maximum_rows} rows, "
        f"and changes by at most {volume.maximum_change_per_mille / 10:g} % from wave to wave"
    )
    matching = a.matching
    links = (
        f"probability >= {matching.least_probability_per_mille / 1000:g}, estimated from the files themselves"
        if matching.combination == "fellegi-sunter"
        else f"weighted mean >= {matching.link_per_mille / 1000:g}"
    )
    candidates = (
        "from the Dice that two unrelated records of the largest file reach beside any"
        if matching.candidate_per_mille is None
        else f"from Dice >= {matching.candidate_per_mille / 1000:g}"
    )
    yield f"  candidates {candidates}, links from {links}"
    yield (
        "  every pair of records is compared"
        if matching.least_search_recall_per_mille == 1000
        else f"  large files are searched for at least {matching.least_search_recall_per_mille / 10:g} % of such links"
    )
    if matching.sources_with_duplicates:
        yield f"  may hold a person twice: {', '.join(matching.sources_with_duplicates)}"
    if matching.spine is not None:
        yield f"  all other sources are linked to the spine, {matching.spine}, and not to each other"
    yield f"  waves: {', '.join(_wave(wave) for wave in a.waves)}"


def _wave(wave: Wave) -> str:
    kind = wave.kind if wave.corrects is None else f"corrects {wave.corrects}"
    return f"{wave.name} ({kind}, tokens from {wave.tokens_not_before.isoformat()})"
