"""What an agency is told about its own files: on its screen, as a page, and as JSON. It is sent to nobody.

    1. `notes`     what was found that is worth a look, and what to do about it
    2. `columns`   sections of the page on the quasi-identifiers: fill, validity, values, names, dates
    3. `people`    sections on whole rows: what is missing together, persons twice
    4. `payload`   a section for each payload table
    5. `report`    the whole page
    6. `summary`   the table on the screen

Counts only: no value of a person is in any of them. A count that belongs to one public value, as a country or a year of
birth, is told from `FEWEST_TOLD` on.
"""
