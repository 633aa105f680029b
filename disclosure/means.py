"""A mean from a noisy sum and a noisy count, with Fieller's interval.

The ratio of two noisy numbers has no variance: where the count could be nought, neither has it an interval, and no
figure is given. Source: Fieller (1954), "Some problems in interval estimation".
"""

import math

from disclosure.post_selection import NORMAL_QUANTILE
from disclosure.table import MILLION


def mean_estimate(
    total: int, count: int, total_sd_millionths: int, count_sd_millionths: int, decimals: int
) -> tuple[int, int, int, int] | None:
    """Return mean, both ends of its 95 % interval and its approximate SD, or None where the count may be nought.

    Mean and ends are in steps of one over ten to the `decimals`, the ends rounded outward; the SD is in millionths. The
    interval holds every ratio r for which total − r·count is no further from 0 than its noise allows.
    """
    total_sd, count_sd = total_sd_millionths / MILLION, count_sd_millionths / MILLION
    a = count**2 - (NORMAL_QUANTILE * count_sd) ** 2
    if count <= 0 or a <= 0:
        return None
    c = total**2 - (NORMAL_QUANTILE * total_sd) ** 2
    root = math.sqrt(max(0.0, (total * count) ** 2 - a * c))
    low, high = (total * count - root) / a, (total * count + root) / a
    step = 10**decimals
    return (
        round(total * step / count),
        math.floor(low * step),
        math.ceil(high * step),
        math.ceil((high - low) / (2 * NORMAL_QUANTILE) * MILLION),
    )
