"""Measurements beside the field's own tools, in one run, as tables. They print; they never judge by time.

Figures of one machine say little: ratios between rows of one run say more. `python -m benchmarks [name ...]`.
"""
