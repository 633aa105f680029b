"""What is computed on identifiers and encodings: no network, no storage, no clock.

Start with `linkage_core.linking.run` (a linkage run in numbered steps) and
`linkage_core.agreement` (what the parties signed).
"""
