"""The provider agent: the one process that sees identifiers and the linkage secret, on the data provider's premises.

Start with `pipeline.py` (the steps, numbered). `reader` and `mapping` bring an agency's files in, `identities` and
`payload` validate them, `encode` and `delivery` make what is sent, `outbox` keeps it until it is received.
"""
