"""Answer one question of `benchmarks.analysis_peers` by OpenDP's Context over clear Parquet; print what it took.

Runs in an environment of its own (requirements/opendp_context.txt), so it imports nothing of this project. The question
is a JSON document:

| field              | what it holds                                                                   |
|--------------------|---------------------------------------------------------------------------------|
| name               | stock: persons with a spell on `day`; persons: persons seen in each of `years`   |
| rows, persons      | paths of two Parquet files, joined by `synthetic_key`                           |
| keys               | public cells: columns by name, all of one length                                |
| cells_per_person   | in how many cells one person counts at most                                     |
| rho                | price                                                                           |
| scratch            | folder for what a peer writes while it works                                    |

What the Context demanded of the data, found by trying (OpenDP 0.16.0): identifiers are text, since binary columns are
unknown to it; dates are days since 1970, since a literal date is; both are made before it sees the frame.
Persons in several periods are bounded by two `truncate_per_group`, one row a cell and then so many rows a person, both
chosen at random: `truncate_num_groups` fails when it releases with its default `keep="sample"`, after the budget is
spent, and with `keep="first"` keeps the earliest years.
"""

import argparse
import datetime
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

# Neither extra is installed where types are checked.
import opendp.prelude as dp
import polars as pl  # type: ignore[import-not-found]

KEY: Final = "synthetic_key"
LAST_DAY: Final = 2_932_896
"""9999-12-31 in days since 1970: the end of a spell that is open."""


def main() -> None:
    """Answer the question that the command line names."""
    parser = argparse.ArgumentParser(description="Answer a question by OpenDP's Context.")
    parser.add_argument("question", type=Path, help="JSON document")
    question = json.loads(parser.parse_args().question.read_text(encoding="utf-8"))
    dp.enable_features("contrib")
    asked = {"stock": stock, "persons": persons}[question["name"]]
    # Untimed, and of another context: it searches for the noise's scale as a release does, most of whose time that is.
    noise_sd = float(asked(question).summarize()["scale"][0])
    start, processor = time.perf_counter(), time.process_time()
    counts = asked(question).release().collect()["len"].to_list()
    told = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "peak_mebibytes": peak_mebibytes(),
        "noise_sd": noise_sd,
        "cells": len(counts),
        "total": sum(counts),
        "versions": {name: version(name) for name in ("opendp", "polars")},
    }
    print(json.dumps(told))


def stock(question: dict[str, Any]) -> Any:
    """Return the query for persons with a spell on a day, each person once."""
    day = (datetime.date.fromisoformat(question["day"]) - datetime.date(1970, 1, 1)).days
    keys = pl.LazyFrame(question["keys"])
    by = keys.collect_schema().names()
    frame = joined(question).select(
        pl.col(KEY).bin.encode("hex"), pl.col("start").to_physical(), pl.col("end").to_physical(), *by
    )
    query = context(frame, question).query()
    on_day = query.filter((pl.col("start") <= day) & (pl.col("end").fill_null(LAST_DAY) >= day))
    return counted(on_day.truncate_per_group(question["cells_per_person"]), by, keys)


def persons(question: dict[str, Any]) -> Any:
    """Return the query for persons seen in each year, each in so many cells at most."""
    keys = pl.LazyFrame(question["keys"]).with_columns(pl.col("year").cast(pl.Int32))
    by = keys.collect_schema().names()
    years = question["keys"]["year"]
    frame = joined(question).select(pl.col(KEY).bin.encode("hex"), year=pl.col("date").dt.year(), **by_but_year(by))
    query = context(frame, question).query()
    in_years = query.filter((pl.col("year") >= min(years)) & (pl.col("year") <= max(years)))
    bounded = in_years.truncate_per_group(1, by=by).truncate_per_group(question["cells_per_person"])
    return counted(bounded, by, keys)


def by_but_year(by: list[str]) -> dict[str, Any]:
    """Return the columns of the breakdown that the files hold as they are."""
    return {name: pl.col(name) for name in by if name != "year"}


def joined(question: dict[str, Any]) -> Any:
    """Return the rows with what is known of their person: the Context joins with public tables only."""
    return pl.scan_parquet(question["rows"]).join(pl.scan_parquet(question["persons"]), on=KEY, how="left")


def context(frame: Any, question: dict[str, Any]) -> Any:
    """Return a context that spends all on one question; one person's rows are the unit of privacy."""
    return dp.Context.compositor(
        data=frame,
        privacy_unit=dp.unit_of(contributions=1, identifier=pl.col(KEY)),
        privacy_loss=dp.loss_of(rho=question["rho"]),
        split_evenly_over=1,
    )


def counted(query: Any, by: list[str], keys: Any) -> Any:
    """Return the query for the count of every public cell."""
    count = dp.len(signed=True)  # type: ignore[attr-defined] # there with the extra only
    return query.group_by(by).agg(count).with_keys(keys)


def peak_mebibytes() -> float:
    """Return the peak resident memory of this process (Linux), without that of the process which started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
