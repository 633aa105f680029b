"""How good a linkage is."""
