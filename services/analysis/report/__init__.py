"""A quality report on released tables, under the headings of SIMS 2.0 (ESS): drafted from facts, finished by people.

    1. `facts`    what is known: the agreement, the tables, the list of releases, the budget
    2. `accuracy` estimates with intervals, and the budget over time, as tables and charts
    3. `confidentiality` S.7 in words: the guarantee, and the tables that it does not cover
    4. `headings` S.1 to S.19: what the facts fill, and what only the office can write
    5. `draft`    the report as a value, which is a page and JSON

Everything in it was released, is in the signed agreement, or is public: it costs nothing.
"""
