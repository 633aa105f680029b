"""Near pairs without comparing all: locality-sensitive hashing by sampled bits, its plan, and what it misses."""
