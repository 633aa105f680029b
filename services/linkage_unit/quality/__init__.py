"""What the linkage unit's operator is told about a wave's links: on the screen, as pages, and as JSON.

    1. `stored`        the model as it is kept with its run
    2. `wave`          a linked wave: its model and the counts of its signed manifest
    3. `words`         names of files, levels and classes, and the sentences that stand on every page
    4. `notes`         what was found that calls for a look, and what to do about it
    5. `model_page`    how pairs were weighed
    6. `quality_page`  how good the links are: by pair of files, by quality class, by threshold

For the operator only. How many links there are and how sure they are says how files overlap: nothing of it goes to a
provider, and what is published from it is charged to the privacy budget or declared in the agreement.
"""
