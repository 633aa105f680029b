"""The linkage unit: mailbox, intake of encoded files, linking, sealed tokens. `unit` says what it is made of.

It sees encodings, keyed match keys, handles and counts; never an identifier, the linkage secret or payload.
"""
