"""The vocabulary of the linkage floor as types: identifiers that must not be mixed up."""

from typing import Final, NewType

PartyName = NewType("PartyName", str)
"""Short name of a party inside one agreement, e.g. `tax`; unique within it."""

LocalId = NewType("LocalId", str)
"""A data provider's own person number. Never leaves the provider agent."""

RowId = NewType("RowId", bytes)
"""128 random bits naming one uploaded identity row of one wave."""

Handle = NewType("Handle", bytes)
"""128-bit keyed image of a local id: stable across waves, meaningless outside its provider and the linkage unit."""

GroupId = NewType("GroupId", bytes)
"""128 random bits naming a linkage group in the linkage unit's registry. Never leaves the linkage unit."""

GroupPseudonym = NewType("GroupPseudonym", bytes)
"""The 128-bit value *y* inside a token: a keyed image of the group id, seen in clear by the analysis service only."""

SyntheticKey = NewType("SyntheticKey", bytes)
"""128-bit key of a person in the analysis service; a permutation of *y* under the analysis service's own key."""

Lineage = NewType("Lineage", bytes)
"""128 random bits, fixed in version 1 of an agreement and kept by every amendment."""

AgreementHash = NewType("AgreementHash", bytes)
"""SHA-256 of an agreement's canonical JSON without signatures."""

WaveName = NewType("WaveName", str)
"""Name of one delivery round, as the agreement lists it, e.g. `2025`."""

ClkName = NewType("ClkName", str)
"""Name of one CLK of the linkage schema."""

MatchKeyName = NewType("MatchKeyName", str)
"""Name of one match key of the linkage schema."""

VariableName = NewType("VariableName", str)
"""Name of one variable of the linkage schema, as frequency classes have it."""

IDENTIFIER_BYTES: Final = 16
"""Length of row ids, handles, group ids, pseudonyms, synthetic keys, match keys and lineages."""
