"""Which pairs of records look alike: Dice of CLKs, all pairs exactly, in blocks of rows."""
