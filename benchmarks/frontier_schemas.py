"""Ways to spread the same variables over CLKs, from one CLK of everything to a CLK a field, at any hardness.

A part compared as one token (`exact`) is equal or unrelated; others are compared by bigrams. Parts of dates by bigrams
make people born in one year alike, which is what an attacker of several CLKs lives on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from linkage_core.schema import ClkSpec, LinkageSchema

DIGITS: Final = frozenset({"date", "year", "day", "postcode", "number"})
"""Variables whose bigrams are counted with their places."""


@dataclass(frozen=True, slots=True)
class Part:
    """A variable in a CLK: its share of the set bits, in any unit, and whether it is one token."""

    variable: str
    weight: float = 1.0
    exact: bool = False


Composition = Mapping[str, Sequence[Part]]
"""CLKs by name, each with its parts."""


def _whole(variable: str, weight: float = 1.0) -> Part:
    return Part(variable, weight, exact=True)


_GIVEN_DATE: Final = (Part("given"), _whole("date", 1.3))
_FAMILY_DATE: Final = (Part("family"), _whole("date", 1.3))
_NAMES_DATE: Final = (Part("names"), _whole("date", 1.3))
_NAMES_YEAR: Final = (Part("names"), _whole("year"))
_NAMES_DAY: Final = (Part("names"), _whole("day"))
_ALL: Final = (Part("given", 2), Part("family", 2), _whole("year", 1.2), _whole("day", 1.2), _whole("place"))

PEOPLE: Final[Mapping[str, Composition]] = {
    "one CLK": {"all": (Part("names", 2), Part("date"))},
    "2 CLKs": {"given-date": _GIVEN_DATE, "family-date": _FAMILY_DATE},
    "3 CLKs": {
        "given-date": _GIVEN_DATE,
        "family-date": _FAMILY_DATE,
        "all": (Part("given"), Part("family"), Part("date")),
    },
    "4 CLKs": {
        "given-date": _GIVEN_DATE,
        "family-date": _FAMILY_DATE,
        "names-year": _NAMES_YEAR,
        "names-day": _NAMES_DAY,
    },
    "5 CLKs": {
        "given-date": _GIVEN_DATE,
        "family-date": _FAMILY_DATE,
        "all": _ALL,
        "names-year": _NAMES_YEAR,
        "names-day": _NAMES_DAY,
    },
    "6 CLKs": {
        "given-date": _GIVEN_DATE,
        "family-date": _FAMILY_DATE,
        "all": _ALL,
        "names-date": _NAMES_DATE,
        "names-year": _NAMES_YEAR,
        "names-day": _NAMES_DAY,
    },
    "4 CLKs, dates by digits": {
        "given-birth": (Part("given", 1.3), Part("year"), Part("day")),
        "family-birth": (Part("family", 1.3), Part("year"), Part("day")),
        "names-year": (Part("names", 2), Part("year")),
        "names-day": (Part("names", 2), Part("day")),
    },
    "a CLK a field": {"given": (Part("given"),), "family": (Part("family"),), "date": (Part("date"),)},
}
"""Over given name, family name and birth date; from five on, over the municipality too.

`5 CLKs` is the default schema's composition, at one t for all. Bits are shared out so that one part in error does not
hide the rest.
"""

FEBRL4: Final[Mapping[str, Composition]] = {
    "one CLK": {
        "all": (
            Part("names", 3),
            Part("date", 2),
            Part("lines", 2),
            Part("place"),
            Part("postcode"),
            Part("number", 0.6),
        )
    },
    "2 CLKs": {"names-date": _NAMES_DATE, "date-lines": (_whole("date", 1.2), Part("lines"))},
    "4 CLKs": {
        "names-date": _NAMES_DATE,
        "names-postcode": (Part("names"), _whole("postcode", 0.8)),
        "names-lines": (Part("names"), Part("lines")),
        "date-lines": (_whole("date", 1.2), Part("lines")),
    },
    "a CLK a field": {name: (Part(name),) for name in ("names", "date", "lines", "place", "postcode")},
}
"""Over names, date and address."""


FEW_TS: Final = (1, 8, 12)
USUAL_T: Final = 8
USUAL_FILL: Final = 0.28
AT_FEW_TS: Final = ("one CLK", "4 CLKs", "a CLK a field")
AT_EVERY_T_AND_FILL: Final = "5 CLKs"


@dataclass(frozen=True, slots=True)
class Setting:
    """A composition at one t for all of its CLKs and one fill where nothing is missing."""

    composition: str
    t: int
    fill: float = USUAL_FILL

    @property
    def name(self) -> str:
        """What rows that belong together are called: several t in one, other fills in another."""
        return self.composition if self.fill == USUAL_FILL else f"{self.composition}, other fills"


def settings(compositions: Mapping[str, Composition], ts: Sequence[int], fills: Sequence[float]) -> list[Setting]:
    """Return what is measured: not the full product, which would take a day and show nothing more."""
    at_ts = [
        Setting(name, t)
        for name in compositions
        for t in ts
        if name == AT_EVERY_T_AND_FILL or (name in AT_FEW_TS and t in FEW_TS)
    ]
    at_fills = [Setting(AT_EVERY_T_AND_FILL, USUAL_T, fill) for fill in fills if AT_EVERY_T_AND_FILL in compositions]
    swept = {*AT_FEW_TS, AT_EVERY_T_AND_FILL}
    return at_ts + at_fills + [Setting(name, USUAL_T) for name in compositions if name not in swept]


def with_ts(schema: LinkageSchema, ts: Sequence[float]) -> LinkageSchema:
    """Return the schema with other hardness, one t a CLK, rounded."""
    paired = zip(schema.clks, ts, strict=True)
    return with_clks(schema, [clk.model_copy(update={"diffusion_t": max(1, round(t))}) for clk, t in paired])


def hardness(schema: LinkageSchema) -> str:
    """Return the t of a schema's CLKs as people read it: once if all have the same, else in their order."""
    ts = [clk.diffusion_t for clk in schema.clks]
    return str(ts[0]) if len(set(ts)) == 1 else ", ".join(map(str, ts))


def with_clks(schema: LinkageSchema, clks: Sequence[ClkSpec]) -> LinkageSchema:
    """Return the schema with other CLKs, unchecked: a CLK a field is what a checked one refuses."""
    return schema.model_copy(update={"clks": tuple(clks)})


def clks_of(composition: Composition, t: int, fill: float, length_bits: int) -> list[ClkSpec]:
    """Return the CLKs of a composition, each with this share of set bits where no part is missing."""
    return [_clk(name, parts, t, fill, length_bits) for name, parts in composition.items()]


def _clk(name: str, parts: Sequence[Part], t: int, fill: float, length_bits: int) -> ClkSpec:
    draws = -math.log(1 - fill) * length_bits  # bits drawn at random hit some places twice
    unit = draws / sum(part.weight for part in parts)
    return ClkSpec(
        name=name,
        clkhash={
            "version": 3,
            "clkConfig": {"l": length_bits, "kdf": {"type": "HKDF", "hash": "SHA256"}},
            "features": [_feature(part, round(unit * part.weight)) for part in parts],
        },
        diffusion_t=t,
        weight=1,
    )


def _feature(part: Part, bits: int) -> dict[str, Any]:
    bigrams = {"type": "ngram", "n": 2, "positional": part.variable in DIGITS}
    return {
        "identifier": part.variable,
        "format": {"type": "string", "encoding": "ascii"},
        "hashing": {
            "comparison": {"type": "exact"} if part.exact else bigrams,
            "strategy": {"bitsPerFeature": bits},
            "hash": {"type": "blakeHash"},
        },
    }
