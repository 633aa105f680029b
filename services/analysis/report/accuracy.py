"""Figures of a quality report: estimates with their intervals, precision by table, the budget over time."""

from itertools import accumulate
from typing import Final

from disclosure.post_selection import NORMAL_QUANTILE
from disclosure.table import CELL_KEY
from linkage_core.agreement.declared_rates import DeclaredRates
from services.analysis.export.observations import Publication
from services.analysis.report.facts import BILLION, Facts, name_of
from services.common.report.cells import Cell, Column, Table
from services.common.report.charts import Axis, Bar, Columns, Dots

MOST_DOTS: Final = 40
"""Estimates in one chart: of larger tables the largest ones, which is where its figures are read first."""


def estimates(table: Publication) -> Dots:
    """Return a table's estimates with their 95 % intervals; those without a figure are left out of the drawing."""
    found = [each for each in table.observations if each.value is not None]
    shown = sorted(found, key=lambda each: -abs(each.value or 0))[:MOST_DOTS]
    places = {each.coordinates: place for place, each in enumerate(found)}
    dots = tuple(
        Bar(
            label=" · ".join(each.coordinates) + (f" ({each.flags})" if each.flags else ""),
            value=each.value or 0,
            low=each.low,
            high=each.high,
        )
        for each in sorted(shown, key=lambda each: places[each.coordinates])
    )
    chosen = f"the {len(dots)} largest of {len(table.observations)} cells" if len(shown) < len(found) else "every cell"
    covered = "noise" if table.release.is_private else "cell-key perturbation"
    return Dots(
        title=f"Estimates: {name_of(table)}",
        description=f"Released values with 95 % intervals, {chosen}; these intervals cover the {covered}",
        labels=" · ".join(table.axes),
        measure=Axis("estimate", table.release.unit, "number"),
        dots=dots,
    )


def precision(facts: Facts) -> Table:
    """Return one row a table: its cells, noise, half-width, and how many cells cannot be read by themselves."""
    columns = (
        Column("table"),
        Column("cells", "count"),
        Column("noise SD", "number"),
        Column("± 95 %", "number"),
        Column("unreliable (U)", "share"),
        Column("provisional (P)", "share"),
        Column("no figure (O)", "share"),
    )
    rows: list[tuple[Cell, ...]] = []
    for table in facts.tables:
        found = table.observations
        shares = [
            sum("U" in each.flags for each in found),
            sum("P" in each.flags for each in found),
            sum(each.status == "O" for each in found),
        ]
        vector = table.release.noised[0]
        rows.append(
            (
                name_of(table),
                len(found),
                table.release.noise_sd,
                float(vector.half_width),
                *(share / len(found) for share in shares),
            )
        )
    return Table(columns, tuple(rows), "Precision")


def linkage_rates(declared: DeclaredRates) -> Table:
    """Return precision and recall of each two files as the linkage unit declares them, with 95 % intervals."""
    columns = (
        Column("files"),
        Column("precision", "share"),
        Column("± 95 %", "share"),
        Column("recall", "share"),
        Column("± 95 %", "share"),
    )
    rows = tuple(
        (
            " and ".join(pair.providers),
            pair.precision_per_mille / 1000,
            NORMAL_QUANTILE * pair.precision_error_per_mille / 1000,
            pair.recall_per_mille / 1000,
            NORMAL_QUANTILE * pair.recall_error_per_mille / 1000,
        )
        for pair in declared.pairs
    )
    return Table(columns, rows, f"Links of wave {declared.wave}, as declared without differential privacy")


def treatment(facts: Facts) -> Table:
    """Return one row a vector that got noise: its bound on one person and its price."""
    columns = (
        Column("table"),
        Column("vector"),
        Column("cells a person, at most", "count"),
        Column("squared L2 bound"),
        Column("noise SD", "number"),
        Column("rho", "number"),
    )
    rows = tuple(
        (
            name_of(table),
            vector.name,
            vector.bound_cells,
            str(vector.l2_squared),
            vector.noise_sd_millionths / 1_000_000,
            0.0 if table.release.derived_from else vector.nano_rho / BILLION,
        )
        for table in facts.tables
        for vector in table.release.noised
        if table.release.is_private
    )
    return Table(columns, rows, "Noise, bounds and prices")


def budget_over_time(facts: Facts) -> Columns:
    """Return the cumulative rho of all releases of the lineage with noise, in the order in which they were made."""
    private = [each for each in facts.releases if each.mechanism != CELL_KEY]
    spent = accumulate(each.nano_rho / BILLION for each in private)
    bars = tuple(
        Bar(f"{number}: {each.released_at[:10]}", total)
        for number, (each, total) in enumerate(zip(private, spent, strict=True), 1)
    )
    return Columns(
        title="Privacy budget over time",
        description=(
            "Cumulative rho of every release under the lineage, these tables among them; charges whose release failed "
            f"are not shown here, and count: of {facts.budget.total / BILLION:g} rho, "
            f"{facts.budget.total_left / BILLION:g} are left"
        ),
        x=Axis("release"),
        y=Axis("cumulative rho", kind="number"),
        bars=bars,
    )
