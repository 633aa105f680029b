"""What may leave the analysis service, and at what price in privacy.

`release` is the one door and tells the story in numbered steps: read it first. `query` is the closed language that a
question is written in, `compilation` turns it into SQL with bounded contributions, `measurements` (the only importer
of opendp) adds noise, `ledger` keeps the budget, `table` is what an analyst gets.
"""
