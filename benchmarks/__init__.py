"""Measurements beside the field's own tools, in one run, as tables. They print and keep; they never judge by time.

Figures of one machine say little: ratios between rows of one run say more. `python -m benchmarks [name ...]`.

A benchmark is a module with `table(quick=False)`, which returns one `benchmarks.table.Table`: at full size in minutes,
quick in seconds. `at_size(…)` measures the same at sizes of the caller's choice, so that tests run it tiny.
"""
