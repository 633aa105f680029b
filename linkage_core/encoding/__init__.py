"""From standardised records to what a linkage unit may see: diffused CLKs, match keys, handles, key checks.

Only provider agents import this: whoever holds the linkage secret and these functions can run a dictionary attack on
every provider's CLKs. Start with `run.py` (a chunk of records, encoded in numbered steps).
"""
