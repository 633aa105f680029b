"""Guards of the model: what would make its estimates wrong, looked for in the files, each with what to change.

The self-comparison null holds where a file has each person once, enough records, and people who resemble each other as
much as those of the other file. A file that breaks this teaches nothing about chance: it is left out, and the others
speak for it. Where none is left only the noise of codes is known, and where not even links of one record to one other
make sense the run is refused. What cannot be mended is told, and widens the intervals.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from linkage_core.linking.probabilistic.evidence import Comparison, Evidence
from linkage_core.linking.probabilistic.model import Finding, MeetingQuality
from linkage_core.linking.probabilistic.self_comparison import SelfComparison

LEAST_RECORDS: Final = 100
"""Of a file that teaches what chance looks like: among fewer hardly any two resemble each other."""

MOST_REPEATED: Final = 0.004
"""Share of a file's records that may have an equal in it; more are no namesakes but duplicates."""
NAMESAKES: Final = 1e-8
"""The chance that two people have the same names and birth date, by which that share may grow with the file."""
LEAST_REPEATED: Final = 6
"""Records that have an equal, below which nothing is said."""
EVENTS: Final = 0.2
"""Share of such records from which on a file is one of events or of parts of households, not of persons."""

FACTOR: Final = 2.0
"""By which two files may differ in how often their different people resemble each other as much as links do."""
SURE: Final = 0.005
"""Probability of a false alarm in comparing them."""
MATTERS: Final = 0.005
"""Share of false links from which on a difference matters."""

COMPARABLE: Final = 0.5
"""Share of pairs of records with two CLKs in common, below which most matches cannot be found."""

FAR: Final = 0.01
"""What anchored pairs and the model's estimates may differ by, beyond both their intervals."""


def unfit_nulls(
    nulls: Sequence[SelfComparison], comparisons: Sequence[Comparison], providers: Sequence[str]
) -> dict[int, Finding]:
    """Return the files, by place, from which nothing can be learnt about chance, each with the reason."""
    found: dict[int, Finding] = {}
    for null in nulls:
        provider = str(providers[null.file])
        repeated = _records_with_an_equal(null, comparisons)
        share = repeated / max(null.sampled, 1)
        if null.size < LEAST_RECORDS:
            found[null.file] = Finding(
                "too-few-records",
                (provider,),
                f"{null.size} records are too few to tell what different people look like; {LEAST_RECORDS} do",
                "nothing, if other files are larger; else link with combination weighted-mean",
            )
        elif repeated >= LEAST_REPEATED and share > EVENTS:
            found[null.file] = Finding(
                "not-one-to-one",
                (provider,),
                f"{share:.0%} of the records have an equal in the file: it holds events, or parts of households",
                f"declare {provider} in matching.sources_with_duplicates, or let it deliver one record a person",
            )
        elif repeated >= LEAST_REPEATED and share > MOST_REPEATED + NAMESAKES * null.size:
            found[null.file] = Finding(
                "duplicates-inside",
                (provider,),
                f"{share:.1%} of the records have an equal in the file, more than namesakes explain: duplicates",
                f"declare {provider} in matching.sources_with_duplicates, or let it remove what shares an identifier",
            )
    return found


def undeclared_duplicates(
    nulls: Sequence[SelfComparison], comparisons: Sequence[Comparison], unfit: Mapping[int, Finding]
) -> dict[int, float]:
    """Return the share of records that have an equal in their file, of files left out for that, by place."""
    return {
        null.file: _records_with_an_equal(null, comparisons) / max(null.sampled, 1)
        for null in nulls
        if null.file in unfit and unfit[null.file].name in ("duplicates-inside", "not-one-to-one")
    }


def no_null(providers: Sequence[str]) -> Finding:
    """Return the finding of a run without any file to learn from."""
    return Finding(
        "no-file-without-duplicates",
        tuple(str(provider) for provider in providers),
        "no file holds each person once, as far as is known: only the noise of codes is told from matches, and "
        "relatives and namesakes count as matches; precision is less sure than elsewhere",
        "add a file that holds each person once and take it out of matching.sources_with_duplicates",
    )


def doubts(meeting: MeetingQuality) -> Iterator[Finding]:
    """Yield what is wrong with the estimates of one meeting."""
    providers = tuple(dict.fromkeys(meeting.providers))
    nothing = not meeting.links or meeting.precision.estimate <= 0.5
    if nothing and min(meeting.sizes) >= LEAST_RECORDS:  # that a few new records are of other people is no news
        yield Finding(
            "nothing-beyond-chance",
            providers,
            f"{meeting.candidate_pairs} candidate pairs are no more than chance explains, so hardly any is linked",
            "see whether the files hold the same people and were standardised alike, or lower "
            "matching.candidate_per_mille",
        )
    if meeting.comparable < COMPARABLE:
        yield Finding(
            "hardly-comparable",
            providers,
            f"{meeting.comparable:.0%} of the pairs of records have two CLKs in common: what the others lack hides "
            "their matches, which no threshold finds",
            "let the files be delivered with the fields that the CLKs need, or agree on CLKs of fields that they have",
        )
    ratio = nulls_ratio(meeting)
    if ratio > FACTOR:
        yield Finding(
            "nulls-differ",
            providers,
            f"different people resemble each other {ratio:.1f} times as often in one file as in the other: the files "
            "are of other people, as heads of households and their dependants are; the larger rate was taken",
            "let one of them deliver whole households, or agree on an identifier as a match key",
        )
    yield from _contradictions(meeting, providers)


def nulls_ratio(meeting: MeetingQuality) -> float:
    """Return by how much two files' false-match rates at the threshold differ if that is sure and matters, else 1."""
    if len(meeting.null) != 2:
        return 1.0
    low, high = sorted(meeting.null, key=lambda null: null.support / _looked_at(null.sampled, null.records))
    exposures = [_looked_at(null.sampled, null.records) for null in (low, high)]
    rates = [(null.support + 0.5) / exposure for null, exposure in zip((low, high), exposures, strict=True)]
    ratio = rates[1] / rates[0]
    if high.expected_false < MATTERS * max(meeting.links, 1):
        return 1.0
    # Given their sum, the larger count is binomial; each pair of people in a file was counted from both sides.
    chance = FACTOR * exposures[1] / (FACTOR * exposures[1] + exposures[0])
    if _binomial_tail(high.support // 2, (high.support + low.support) // 2, chance) > SURE:
        return 1.0
    return ratio


def _contradictions(meeting: MeetingQuality, providers: tuple[str, ...]) -> Iterator[Finding]:
    anchored = meeting.anchored
    if anchored is None:
        return
    wrong = [
        f"{name} {by_anchors.estimate:.3f} where the model says {by_model.estimate:.3f}"
        for name, by_anchors, by_model in (
            ("precision", anchored.precision, anchored.model_precision),
            ("recall", anchored.recall, anchored.model_recall),
        )
        if by_anchors.high + FAR < by_model.low or by_model.high + FAR < by_anchors.low
    ]
    if wrong:
        yield Finding(
            "anchors-contradict",
            providers,
            f"pairs that share an identifier give {' and '.join(wrong)}, without looking at the identifier",
            "see whether identifiers are given to other people than the rest, or are mistyped; trust the identifiers' "
            "figures where they are not",
        )


def _records_with_an_equal(null: SelfComparison, comparisons: Sequence[Comparison]) -> int:
    """Return how many sampled records have one in their file that is near equal in every CLK that both have."""
    equal = nearly_equal(null.evidence, comparisons)
    return len(np.unique(null.place[equal]))


def nearly_equal(evidence: Evidence, comparisons: Sequence[Comparison]) -> NDArray[np.bool_]:
    """Return which pairs are in one of the two highest levels of every CLK that both have, and have two: (pairs,)."""
    places = [place for place, one in enumerate(comparisons) if one.kind == "clk"]
    highest = np.array([comparisons[place].levels - 1 for place in places])
    levels = evidence.levels[:, places]
    alike = (levels >= np.maximum(highest - 1, 1)) | (levels < 0)
    made: NDArray[np.bool_] = alike.all(axis=1) & ((levels >= 0).sum(axis=1) >= min(2, len(places)))
    return made


def _looked_at(sampled: int, records: int) -> float:
    return max(float(sampled) * (records - 1), 1.0)


def _binomial_tail(successes: int, trials: int, chance: float) -> float:
    """Return the probability of so many successes or more, by the normal approximation with continuity correction."""
    if trials == 0:
        return 1.0
    spread = math.sqrt(trials * chance * (1 - chance))
    return math.erfc((successes - 0.5 - trials * chance) / (spread * math.sqrt(2))) / 2
