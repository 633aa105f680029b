"""Answer one question of `benchmarks.analysis_peers` by Tumult Analytics over clear Parquet; print what it took.

Runs in an environment of its own (requirements/tumult.txt) and needs Java, for Spark; it imports nothing of this
project. The question is the JSON document that benchmarks/opendp_context/count.py describes. Identifiers are text,
since a session takes no binary ones. Seconds begin where Spark has started.
"""

import argparse
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

# Neither is installed where types are checked.
from pyspark.sql import SparkSession, functions  # type: ignore[import-not-found]
from tmlt.analytics import (  # type: ignore[import-not-found]
    AddRowsWithID,
    KeySet,
    MaxGroupsPerID,
    MaxRowsPerGroupPerID,
    MaxRowsPerID,
    QueryBuilder,
    RhoZCDPBudget,
    Session,
)

KEY: Final = "synthetic_key"
SPACE: Final = "persons"
SOURCE: Final = "rows"


def main() -> None:
    """Answer the question that the command line names."""
    parser = argparse.ArgumentParser(description="Answer a question by Tumult Analytics.")
    parser.add_argument("question", type=Path, help="JSON document")
    question = json.loads(parser.parse_args().question.read_text(encoding="utf-8"))
    os.environ["PYSPARK_PYTHON"] = sys.executable  # its workers import Tumult too
    spark = (
        SparkSession.builder.master(f"local[{os.cpu_count() or 1}]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.warehouse.dir", question["scratch"])
        .getOrCreate()
    )
    java = spark.sparkContext._gateway.proc.pid
    start, processor = time.perf_counter(), time.process_time() + processor_seconds(java)
    noise_sd, counts = answer(spark, question)
    told = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() + processor_seconds(java) - processor,
        "peak_mebibytes": peak_mebibytes("self") + peak_mebibytes(java),
        "noise_sd": noise_sd,
        "cells": len(counts),
        "total": sum(counts),
        "versions": {name: version(name) for name in ("tmlt-analytics", "pyspark")},
    }
    print(json.dumps(told))


def answer(spark: Any, question: dict[str, Any]) -> tuple[float, list[int]]:
    """Return the noise SD and the noised count of every public cell."""
    rows, persons = (spark.read.parquet(question[name]) for name in ("rows", "persons"))
    frame = rows.join(persons, on=KEY, how="left").withColumn(KEY, functions.hex(KEY))
    query = QueryBuilder(SOURCE)
    if question["name"] == "stock":
        query = query.filter(f"start <= date '{question['day']}' and (end is null or end >= date '{question['day']}')")
        query = query.enforce(MaxRowsPerID(question["cells_per_person"]))
    else:
        years = question["keys"]["year"]
        frame = frame.withColumn("year", functions.year("date"))
        query = query.filter(f"year between {min(years)} and {max(years)}")
        query = query.enforce(MaxGroupsPerID("year", question["cells_per_person"]))
        query = query.enforce(MaxRowsPerGroupPerID("year", 1))
    budget = RhoZCDPBudget(question["rho"])
    session = (
        Session.Builder()
        .with_privacy_budget(budget)
        .with_id_space(SPACE)
        .with_private_dataframe(SOURCE, frame, protected_change=AddRowsWithID(KEY, SPACE))
        .build()
    )
    keys = KeySet.from_dict({name: sorted(set(column)) for name, column in question["keys"].items()})
    counted = query.groupby(keys).count()
    # The parameter of its discrete Gaussian is the variance.
    (noise,) = session._noise_info(counted, budget)
    cells = session.evaluate(counted, budget).toPandas()
    return float(noise["noise_parameter"]) ** 0.5, [int(value) for value in cells["count"]]


def processor_seconds(process: int) -> float:
    """Return the processor time that another process has used so far, of all its threads (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mebibytes(process: int | str) -> float:
    """Return the peak resident memory of a process (Linux)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
