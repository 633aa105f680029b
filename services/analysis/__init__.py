"""The analysis service: takes payload under tokens, and answers analysts through the one door of release.

`intake` tells in numbered steps how a delivery becomes tables under synthetic keys, `queries` how a question becomes
a released table; read these two first. Beside them: `opening` (sealed chunks to columns), `wave_keys`, `roster`,
`store` (everything durable), `servicer` and `service` (the process), `client` (the analyst's side).
"""
