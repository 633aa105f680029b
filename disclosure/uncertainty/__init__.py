"""Intervals that allow for noise and for linkage error; nothing here sees a true count.

`linked_cells`: what a missed and a false link do to a table, cell by cell. `rates`: what is known of the links.
`adjusting`: the estimate and its variance.
"""
