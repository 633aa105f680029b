"""Link two files of persons in clear text with Splink, and print seconds by step and the quality, as JSON.

Runs in an environment of its own (requirements/splink.txt), so it imports nothing of this project. Both files are CSV
with the columns id, person, given, family, names (both names, tokens sorted) and birth (YYYY, YYYY-MM, YYYY-MM-DD or
empty), standardised; `person` is the truth and only judges. The model is what Splink's documentation advises:

1. *Read*: both files, with columns that the rules need.
2. *Train*: the prior from a deterministic rule, u by random sampling, m by expectation maximisation under two
   blockings. Names by Jaro–Winkler levels with term frequencies, dates by levels of edits and distance.
3. *Predict*: the match probability of every pair that some blocking rule makes; each rule is tight in two parts.
4. *Choose*: the pairs at one half or more in which each is the other's best, as both files are free of duplicates. In
   SQL of ours: Splink's own clustering by best links took a hundred times as long on files of 10,000.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from sys import stderr
from typing import Any, Final

import duckdb

# Splink is not installed where types are checked.
from splink import (  # type: ignore[import-not-found]
    Linker,
    SettingsCreator,
    block_on,
    comparison_level_library,
    comparison_library,
)
from splink.backends.duckdb import DuckDBAPI  # type: ignore[import-not-found]

SEED: Final = 7
LEAST_PROBABILITY: Final = 0.5
U_PAIRS: Final = 1_000_000
M_PAIRS: Final = 200_000
"""Pairs that u and m are estimated from: five times as many cost twice the time and gave the same links."""

RECALL_OF_RULE: Final = 0.8
"""Assumed share of true pairs that agree on both names and the date: from which the prior is estimated."""

FILES: Final = ("one", "other")

READ: Final = """
    CREATE TABLE {table} AS SELECT
        id, '{table}' AS source_dataset, person, given, family, names,
        CASE WHEN length(birth) = 10 THEN birth END AS birth,
        substr(birth, 1, 4) AS birth_year,
        CASE WHEN length(birth) = 10 THEN
            least(substr(birth, 6, 2), substr(birth, 9, 2)) || greatest(substr(birth, 6, 2), substr(birth, 9, 2))
        END AS birth_day
    FROM read_csv(?, header = true, all_varchar = true, nullstr = '')
"""

CHOOSE: Final = """
    CREATE TABLE links AS
    SELECT person_l = person_r AS correct
    FROM {predicted}
    QUALIFY row_number() OVER (PARTITION BY id_l ORDER BY match_weight DESC, id_r) = 1
        AND row_number() OVER (PARTITION BY id_r ORDER BY match_weight DESC, id_l) = 1
"""

JUDGE: Final = """
    SELECT count(*), count(*) FILTER (correct), (SELECT count(*) FROM one JOIN other USING (person)) FROM links
"""


def main() -> None:
    """Link the two files that the command line names."""
    parser = argparse.ArgumentParser(description="Link two files of persons with Splink.")
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    with redirect_stdout(stderr):  # where Splink talks
        told = link(arguments.one, arguments.other, arguments.threads)
    print(json.dumps(told))


def link(one: Path, other: Path, threads: int) -> dict[str, Any]:
    """Link, and return what it took and how good it is."""
    took: dict[str, float] = {}
    connection = duckdb.connect(config={"threads": threads})
    with timed(took, "read"):
        for table, path in zip(FILES, (one, other), strict=True):
            connection.execute(READ.format(table=table), [str(path)])
        api = DuckDBAPI(connection)
        linker = Linker([api.register(table) for table in FILES], settings())
    with timed(took, "train"):
        train(linker)
    with timed(took, "predict"):
        predicted = linker.inference.predict(threshold_match_probability=LEAST_PROBABILITY)
    with timed(took, "choose"):
        connection.execute(CHOOSE.format(predicted=predicted.physical_name))
    links, correct, true = connection.sql(JUDGE).fetchall()[0]
    return {
        "versions": {name: version(name) for name in ("splink", "duckdb")},
        "seconds": took,
        "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "links": links,
        "correct": correct,
        "true": true,
    }


def settings() -> Any:
    """Return the model: comparisons, and the rules that make the pairs to be scored."""
    return SettingsCreator(
        link_type="link_only",
        unique_id_column_name="id",
        comparisons=[
            comparison_library.ForenameSurnameComparison("given", "family", forename_surname_concat_col_name="names"),
            birth_comparison(),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("birth", "names"),
            block_on("birth", "family"),
            block_on("birth", "given"),
            block_on("names", "birth_year"),
            block_on("names", "birth_day"),
            block_on("given", "family", "birth_year"),
            block_on("given", "birth_year", "birth_day"),
            block_on("family", "birth_year", "birth_day"),
            block_on("birth", "substr(given, 1, 2)", "substr(family, 1, 2)"),
            "l.birth = r.birth AND l.given = r.family",
            "l.birth = r.birth AND l.family = r.given",
        ],
        additional_columns_to_retain=["person"],
        retain_matching_columns=False,
    )


def birth_comparison() -> Any:
    """Return the levels of Splink's own comparison of birth dates, and two more: year only, day and month swapped."""
    levels = comparison_level_library
    dates = {"input_is_string": True, "datetime_format": "%Y-%m-%d"}
    return comparison_library.CustomComparison(
        output_column_name="birth",
        comparison_levels=[
            levels.NullLevel("birth_year"),
            levels.ExactMatchLevel("birth"),
            levels.CustomLevel("(birth_l IS NULL OR birth_r IS NULL) AND birth_year_l = birth_year_r", "same year"),
            levels.CustomLevel("birth_year_l = birth_year_r AND birth_day_l = birth_day_r", "day and month swapped"),
            levels.LevenshteinLevel("birth", distance_threshold=1),
            levels.AbsoluteDateDifferenceLevel("birth", threshold=1, metric="month", **dates),
            levels.AbsoluteDateDifferenceLevel("birth", threshold=1, metric="year", **dates),
            levels.AbsoluteDateDifferenceLevel("birth", threshold=10, metric="year", **dates),
            levels.ElseLevel(),
        ],
    )


def train(linker: Any) -> None:
    """Estimate the prior, u and m."""
    linker.training.estimate_probability_two_random_records_match([block_on("names", "birth")], recall=RECALL_OF_RULE)
    linker.training.estimate_u_using_random_sampling(max_pairs=U_PAIRS, seed=SEED)
    for rule in (block_on("birth"), block_on("names")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule, max_pairs=M_PAIRS)


@contextmanager
def timed(took: dict[str, float], step: str) -> Iterator[None]:
    """Write down the seconds of a step."""
    start = time.perf_counter()
    yield
    took[step] = time.perf_counter() - start


if __name__ == "__main__":
    main()
