"""The few cryptographic constructions of the protocol, each a thin use of the `cryptography` package.

`secret` holds keys that cannot be printed or pickled, `kdf` derives keys by label, `hpke` seals for one
recipient, `signing` signs what a party says.
"""
