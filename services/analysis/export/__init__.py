"""A released table as files that others read, each with everything that belongs to it.

    1. `observations`    a release as observations with status, interval and noise, and what belongs to the whole table
    2. `frames`          the same as data frame, CSV and Parquet
    3. `sdmx_structure`  the same as data structure, concepts and code lists of SDMX 3.0
    4. `sdmx`            SDMX-CSV 2.0 and SDMX-ML 3.0, written and validated by pysdmx
    5. `files`           one door for all formats
    6. `combined`, `simplified`  reconciled tables, accounts, and figures for readers, as data frames

Everything is post-processing of a released table: it costs nothing, and sees no true number.
"""
