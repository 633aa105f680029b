"""One CLK of a chunk of records: bits as clkhash defines them, diffused, absent where too little is known."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from linkage_core.encoding.diffusion import diffuse, diffusion_indices
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.records import EncodedClk, Fill
from linkage_core.schema import ClkSpec, Variable
from linkage_core.standardise.run import StandardisedRecords

LEAST_QUASI_IDENTIFIERS = 2
"""A code of one quasi-identifier alone (a birth date, a common name) is shared by many people: a code book's entry."""


class ClkHardener:
    """Makes of a CLK's bits what may be uploaded, for all chunks of a file."""

    def __init__(self, spec: ClkSpec, variables: Mapping[str, Variable], keys: LinkageKeys) -> None:
        self._sources = sorted({source for feature in spec.features for source in variables[feature].of})
        self._length_bits = spec.length_bits
        self._indices = diffusion_indices(keys.diffusion(spec.name), spec.length_bits, spec.diffusion_t)

    def harden(self, bits: NDArray[np.uint8], records: StandardisedRecords) -> EncodedClk:
        """Return the CLKs of a chunk, given their bits, which are used up: where a CLK is absent they become zero.

        A record that lacks some parts is encoded from the others; one with fewer than two of its quasi-identifiers has
        no such CLK, so that neither two empty codes nor a code book of one column can ever be compared.
        """
        known = np.zeros(records.rows, dtype=np.uint8)
        for source in self._sources:
            known += records.present[source]
        present: NDArray[np.bool_] = known >= LEAST_QUASI_IDENTIFIERS
        bits[~present] = 0
        set_bits = int(np.bitwise_count(bits.view(np.uint64)).sum(dtype=np.int64))
        fill = Fill(int(present.sum()), set_bits, self._length_bits)
        return EncodedClk(diffuse(bits, self._indices), present, fill)
