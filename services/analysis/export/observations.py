"""A released table as observations: statuses, intervals and reasons, and the facts that belong to the whole table."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from disclosure.breaks import breaks_between
from disclosure.query.periods import MONTHS, Period, number_of
from disclosure.table import MILLION, Cell, Release
from linkage_core.agreement.canonical import canonical_bytes

TOTAL: Final = "_T"
"""SDMX's code for a total."""

ObservationStatus = Literal["A", "O", "U", "P"]
"""Codes of the cross-domain list CL_OBS_STATUS 2.2: normal; missing value; low reliability; provisional value.

One observation has one: missing comes before unreliable, unreliable before provisional; `flags` keeps all of them.
"""
ConfidentialityStatus = Literal["F", "N", "C"]
"""Codes of the cross-domain list CL_CONF_STATUS: free for publication; not for publication; confidential."""

CORRECTED: Final = ("corrected_value", "corrected_low", "corrected_high")
"""Columns of figures that allow for declared rates of linkage errors, where there are any."""

_NO_FIGURE: Final = "the noise leaves no figure"
_ABOVE: Final = "above the last bin: at least the lower end of the interval"
_TIME_AXES: Final = frozenset({"date", "year", "quarter", "month"})


@dataclass(frozen=True, slots=True)
class Observation:
    """One cell, or a sum of cells, in the table's unit; `coordinates` has `TOTAL` where it is summed over an axis.

    `value`, `low`, `high` are None where there is no figure, and `reason` then says why. `value` is raw: it may be
    negative, and is neither rounded nor clipped. The `corrected` figures allow for declared rates of linkage errors;
    None where none are declared or they do not reach the table.
    """

    coordinates: tuple[str, ...]
    value: float | int | None
    low: float | int | None
    high: float | int | None
    noise_sd: float
    status: ObservationStatus
    flags: str
    reason: str
    corrected_value: int | None = None
    corrected_low: int | None = None
    corrected_high: int | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A release as it is published: its observations, and the facts of the whole table by their SDMX names.

    `axes` are the names of the coordinates, and `categories` their categories in public order, without the total.
    `whole_time` is the time that a table without an axis of time is about, as SDMX writes it: that of an overlap is in
    its question, that of conflicts and links is the agreement's period, for they are about all rows. Empty where there
    is an axis of time, and where nobody told the period of the agreement that the table was released under.
    """

    release: Release
    axes: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    observations: tuple[Observation, ...]
    totals: tuple[Observation, ...]
    confidentiality: ConfidentialityStatus
    facts: Mapping[str, str | int]
    whole_time: str = ""

    @property
    def time_axis(self) -> str | None:
        """The axis of time, or None: overlaps, conflicts and links have none."""
        return _time_axis(self.axes)


def publication(
    release: Release,
    wave: str,
    *,
    previous: tuple[Release, str] | None = None,
    confidentiality: ConfidentialityStatus = "F",
    period: tuple[datetime.date, datetime.date] | None = None,
) -> Publication:
    """Return a release as it is published.

    `period`: first and last day of the agreement that it was released under, which tables about all rows are about.
    `previous` is the release, with its wave, that this one follows in a series: what differs besides the time is a
    break in the series, and is named.
    """
    axes = release.axes
    categories = tuple(tuple(dict.fromkeys(cell.coordinates[i] for cell in release.cells)) for i in range(len(axes)))
    places = {name: place for place, name in enumerate(release.totals_axes)}
    spread = [
        (cell, tuple(cell.coordinates[places[axis]] if axis in places else TOTAL for axis in axes))
        for cell in release.totals
    ]
    if release.question.get("over") or release.question.get("at"):
        period = _interval(release)
    return Publication(
        release=release,
        axes=axes,
        categories=categories,
        observations=tuple(_observation(release, cell, cell.coordinates) for cell in release.cells),
        totals=tuple(_observation(release, cell, where) for cell, where in spread),
        confidentiality=confidentiality,
        facts=_facts(release, wave, previous, period),
        whole_time="" if period is None or _time_axis(axes) else time_period(*period),
    )


def time_period(first: datetime.date, last: datetime.date) -> str:
    """Return an interval as SDMX's TIME_PERIOD: a year, quarter or month if it is a whole one, else start/duration."""
    for unit in MONTHS:
        whole = Period(unit, number_of(first, unit))
        if (whole.first, whole.last) == (first, last):
            return whole.label
    return f"{first.isoformat()}/P{(last - first).days + 1}D"


def _observation(release: Release, cell: Cell, coordinates: tuple[str, ...]) -> Observation:
    reason = _NO_FIGURE if "N" in cell.flags else _ABOVE if "A" in cell.flags else ""
    status: ObservationStatus = "A"
    if cell.value is None:
        status = "O"
    elif "U" in cell.flags:
        status = "U"
    elif "P" in cell.flags:
        status = "P"
    return Observation(
        coordinates,
        release.figure(cell.value),
        release.figure(cell.low),
        release.figure(cell.high),
        cell.noise_sd_millionths / MILLION,
        status,
        "".join(cell.flags),
        reason,
        *(() if cell.corrected is None else (cell.corrected.value, cell.corrected.low, cell.corrected.high)),
    )


def _facts(
    release: Release,
    wave: str,
    previous: tuple[Release, str] | None,
    period: tuple[datetime.date, datetime.date] | None,
) -> dict[str, str | int]:
    breaks = () if previous is None else breaks_between(previous, (release, wave))
    return {
        "UNIT_MEASURE": release.unit,
        "UNIT_MULT": 0,
        "DECIMALS": release.decimals,
        "MECHANISM": release.mechanism,
        "NANO_RHO": release.nano_rho if release.is_private else "",
        "PERTURBATION": "" if release.is_private else release.explanation,
        "CONFIDENCE_PER_CENT": 95,
        "INTERVAL_COVERS": "noise" if release.is_private else release.covers,
        "CORRECTED_COVERS": release.covers if release.covers == "noise and linkage" else "",
        "LINKAGE": release.explanation if release.is_private else "",
        "LINKAGE_RATES": "" if release.declared_rates is None else json.dumps(dict(release.declared_rates)),
        "NOISE": "; ".join(
            f"{vector.name}: SD {vector.noise_sd_millionths / MILLION:g}, at most {vector.bound_cells} cells a person, "
            f"squared L2 bound {vector.l2_squared}, {vector.nano_rho} nano-rho"
            for vector in release.noised
            if release.is_private
        ),
        "CELLS_PER_PERSON": release.bound_cells if release.is_private else "",
        "L2_SQUARED": release.noised[0].l2_squared if release.is_private else "",
        "REFERENCE_PERIOD": _reference_period(release, period),
        "BREAK_IN_SERIES": "; ".join(breaks),
        "PREVIOUS_RELEASE": "" if previous is None else previous[0].release_id,
        "RELEASE_ID": release.release_id,
        "DERIVED_FROM": release.derived_from,
        "RELEASED_AT": release.released_at,
        "WAVE": wave,
        "DATA_VERSION": release.data_version,
        "AGREEMENT": release.agreement_hash,
        "QUESTION": canonical_bytes(dict(release.question)).decode(),
        "QUESTION_HASH": release.question_hash,
    }


def _time_axis(axes: tuple[str, ...]) -> str | None:
    return axes[0] if axes[0] in _TIME_AXES else None


def _interval(release: Release) -> tuple[datetime.date, datetime.date] | None:
    match release.question.get("over"):
        case {"start": str(start), "end": str(end)}:
            return datetime.date.fromisoformat(start), datetime.date.fromisoformat(end)
        case _:
            return None


def _reference_period(release: Release, period: tuple[datetime.date, datetime.date] | None) -> str:
    match release.question.get("over") or release.question.get("at"):
        case [*times]:
            return ", ".join(map(str, times))
        case _:
            return "" if period is None else "/".join(day.isoformat() for day in period)


def rows(publication: Publication, *, with_totals: bool = False) -> dict[str, list[Any]]:
    """Return the observations as columns: the axes, then value, low, high, noise_sd, obs_status, flags, reason.

    Where the table was corrected for errors of linkage, corrected_value, corrected_low and corrected_high follow. A
    table that is not differentially private says so in each row, in a column `mechanism`: rows travel without the rest.
    """
    found = (*publication.observations, *(publication.totals if with_totals else ()))
    columns: dict[str, list[Any]] = {
        axis: [each.coordinates[i] for each in found] for i, axis in enumerate(publication.axes)
    }
    for name in ("value", "low", "high", "noise_sd", "status", "flags", "reason"):
        columns[{"status": "obs_status"}.get(name, name)] = [getattr(each, name) for each in found]
    if any(each.corrected_value is not None for each in found):
        columns |= {name: [getattr(each, name) for each in found] for name in CORRECTED}
    if not publication.release.is_private:
        columns["mechanism"] = [publication.release.mechanism] * len(found)
    return columns
