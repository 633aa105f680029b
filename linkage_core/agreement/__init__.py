"""The data-sharing agreement: what the parties signed, and whether it allows a step.

`document` types it, `canonical` gives its bytes and digest, `signatures` signs and verifies it, `doors` refuses what
it does not allow, `amendments` tells whether one version may follow another.
"""
