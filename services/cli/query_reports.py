"""How `symbolon query` tells of plans and of synthetic files."""

from typing import TYPE_CHECKING

from services.cli.outcome import results, talk

if TYPE_CHECKING:
    from disclosure.planning import Option, Plan
    from disclosure.utility import UtilityReport

BILLION = 1_000_000_000


def print_plan(found: "Plan", relative_percent: int, *, figures: bool) -> None:
    """Print which cells would be usable and what would make more of them so; `figures`: whether some were given."""
    if found.asked is None and not found.missing and figures:
        results.print("usable cells: not available for this measure")
    elif found.asked is None:
        missing = f" for {', '.join(found.missing)}" if found.missing else ""
        results.print(f"usable cells: not available without figures{missing} ([expected] in the question, or --past)")
    else:
        results.print(f"expected: {_usable(found.asked)} (an interval of at most ± {relative_percent} % of the count)")
        if found.nano_rho is not None:
            price = f"rho {found.nano_rho / BILLION:g}"
            results.print(f"95 % of the persons would be in usable cells at ± {found.half_width}: {price}")
        for option in found.coarser:
            changes = [f"without {', '.join(option.left_out)}"] if option.left_out else []
            changes += [f"by {option.unit}"] if option.unit else []
            price = f"± {option.half_width}, rho {option.nano_rho / BILLION:g}"
            results.print(f"{' and '.join(changes)}: {_usable(option)}; {price}")
    if found.cut_per_mille is None:
        results.print("cut off by the bound on one person's cells: not available without expected.cells_per_person")
    elif found.cut_per_mille:
        results.print(f"cut off by the bound on one person's cells: {found.cut_per_mille / 10:g} % of what is counted")


def print_utility(report: "UtilityReport") -> None:
    """Print how near a synthetic file comes to its margins, and what it is not for."""
    from rich.table import Table

    table = Table(title=f"{report.persons} invented persons beside the margins of release {report.release_id}")
    for heading in ("margin", "cells", "distance", "of noise alone", "link"):
        table.add_column(heading, justify="left" if heading in ("margin", "link") else "right")
    for line in report.margins:
        link = "" if len(line.margin) == 1 else "measured" if line.linked else "supposed"
        table.add_row(
            " × ".join(line.margin),
            str(line.cells),
            f"{line.distance / 1e6:.4f}",
            f"{line.noise_alone / 1e6:.4f}",
            link,
        )
    results.print(table)
    for sentence in report.limits:
        talk.print(sentence)


def _usable(option: "Option") -> str:
    return (
        f"{option.usable_cells} of {option.cells} cells usable, with {option.usable_per_mille / 10:g} % of the persons"
    )
