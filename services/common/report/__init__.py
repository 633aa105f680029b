"""Pages that an agency's or the linkage unit's operator reads: facts once, as HTML with charts and as JSON.

    1. `document`  a report as values: sections of tables, charts and notes
    2. `charts`    what can be drawn, and the table that says the same
    3. `drawing`   a chart as SVG, on the machine, without the network
    4. `page`      the report as one self-contained HTML file: no script, nothing loaded from outside

A report holds what its maker puts into it: counts, shares, names of fields. It is sent to nobody.
"""
