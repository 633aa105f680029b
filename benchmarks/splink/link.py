"""Link two files of persons in clear text with Splink; write its links, and print seconds by step, as JSON.

Runs in an environment of its own (requirements/splink.txt), so it imports nothing of this project. Both files are CSV
of standardised values, empty where missing, whose truth it does not get:

| column            | what it holds                                                              |
|-------------------|----------------------------------------------------------------------------|
| id                | number of the row                                                          |
| given, family     | first given name; family name                                              |
| given_sound, family_sound | what spellings, romanisations and nicknames of a name have in common |
| names             | all words of both names, sorted                                            |
| birth             | YYYY-MM-DD, YYYY-MM or YYYY                                                |
| municipality      | compared where both files have any                                         |

The model is what Splink's documentation advises, and what helped on files of other seeds. Sex and country of birth are
left out: names tell both, so that they counted twice and cost F1 (.995 instead of .996, .976 instead of .992).

1. *Read*: both files, with columns that the rules need.
2. *Train*: the prior from deterministic rules, u by random sampling, m by expectation maximisation under several
   blockings, none of which fixes all that another comparison depends on.
3. *Predict*: the match probability of every pair that some blocking rule makes.
4. *Choose*: each record once, the most probable pairs first, as both files are free of duplicates. In Python: Splink's
   own clustering by best links took a hundred times as long on files of 10,000.

Links are written from `LEAST_PROBABILITY` upwards: whoever reads them takes those of one half or more, or judges what
another threshold would have given.
"""

import argparse
import csv
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
from splink import Linker, SettingsCreator, block_on  # type: ignore[import-not-found]
from splink import comparison_level_library as levels
from splink import comparison_library as comparisons
from splink.backends.duckdb import DuckDBAPI  # type: ignore[import-not-found]

SEED: Final = 7
LEAST_PROBABILITY: Final = 0.01
U_PAIRS: Final = 2_000_000
M_PAIRS: Final = 500_000
"""Pairs that u and m are estimated from, at most."""

RECALL_OF_RULES: Final = 0.7
"""Assumed share of true pairs that some deterministic rule of the prior finds."""

FILES: Final = ("one", "other")
OPTIONAL: Final = ("sex", "municipality")
SIMILAR: Final = 0.88
"""Jaro–Winkler threshold of names that are nearly equal, one of those that Splink starts from."""

EXCHANGED_BY_CHANCE: Final = 1e-6
"""How often two people's names are each other's exchanged: too seldom to be seen in the sample that u is from."""

WIDE_ROWS: Final = 200_000
"""Rows a file up to which the wide blocking rules are cheap: their pairs grow with the product of the files' rows."""

READ: Final = """
    CREATE TABLE {table} AS SELECT
        id, '{table}' AS source_dataset, given, family, given_sound, family_sound, names, municipality,
        given || '|' || family AS pair_of_names,
        CASE WHEN length(birth) = 10 THEN birth END AS birth,
        substr(birth, 1, 4) AS birth_year,
        substr(birth, 6, 2) AS birth_month,
        CASE WHEN length(birth) = 10 THEN substr(birth, 9, 2) END AS birth_day,
        CASE WHEN length(birth) = 10 THEN
            least(substr(birth, 6, 2), substr(birth, 9, 2)) || greatest(substr(birth, 6, 2), substr(birth, 9, 2))
        END AS month_day
    FROM read_csv(?, header = true, all_varchar = true, nullstr = '')
"""

COUNT: Final = "SELECT count(*), count(municipality) FROM {table}"

SCORED: Final = """
    SELECT id_l, id_r, match_probability FROM {predicted} ORDER BY match_weight DESC, id_l::INT, id_r::INT
"""

SWAPPED: Final = "given_l = family_r AND family_l = given_r"
NEARLY_SWAPPED: Final = " AND ".join(
    f"jaro_winkler_similarity({one}_l, {other}_r) >= {SIMILAR}"
    for one, other in (("given", "family"), ("family", "given"))
)
A_PART: Final = "list_has_any(string_split(family_l, ' '), string_split(family_r, ' '))"
PARTLY: Final = "birth_l IS NULL OR birth_r IS NULL"
TWO_OF_THREE: Final = (
    "(birth_year_l = birth_year_r AND birth_month_l = birth_month_r)"
    " OR (birth_year_l = birth_year_r AND birth_day_l = birth_day_r)"
    " OR (birth_month_l = birth_month_r AND birth_day_l = birth_day_r)"
)


def main() -> None:
    """Link the two files that the command line names."""
    parser = argparse.ArgumentParser(description="Link two files of persons with Splink.")
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("links", type=Path, help="CSV file to write: id in one, id in the other, match probability")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    with redirect_stdout(stderr):  # where Splink talks
        told = link(arguments.one, arguments.other, arguments.links, arguments.threads)
    print(json.dumps(told))


def link(one: Path, other: Path, links: Path, threads: int) -> dict[str, Any]:
    """Link, write the links, and return what it took."""
    took: dict[str, float] = {}
    connection = duckdb.connect(config={"threads": threads})
    with timed(took, "read"):
        for table, path in zip(FILES, (one, other), strict=True):
            connection.execute(READ.format(table=table), [str(path)])
        counts = [connection.sql(COUNT.format(table=table)).fetchall()[0] for table in FILES]
        rows, places = max(rows for rows, _ in counts), all(places for _, places in counts)
        api = DuckDBAPI(connection)
        linker = Linker([api.register(table) for table in FILES], settings(places=places, wide=rows <= WIDE_ROWS))
    with timed(took, "train"):
        train(linker, places=places)
    with timed(took, "predict"):
        predicted = linker.inference.predict(threshold_match_probability=LEAST_PROBABILITY)
    with timed(took, "choose"):
        chosen = one_to_one(connection.sql(SCORED.format(predicted=predicted.physical_name)).fetchall())
    with links.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(chosen)
    return {
        "versions": {name: version(name) for name in ("splink", "duckdb")},
        "seconds": took,
        "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def one_to_one(pairs: list[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    """Return the pairs, best first, of which neither record was in a better one."""
    taken: tuple[set[str], set[str]] = (set(), set())
    chosen = []
    for pair in pairs:
        if pair[0] not in taken[0] and pair[1] not in taken[1]:
            taken[0].add(pair[0])
            taken[1].add(pair[1])
            chosen.append(pair)
    return chosen


def settings(*, places: bool, wide: bool) -> Any:
    """Return the model: comparisons, and the rules that make the pairs to be scored."""
    return SettingsCreator(
        link_type="link_only",
        unique_id_column_name="id",
        comparisons=[
            names_comparison(),
            birth_comparison(),
            *([municipality_comparison()] if places else []),
        ],
        blocking_rules_to_generate_predictions=wide_rules() if wide else tight_rules(),
        retain_matching_columns=False,
    )


def tight_rules() -> list[Any]:
    """Return rules each of which is tight in two parts, for large files."""
    return [
        block_on("birth", "names"),
        block_on("birth", "family"),
        block_on("birth", "given"),
        block_on("names", "birth_year"),
        block_on("names", "month_day"),
        block_on("given", "family", "birth_year"),
        block_on("given", "birth_year", "month_day"),
        block_on("family", "birth_year", "month_day"),
        block_on("birth", "substr(given, 1, 2)", "substr(family, 1, 2)"),
        "l.birth = r.birth AND l.given = r.family",
        "l.birth = r.birth AND l.family = r.given",
    ]


def wide_rules() -> list[Any]:
    """Return rules that leave nearly no true pair out: a date alone, or half of it with any part of the names."""
    return [
        block_on("birth"),
        block_on("names"),
        block_on("given", "family"),
        block_on("given_sound", "family_sound"),
        block_on("given", "birth_year"),
        block_on("family", "birth_year"),
        block_on("family_sound", "birth_year"),
        block_on("given_sound", "birth_year"),
        block_on("given", "month_day"),
        block_on("family", "month_day"),
        block_on("birth_year", "month_day", "substr(given, 1, 1)"),
        block_on("family_sound", "month_day"),
        block_on("given_sound", "month_day"),
        block_on("family", "substr(given, 1, 2)"),
        block_on("given", "substr(family, 1, 4)"),
        "l.given = r.family AND l.birth_year = r.birth_year",
        "l.family = r.given AND l.birth_year = r.birth_year",
    ]


def names_comparison() -> Any:
    """Return the comparison of both names together: how frequent one is among bearers of the other is told by pairs."""
    same = {name: f"{name}_l = {name}_r" for name in ("given", "family")}
    near = {
        "given": f"(given_sound_l = given_sound_r OR {similar('given', SIMILAR)})",
        "family": f"(family_sound_l = family_sound_r OR {similar('family', SIMILAR)} OR {A_PART})",
    }
    return comparisons.CustomComparison(
        output_column_name="names",
        comparison_levels=[
            levels.NullLevel("names"),
            levels.ExactMatchLevel("pair_of_names").configure(tf_adjustment_column="pair_of_names"),
            levels.CustomLevel(f"({SWAPPED}) OR names_l = names_r", "exchanged").configure(
                u_probability=EXCHANGED_BY_CHANCE, fix_u_probability=True
            ),
            levels.CustomLevel(NEARLY_SWAPPED, "exchanged, and nearly the same").configure(
                u_probability=EXCHANGED_BY_CHANCE, fix_u_probability=True
            ),
            levels.CustomLevel(f"{same['family']} AND {near['given']}", "family, near given").configure(
                tf_adjustment_column="family"
            ),
            levels.CustomLevel(f"{same['given']} AND {near['family']}", "given, near family").configure(
                tf_adjustment_column="given"
            ),
            levels.CustomLevel(f"{near['given']} AND {near['family']}", "both near"),
            levels.ExactMatchLevel("family").configure(tf_adjustment_column="family"),
            levels.ExactMatchLevel("given").configure(tf_adjustment_column="given"),
            levels.CustomLevel(near["family"], "near family"),
            levels.CustomLevel(near["given"], "near given"),
            levels.ElseLevel(),
        ],
    )


def similar(name: str, threshold: float) -> str:
    """Return the condition that both values are similar by Jaro and Winkler."""
    return f"jaro_winkler_similarity({name}_l, {name}_r) >= {threshold}"


def birth_comparison() -> Any:
    """Return the comparison of birth dates: partly known, exchanged, one digit wrong, two of three parts equal."""
    return comparisons.CustomComparison(
        output_column_name="birth",
        comparison_levels=[
            levels.NullLevel("birth_year"),
            levels.ExactMatchLevel("birth"),
            levels.CustomLevel(f"({PARTLY}) AND birth_year_l = birth_year_r", "same year, more is not known"),
            levels.CustomLevel(PARTLY, "another year, more is not known"),
            levels.CustomLevel("birth_year_l = birth_year_r AND month_day_l = month_day_r", "day and month exchanged"),
            levels.DamerauLevenshteinLevel("birth", distance_threshold=1),
            levels.CustomLevel(TWO_OF_THREE, "two of year, month and day"),
            levels.DamerauLevenshteinLevel("birth", distance_threshold=2),
            levels.ElseLevel(),
        ],
    )


def municipality_comparison() -> Any:
    """Return the comparison of municipalities, the frequent ones of which say less."""
    return comparisons.CustomComparison(
        output_column_name="municipality",
        comparison_levels=[
            levels.NullLevel("municipality"),
            levels.ExactMatchLevel("municipality").configure(tf_adjustment_column="municipality"),
            levels.JaroWinklerLevel("municipality", SIMILAR),
            levels.ElseLevel(),
        ],
    )


def train(linker: Any, *, places: bool) -> None:
    """Estimate the prior, u and m."""
    rules = [block_on("names", "birth")]
    if places:
        rules += [block_on("given", "birth", "municipality"), block_on("family", "birth", "municipality")]
    linker.training.estimate_probability_two_random_records_match(rules, recall=RECALL_OF_RULES)
    linker.training.estimate_u_using_random_sampling(max_pairs=U_PAIRS, seed=SEED)
    for rule in (block_on("birth"), block_on("pair_of_names")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule, max_pairs=M_PAIRS)


@contextmanager
def timed(took: dict[str, float], step: str) -> Iterator[None]:
    """Write down the seconds of a step."""
    start = time.perf_counter()
    yield
    took[step] = time.perf_counter() - start


if __name__ == "__main__":
    main()
