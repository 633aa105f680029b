"""Whether measured encodings are as hard as the agreement demands, before anything is sent."""

from collections.abc import Iterator, Mapping

from linkage_core.agreement.clauses import Hardening
from linkage_core.encoding.diffusion import expected_d
from linkage_core.encoding.records import Fill
from linkage_core.errors import Refused
from linkage_core.schema import ClkSpec, LinkageSchema
from linkage_core.types import ClkName


def require_hardening(schema: LinkageSchema, hardening: Hardening, fills: Mapping[ClkName, Fill]) -> None:
    """Raise `Refused`, naming the clause and every fault, unless each CLK's fill, t, D and length are as agreed.

    `fills` are measured over a whole file. A CLK that no record of the file has is not judged by its fill.
    Were this wrong, the linkage unit could re-identify records of a weak file by their neighbours.
    """
    faults = [fault for spec in schema.clks for fault in _faults(spec, hardening, fills.get(ClkName(spec.name)))]
    if faults:
        raise Refused(faults[0][0], "; ".join(f"{message} ({clause})" for clause, message in faults))


def _faults(spec: ClkSpec, hardening: Hardening, fill: Fill | None) -> Iterator[tuple[str, str]]:
    if spec.diffusion_t < hardening.minimum_t:
        yield (
            "hardening.minimum_t",
            f"CLK {spec.name} has t = {spec.diffusion_t}, below {hardening.minimum_t}: agree on a larger diffusion_t",
        )
    if spec.length_bits < hardening.minimum_length_bits:
        yield (
            "hardening.minimum_length_bits",
            f"CLK {spec.name} has {spec.length_bits} bits, below {hardening.minimum_length_bits}: agree on a larger "
            "clkConfig.l",
        )
    if fill is None or fill.encodings == 0:
        return
    per_mille = fill.share * 1000
    if per_mille < hardening.lowest_fill_per_mille:
        yield (
            "hardening.lowest_fill_per_mille",
            f"CLK {spec.name} has fill {per_mille:.0f} per mille, below {hardening.lowest_fill_per_mille}: agree on "
            f"more bitsPerFeature, or see with `symbolon agent check` whether {_variables(spec)} are often missing",
        )
    if per_mille > hardening.highest_fill_per_mille:
        yield (
            "hardening.highest_fill_per_mille",
            f"CLK {spec.name} has fill {per_mille:.0f} per mille, above {hardening.highest_fill_per_mille}: agree on "
            "fewer bitsPerFeature",
        )
    d_ppm = expected_d(fill.share, spec.diffusion_t) * 1_000_000
    if d_ppm > hardening.maximum_d_ppm:
        yield (
            "hardening.maximum_d_ppm",
            f"CLK {spec.name} has D = {d_ppm:.0f} ppm, above {hardening.maximum_d_ppm}: agree on a larger diffusion_t, "
            "or on bitsPerFeature that bring fill nearer to 500 per mille",
        )


def _variables(spec: ClkSpec) -> str:
    return ", ".join(dict.fromkeys(spec.features))
