"""The data-quality summary of a check: counts by field, for the agency's own screen. It is sent to nobody."""

from services.provider_agent.check import CheckedFiles


def summary(checked: CheckedFiles) -> list[tuple[str, str, str]]:
    """Return lines of (file or table, field, what was counted)."""
    lines = [("identities", "", f"{checked.rows:,} people, each local id once")]
    for name, quality in checked.fields.items():
        counts = [f"{_share(quality.present, checked.rows)} present"]
        if quality.complete != quality.present:
            counts.append(f"{_share(quality.complete, checked.rows)} complete")
        counts += [f"{count:,} {reason.replace('-', ' ')}" for reason, count in quality.findings.items()]
        lines.append(("identities", name, ", ".join(counts)))
    for table, table_quality in checked.tables.items():
        lines.append((table, "", f"{table_quality.rows:,} rows"))
        for column, present in table_quality.present.items():
            unlisted = table_quality.unlisted.get(column, 0)
            counts = [f"{_share(present, table_quality.rows)} present"]
            counts += [f"{unlisted:,} outside the public list, taken as absent"] if unlisted else []
            lines.append((table, column, ", ".join(counts)))
    return lines


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else "-"
