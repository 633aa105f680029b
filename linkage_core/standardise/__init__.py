"""One spelling for what agencies spell differently: names, dates, sex, countries, identifiers, addresses.

Only provider agents run this. Start with `run.py` (columns in, variables out); `rules.py` digests every table, so that
an agreement pins the rules and two agents with different rules refuse each other before anything is uploaded.
"""
