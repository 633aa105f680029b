"""S.1 to S.19 of SIMS 2.0 (Single Integrated Metadata Structure of the European Statistical System), one section each.

What the facts say is filled in; what only people know stands as a note for the office to write.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from disclosure.breaks import breaks_between
from linkage_core.agreement.document import Agreement
from services.analysis.report.accuracy import budget_over_time, estimates, linkage_rates, precision, treatment
from services.analysis.report.confidentiality import confidentiality
from services.analysis.report.facts import Facts, last_day, name_of, rule_in_words
from services.analysis.report.linked import linked_shares
from services.common.report.cells import Column, Table
from services.common.report.document import Block, Note, Notes, Section


def to_write(*words: str) -> Notes:
    """Return the note that the office has something to write here."""
    return Notes(tuple(Note("look", f"To be written by the office: {each}.") for each in words))


def sections(facts: Facts) -> tuple[Section, ...]:
    """Return the nineteen sections, in order."""
    return tuple(
        Section(f"S.{number} {title}", tuple(paragraphs), tuple(blocks))
        for number, (title, fill) in enumerate(_HEADINGS, 1)
        for paragraphs, blocks in [fill(facts)]
    )


Filled = tuple[list[str], list[Block]]


def _contact(facts: Facts) -> Filled:
    service = facts.agreement.analysis_service
    return (
        [f"S.1.1 Contact organisation: {service.legal_entity}, which runs the analysis service {service.name}."],
        [to_write("S.1.2 to S.1.8 unit, name, function, address, e-mail and telephone of the contact")],
    )


def _update(facts: Facts) -> Filled:
    newest = max(table.release.released_at for table in facts.tables)
    return (
        [f"S.2.3 Metadata last update: drafted from releases up to {newest}."],
        [to_write("S.2.1 and S.2.2, when it was certified and posted")],
    )


def _presentation(facts: Facts) -> Filled:
    document = facts.agreement
    names = dict.fromkeys(
        axis for table in facts.tables for axis in table.axes if axis not in table.release.totals_axes
    )
    found = [document.statistics.dimension(name) for name in names]
    rows = tuple(
        (each.name, each.kind, len(each.band_names) + 1 if each.bands else _codes(document, each.code_list or ""))
        for each in found
        if each is not None
    )
    columns = (Column("dimension"), Column("kind"), Column("categories, unknown among them", "count"))
    rules = dict.fromkeys(
        rule_in_words(rule) for t in facts.tables if isinstance(rule := t.release.question.get("rule"), dict)
    )
    paragraphs = [
        f"S.3.1 Data description: {'; '.join(name_of(table) for table in facts.tables)}.",
        "S.3.5 Statistical unit: a person, as the linkage of the providers' records makes one of them.",
        f"S.3.6 Statistical population: {document.population}.",
        f"S.3.8 Coverage of time: {document.period.start} to {document.period.end}.",
    ]
    paragraphs += [f"S.3.4 Statistical concepts: residents are {rule}." for rule in rules]
    tables: list[Block] = [Table(columns, rows, "S.3.2 Classification system")] if rows else []
    return paragraphs, [*tables, to_write("S.3.3 sectors, S.3.7 reference area, S.3.9 base period")]


def _codes(document: Agreement, name: str) -> int:
    found = document.statistics.code_list(name)
    return 0 if found is None else len(found.codes) + 1


def _unit(facts: Facts) -> Filled:
    units = dict.fromkeys(table.release.unit or "without unit" for table in facts.tables)
    which = "Counts with noise" if facts.perturbed else "Counts"
    return [f"Values count {', '.join(units)}. {which} are neither rounded nor clipped, and may be negative."], []


def _reference_period(facts: Facts) -> Filled:
    rows = tuple((name_of(table), str(table.facts["REFERENCE_PERIOD"]) or "whole lives") for table in facts.tables)
    return [], [Table((Column("table"), Column("dates or periods")), rows)]


def _mandate(facts: Facts) -> Filled:
    document = facts.agreement
    rows = tuple((party.name, party.role, party.legal_entity) for party in document.parties)
    return (
        [
            f"S.6.1 Legal acts and other agreements: {document.legal_basis}. Agreement {document.id}, version "
            f"{document.version}, SHA-256 {document.hash.hex()}, in force from {document.validity.valid_from} to "
            f"{document.validity.valid_until}, signed by every party.",
            f"S.6.2 Data sharing: {', '.join(party.legal_entity for party in document.providers)} provide records. The "
            f"purpose: {document.purpose}.",
        ],
        [Table((Column("party"), Column("role"), Column("legal entity")), rows)],
    )


def _confidentiality(facts: Facts) -> Filled:
    return (
        list(confidentiality(facts)),
        [
            *([treatment(facts)] if len(facts.perturbed) < len(facts.tables) else []),
            *([budget_over_time(facts)] if len(facts.releases) > facts.perturbed_releases else []),
        ],
    )


def _release_policy(facts: Facts) -> Filled:
    return (
        [
            "S.8.3 User access: analysts on the signed roster ask questions in a closed language. The same question is "
            "answered with the same figures, whoever asks; a table that was released is never changed."
        ],
        [to_write("S.8.1 and S.8.2, the release calendar and who has access to it")],
    )


def _frequency(facts: Facts) -> Filled:
    waves = ", ".join(f"{wave.name} ({wave.kind})" for wave in facts.agreement.waves)
    return [f"The agreement's waves of delivery: {waves}."], [to_write("how often these statistics are disseminated")]


def _accessibility(facts: Facts) -> Filled:
    return (
        [
            "Tables are available as CSV, Parquet, SDMX-CSV and SDMX-ML, each with its release and signed provenance, "
            "which anybody verifies with the agreement alone."
        ],
        [to_write("S.10.1 to S.10.5 publications, data base and micro-data access", "S.10.6 and S.10.7 documentation")],
    )


def _quality_management(facts: Facts) -> Filled:
    return (
        [f"Impact assessment of the agreement: {facts.agreement.impact_assessment}."],
        [to_write("S.11.1 quality assurance", "S.11.2 quality assessment")],
    )


def _relevance(facts: Facts) -> Filled:
    missing = sum(each.status == "O" for table in facts.tables for each in table.observations)
    return (
        [f"S.12.3 Completeness: {facts.observations - missing:,} of {facts.observations:,} cells have a figure."],
        [to_write("S.12.1 user needs", "S.12.2 user satisfaction")],
    )


def _accuracy(facts: Facts) -> Filled:
    covered = dict.fromkeys(table.release.covers for table in facts.tables)
    bound = any(table.release.question["measure"] in ("inflow", "outflow", "net", "return") for table in facts.tables)
    paragraphs = [
        f"S.13.1 Accuracy, overall: intervals are of 95 % and allow for {'; '.join(covered)}. U marks cells whose "
        "noise is large beside their value, P those for which the rule asks of days before or after those observed.",
        "S.13.2 Sampling error: none; the figures rest on complete files, and no sample is drawn.",
        *(f"S.13.3.4 Processing error, linkage: {line}" for line in _linkage(facts)),
    ]
    if bound:
        paragraphs.append(
            "The public bound on the cells of one person may drop some of a person's flows: figures are then too low."
        )
    rates = [linkage_rates(declared) for declared in facts.declared]
    linked = [linked_shares(table) for table in facts.tables if table.release.question["measure"] == "links"]
    blocks: list[Block] = [precision(facts), *rates, *linked, *(estimates(table) for table in facts.tables)]
    return paragraphs, [
        *blocks,
        to_write("S.13.3.1 coverage error", "S.13.3.2 measurement error", "S.13.3.3 non-response"),
    ]


def _linkage(facts: Facts) -> Iterator[str]:
    held = any(table.release.question["measure"] == "links" for table in facts.tables)
    yield (
        "it misses links and makes false ones. Rates by group of real people come only from a charged table of the "
        f"measure `links`; {'such a table is among those' if held else 'the tables'} reported here"
        f"{'' if held else ' hold none'}."
    )
    told = [table.release for table in facts.tables if table.release.is_private]
    yield from dict.fromkeys(release.explanation for release in told if release.explanation)
    for declared in facts.declared:
        found = declared.sensitivity
        if found is not None:
            mean = found.mean_changed_per_mille / 1000
            yield (
                f"in wave {declared.wave}, taking one row out and linking anew changed {mean:g} groups on average and "
                f"{found.most_changed} at most, in {found.trials} trials. The guarantee holds the linkage fixed and "
                "does not cover that."
            )
    if not facts.declared:
        yield "no rates are declared for these waves."


def _timeliness(facts: Facts) -> Filled:
    rows = []
    for table in facts.tables:
        last = last_day(table)
        released = datetime.fromisoformat(table.release.released_at).date()
        rows.append((name_of(table), str(last or "–"), str(released), None if last is None else (released - last).days))
    columns = (Column("table"), Column("last day"), Column("released"), Column("days between", "count"))
    return [], [Table(columns, tuple(rows), "S.14.1 Timeliness"), to_write("S.14.2 punctuality against the calendar")]


def _coherence(facts: Facts) -> Filled:
    return (
        [
            *(f"S.15.2 Comparability over time: {line}" for line in _breaks(facts)),
            *(
                ["S.15.4 Coherence, internal: totals by cell-key perturbation are no sums of the cells shown."]
                if facts.perturbed
                else []
            ),
            "S.15.4 Coherence, internal: totals of a table with noise are sums of its cells. Stock, inflow and outflow "
            "do not balance by themselves: births, deaths, unknown statuses, re-linking and noise stand between them.",
        ],
        [to_write("S.15.1 geographical comparability", "S.15.3 coherence with other statistics")],
    )


def _breaks(facts: Facts) -> Iterator[str]:
    found = False
    for place, later in enumerate(facts.tables):
        for earlier in facts.tables[:place]:
            if earlier.release.question["measure"] != later.release.question["measure"]:
                continue
            pairs = [(each.release, str(each.facts["WAVE"])) for each in (earlier, later)]
            breaks = breaks_between(pairs[0], pairs[1])
            if breaks:
                found = True
                yield f"between “{name_of(earlier)}” and “{name_of(later)}”: {'; '.join(breaks)}."
    if not found:
        yield "no break between the tables of one measure reported here."


def _cost(facts: Facts) -> Filled:
    return [], [to_write("cost of production, and burden on the providers")]


def _revision(facts: Facts) -> Filled:
    days = facts.agreement.retention.payload_days
    return (
        [
            "S.17.1 Revision policy: a new wave or a corrected delivery is a new data version, and its tables are new "
            "releases at a new price; what was released stays as it was.",
            f"S.17.2 Revision practice: {facts.share('P'):.1%} of the cells here are provisional. Payload is destroyed "
            f"{days} days after a wave's tokens are due; from then on a table of that wave cannot be made again.",
        ],
        [],
    )


def _processing(facts: Facts) -> Filled:
    document = facts.agreement
    rows = tuple(
        (table.provider, table.name, table.kind, ", ".join(column.name for column in table.columns))
        for table in document.payload
    )
    matching = document.matching
    keys = f"match keys {', '.join(matching.passes)}, then " if matching.passes else ""
    return (
        [
            f"S.18.2 Frequency of data collection: waves {', '.join(facts.waves)} of the agreement.",
            f"S.18.5 Data compilation: records are linked without identifiers by {keys}similarity of hardened codes "
            f"({matching.combination}); rows without a link are "
            f"{'kept' if document.unmatched_rows == 'keep' else 'dropped'}.",
            "S.18.6 Adjustment: none; figures are as released.",
        ],
        [
            Table((Column("provider"), Column("table"), Column("kind"), Column("columns")), rows, "S.18.1 Source data"),
            to_write("S.18.3 data collection", "S.18.4 data validation at the providers"),
        ],
    )


def _comment(facts: Facts) -> Filled:
    return [], [to_write("S.19 anything that a user must know besides")]


_HEADINGS: tuple[tuple[str, Callable[[Facts], Filled]], ...] = (
    ("Contact", _contact),
    ("Metadata update", _update),
    ("Statistical presentation", _presentation),
    ("Unit of measure", _unit),
    ("Reference period", _reference_period),
    ("Institutional mandate", _mandate),
    ("Confidentiality", _confidentiality),
    ("Release policy", _release_policy),
    ("Frequency of dissemination", _frequency),
    ("Accessibility and clarity", _accessibility),
    ("Quality management", _quality_management),
    ("Relevance", _relevance),
    ("Accuracy and reliability", _accuracy),
    ("Timeliness and punctuality", _timeliness),
    ("Coherence and comparability", _coherence),
    ("Cost and burden", _cost),
    ("Data revision", _revision),
    ("Statistical processing", _processing),
    ("Comment", _comment),
)
