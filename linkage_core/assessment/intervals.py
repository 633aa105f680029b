"""Exact upper bounds of shares: what a measurement on a sample leaves possible."""

import math
from typing import Final

CONFIDENCE: Final = 0.95
_HALVINGS: Final = 60
"""Of the interval [0, 1]: below the precision of a double."""


def upper_bound(hits: int, of: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided Clopper–Pearson upper bound of a share that was `hits` of `of` in a sample; 1 for no sample.

    The greatest share at which so few hits still have a probability of at least 1 - `confidence`. ValueError unless
    0 <= hits <= of. Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} hits of {of}")
    if hits == of:
        return 1.0
    low, high = hits / of, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _at_most(hits, of, middle) >= 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, of: int, share: float) -> float:
    """Probability of at most so many hits, by logarithms: powers of small shares would vanish."""
    if share in (0.0, 1.0):
        return float(share == 0.0 or hits == of)
    log, log_not = math.log(share), math.log1p(-share)
    everything = math.lgamma(of + 1)
    terms = (
        everything - math.lgamma(n + 1) - math.lgamma(of - n + 1) + n * log + (of - n) * log_not
        for n in range(hits + 1)
    )
    return math.fsum(math.exp(term) for term in terms)
