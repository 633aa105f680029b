"""What an agency's files look like, in counts: the statistics behind `symbolon agent check --html`.

    1. `columns`       each quasi-identifier's distinct values: as keyed images, with what is odd in their spelling
    2. `value_counts`  how often each image occurs, in bounded memory: distinct, once, heaviest
    3. `calendar`      dates: heaping, ages, exchanged day and month
    4. `people`        rows: what is missing together, persons who seem to be there twice, exchanged names
    5. `payload`       payload columns: fill, and counts by what the agreement makes public
    6. `identities`    the identities file, columns and rows together

Memory is bounded whatever the file's length (`value_counts`). No value of a person leaves these modules: images are
made under a key that lives as long as the check.
"""
