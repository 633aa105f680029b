"""One CLK of a chunk of records: bits as clkhash defines them, diffused, absent where too little is known."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedClk, Fill
from linkage_core.encoding.reference import encode_reference
from linkage_core.schema import ClkSpec, Variable
from linkage_core.standardise.run import StandardisedRecords

LEAST_QUASI_IDENTIFIERS = 2
"""A code of one quasi-identifier alone (a birth date, a common name) is shared by many people: a code book's entry."""


def encode_clk(
    spec: ClkSpec, variables: Mapping[str, Variable], records: StandardisedRecords, keys: LinkageKeys
) -> EncodedClk:
    """Encode one CLK of every record.

    A record that lacks some parts is encoded from the others; one with fewer than two of its quasi-identifiers has
    no such CLK, so that neither two empty codes nor a code book of one column can ever be compared.
    """
    sources = sorted({source for feature in spec.features for source in variables[feature].of})
    known = np.stack([records.present[source] for source in sources]).sum(axis=0, dtype=np.int64)
    present: NDArray[np.bool_] = np.greater_equal(known, LEAST_QUASI_IDENTIFIERS)
    bits = encode_reference(spec, keys.clk(spec.name), [records.values[feature] for feature in spec.features])
    bits = np.where(present[:, np.newaxis], bits, np.uint8(0))
    fill = Fill(int(present.sum()), int(np.bitwise_count(bits).sum(dtype=np.int64)), spec.length_bits)
    indices = diffusion_indices(keys.diffusion(spec.name), spec.length_bits, spec.diffusion_t)
    return EncodedClk(diffuse(bits, indices), present, fill)
