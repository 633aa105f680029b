"""Shares of a source's persons who are linked, by group, from a charged table of the measure `links` alone."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from disclosure.means import mean_estimate
from disclosure.measurements import summed_noise_sd
from services.analysis.export.observations import Publication
from services.analysis.report.facts import name_of
from services.common.report.charts import Axis, Bar, Dots

NOT_LINKED: Final = "not_linked"
"""The category of persons whose rows no link holds (`disclosure.grid.QUALITY_CLASSES`)."""

STEPS: Final = 6
"""Places behind the point of the ratio."""


def linked_shares(table: Publication) -> Dots:
    """Return the shares of linked persons by group, with 95 % intervals; groups too small for one are left out.

    With u persons not linked and l linked the share is 1 / (1 + u/l). u and l have independent noise, so u/l has
    Fieller's interval, and the share that of u/l turned over. Noise may make u negative; no share is shown above 1.
    """
    noise_sd = table.release.noised[0].noise_sd_millionths
    return Dots(
        title=f"Linked persons: {name_of(table)}",
        description="Share of persons who are linked, with 95 % intervals; these cover the noise. A person who is not "
        "linked may be in no other file, so this is no recall",
        labels=" · ".join(table.axes[1:]) or "source",
        measure=Axis("linked", kind="share"),
        dots=tuple(_bars(table, noise_sd)),
    )


def _bars(table: Publication, noise_sd: int) -> Iterator[Bar]:
    groups: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for cell in table.release.cells:
        groups[cell.coordinates[1:]][cell.coordinates[0]] = cell.value or 0
    for coordinates, counts in groups.items():
        not_linked = counts.pop(NOT_LINKED)
        sd = summed_noise_sd(noise_sd, len(counts))
        found = mean_estimate(not_linked, sum(counts.values()), noise_sd, sd, STEPS)
        if found is not None:
            value, low, high = (_share(ratio / 10**STEPS) for ratio in found[:3])
            yield Bar(label=" · ".join(coordinates) or "all", value=value, low=high, high=low)


def _share(not_linked_per_linked: float) -> float:
    return 1 / (1 + max(not_linked_per_linked, 0.0))
