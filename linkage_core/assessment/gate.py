"""Whether a linkage schema may be agreed: not one that the known-pair attackers open on invented people.

What is measured is the schema on people like those of any country, not anybody's file: an office that links a larger or
more uniform population attacks that with `benchmarks frontier` too. What a gate lets pass has resisted these attacks
at this size only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from linkage_core.assessment.known_pairs import KNOWN_SHARE, AttackResult
from linkage_core.errors import Refused

GATE_PEOPLE: Final = 2000
"""Invented people that a schema is attacked on: large enough to tell open from closed, attacked in seconds."""

LIMITS: Final[Mapping[str, float]] = MappingProxyType({"codebook": 0.05, "ridge": 0.05, "expected codes": 0.1})
"""Greatest share re-identified that is let pass, by attack. Weak schemas open by tens of per cent; keys drawn anew move
a figure by half a per cent here."""

CLAUSE: Final = "linkage.clks"


def describe(results: Mapping[str, AttackResult]) -> str:
    """Return each attack's figure in words, for whoever signs."""
    figures = (f"{name} {result.share:.1%} (at most {result.upper:.1%})" for name, result in results.items())
    return f"re-identified of invented people by an attacker who knows {KNOWN_SHARE:.0%} of them: {', '.join(figures)}"


def require_closed(results: Mapping[str, AttackResult]) -> None:
    """Raise `Refused` with the figures and what to change if an attack re-identified more than its limit.

    Were this wrong, parties would agree on encodings that the linkage unit could read by a code book.
    """
    limits = ", ".join(f"{name} {limit:.0%}" for name, limit in LIMITS.items())
    if any(result.share > LIMITS[name] for name, result in results.items()):
        raise Refused(
            CLAUSE,
            f"{describe(results)}; limits: {limits}. Mix at least two parts of high entropy in every "
            "CLK, compare dates as one token (`exact`), leave out CLKs that people share who are not the same, raise "
            "diffusion_t, set more bits (a fill of .25 to .35), or leave out frequency_classes where there are any",
        )
