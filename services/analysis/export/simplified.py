"""A published table with figures for readers beside the raw ones, and what that does to them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from disclosure.errors import QueryFault
from disclosure.simplification import rounded, rounding_effect, suppression_effect
from services.analysis.export.frames import frame
from services.analysis.export.observations import Publication

if TYPE_CHECKING:
    import pandas as pd

_TRUTHS = (0.5, 1.0, 1.5, 2.0, 4.0)
"""True values at which the effect of suppression is told, as multiples of the least value that is shown."""


def simplified_frame(
    publication: Publication, minimum_cell_count: int, *, suppress: bool, round_to: int
) -> "pd.DataFrame":
    """Return the table with a column `shown`, and `attrs["effects"]`; raises `QueryFault` for tables with decimals.

    Flags, which say what is unreliable, are those of the release.
    """
    import pandas as pd

    release = publication.release
    if release.decimals or release.noised[0].name != "count":
        raise QueryFault("only tables of counts are shown simplified: other values have no base to be rounded to")
    if not release.is_private:
        raise QueryFault("effects on bias and coverage are known for noise only, not for cell-key perturbation")
    table = frame(publication)
    shown = [
        None if each.value is None or (suppress and "U" in each.flags) else rounded(int(each.value), round_to)
        for each in publication.observations
    ]
    table["shown"] = pd.array(shown, dtype="Int64")
    effects: dict[str, Any] = {"protection": "none: the table is protected by its noise alone"}
    if round_to > 1:
        effects["rounding"] = asdict(rounding_effect(round_to, release.noise_sd, release.half_width))
        effects["totals"] = "rounded cells do not add up to rounded totals"
    if suppress:
        least = max(2 * release.half_width, minimum_cell_count)
        effects["suppression"] = [
            asdict(suppression_effect(share * least, release.noise_sd, release.half_width, minimum_cell_count))
            for share in _TRUTHS
        ]
    table.attrs["effects"] = effects
    return table
