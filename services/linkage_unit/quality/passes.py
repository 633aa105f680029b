"""Sections on the deterministic passes, and on what identifiers say against the groups."""

from services.common.report.cells import Cell, Column, Table
from services.common.report.document import Section
from services.linkage_unit.quality.wave import RunCounts
from services.linkage_unit.quality.words import listed


def passes_section(counts: RunCounts) -> Section:
    """Return the section on what each pass over equal keys did."""
    if not counts.passes:
        return Section("Passes over keys", ("The agreement has no pass: all links come from similarity.",))
    heads = (
        Column("match key"),
        Column("shared by files", "count"),
        Column("used", "count"),
        Column("ambiguous", "count"),
        Column("clashing", "count"),
        Column("contradicted", "count"),
        Column("records linked first", "count"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            done.match_key,
            done.shared_keys,
            done.used_keys,
            done.ambiguous_keys,
            done.clashing_keys,
            done.contradicted_keys,
            done.linked_records,
        )
        for done in counts.passes
    )
    return Section(
        "Passes over keys",
        (
            "Equal keys link first, in the agreed order. Left out are keys that occur twice in a file of different "
            "people (ambiguous), would join two of its records (clashing), or whose records carry different "
            "identifiers (contradicted); such records stay open to similarity.",
        ),
        (Table(heads, rows),),
    )


def identifiers_section(counts: RunCounts) -> Section:
    """Return the section on people with two identifiers and identifiers of two people."""
    if not counts.identifiers:
        return Section("Identifiers against the groups", ("No match key is made of an identifier alone.",))
    heads = (
        Column("identifier"),
        Column("people with two", "count"),
        Column("used by two people", "count"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (entry.match_key, entry.groups_with_two_values, entry.values_in_two_groups) for entry in counts.identifiers
    )
    between: tuple[tuple[Cell, ...], ...] = tuple(
        (entry.match_key, listed(pair.providers), pair.groups)
        for entry in counts.identifiers
        for pair in entry.groups_by_providers
    )
    blocks = [Table(heads, rows)]
    if between:
        told = (Column("identifier"), Column("values differ between"), Column("people", "count"))
        blocks.append(Table(told, between, "Where people with two identifiers come from"))
    return Section(
        "Identifiers against the groups",
        (
            "A person with two identifiers, or an identifier of two people: a false or a missed link, or an error "
            "there.",
        ),
        tuple(blocks),
    )
