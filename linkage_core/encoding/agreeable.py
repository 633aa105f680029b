"""What an agreement may ask for: less than what can be encoded, so that every CLK under it is as hard as it looks.

Standardisation has decided what a value is, so formats are plain strings. A stand-in for missing values would give
all who lack a value shared bits, and XOR folding does not harden.
"""

from collections.abc import Iterator, Sequence

from linkage_core.encoding.encodable import compile_schema
from linkage_core.errors import InputFault
from linkage_core.schema import ClkSpec


def require_agreeable(clks: Sequence[ClkSpec]) -> None:
    """Raise one `InputFault` that lists every fault of CLKs that may not be agreed, or that could not be encoded.

    Checked before anyone signs, and again by every agent before a key is used.
    """
    faults: list[str] = []
    for spec in clks:
        try:
            compile_schema(spec)
        except InputFault as fault:
            faults += [f"linkage.clks.{spec.name}: {reason}" for reason in fault.faults]
        faults += [f"linkage.clks.{spec.name}: {reason}" for reason in _faults(spec)]
    if faults:
        raise InputFault("the linkage schema may not be agreed", tuple(faults))


def _faults(spec: ClkSpec) -> Iterator[str]:
    if spec.clkhash["clkConfig"].get("xor_folds"):
        yield "clkConfig: XOR folding may not be agreed, it does not harden"
    for feature in spec.clkhash["features"]:
        name = feature["identifier"]
        form = feature.get("format", {})
        if form.get("type") != "string" or set(form) - {"type", "encoding", "description"}:
            yield f"feature {name}: format must be a plain string, standardisation has decided the rest"
        elif form.get("encoding", "utf-8") not in ("ascii", "utf-8"):
            yield f"feature {name}: encoding must be ascii or utf-8"
        hashing = feature.get("hashing", {})
        if "missingValue" in hashing:
            yield f"feature {name}: missingValue must be absent, a missing value sets no bits"
        if hashing.get("comparison", {}).get("type") == "numeric":
            yield f"feature {name}: numeric comparison of text is not supported"
