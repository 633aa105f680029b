"""What was learnt from the files and how good the links are, as plain values: for the linkage unit's operator alone.

Nothing here is about a record or a pair: shares, weights, counts and estimates. It is saved with a run and shown to its
operator; nothing of it goes back to a provider, who could tell from it what other files hold. `dataclasses.asdict`
makes a JSON document of it; every number is finite.
"""

from dataclasses import dataclass
from typing import Literal

from linkage_core.linking.probabilistic.false_matches import Way

FindingName = Literal[
    "duplicates-inside",
    "nulls-differ",
    "anchors-contradict",
    "not-one-to-one",
    "nothing-beyond-chance",
    "too-few-records",
    "no-file-without-duplicates",
    "earlier-weights",
    "hardly-comparable",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between the ends of its 95 % interval; of a share all three lie from 0 to 1."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ComparisonModel:
    """One CLK, match key or frequency class as it is compared, and what each of its levels says, the lowest first.

    `edges`, `chance`, `spread`: as of `evidence.Comparison`. By level: `m`, `u`, its share among matched pairs and
    among candidate pairs of different people that can be compared; `weight`, what it adds to a match weight, in bits;
    `log_ratio`, log2(m / u), what it would add if all comparisons were independent. `missing_weight`: what a
    comparison adds that cannot be made; `missing_m`, `missing_u`: share of pairs where it cannot. `of_clk`: of a
    frequency class the CLK that it is compared for; `name` is the variable then.
    """

    name: str
    kind: Literal["clk", "match-key", "frequency-class"]
    edges: tuple[float, ...]
    chance: float
    spread: float
    m: tuple[float, ...]
    u: tuple[float, ...]
    weight: tuple[float, ...]
    log_ratio: tuple[float, ...]
    missing_weight: float
    missing_m: float
    missing_u: float
    of_clk: str = ""


@dataclass(frozen=True, slots=True)
class TextbookModel:
    """The textbook mixture on the same candidate pairs, to compare with: comparisons in the model's order.

    `refusal`: why it has no answer, empty where it has; then `m` and `u`, by comparison and level, are empty, and
    `matches` (pairs that it takes for matches) and `steps` are 0.
    """

    refusal: str
    m: tuple[tuple[float, ...], ...] = ()
    u: tuple[tuple[float, ...], ...] = ()
    matches: float = 0.0
    steps: int = 0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a threshold would give: `links` of this `score` or more, `false` ones expected among them."""

    score: float
    links: int
    false: float
    precision: Interval
    recall: Interval


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """Links of one quality class, as tokens carry it: a link's class is the worse one of its two records.

    `recall`: the share of all matches that these links find.
    """

    quality_class: int
    links: int
    precision: Interval
    recall: Interval


@dataclass(frozen=True, slots=True)
class NullSupport:
    """What one file says about chance: `sampled` of its `records` were compared with all of it.

    `support`: how many of them have another record there that scores as high as the threshold; `expected_false`: false
    links at the threshold by this file alone.
    """

    provider: str
    records: int
    sampled: int
    support: int
    expected_false: float


@dataclass(frozen=True, slots=True)
class Anchored:
    """What pairs that share an identifier say, found with the evidence that does not look at it.

    `pairs`: that share one. `recall`: the share of them that the other evidence would link. `compared`: links of
    records that both have the identifier; `precision`: the share of them that agree in it, errors in identifiers
    allowed for. `model_recall`, `model_precision`: what the model says of the same links without identifiers.
    """

    pairs: int
    recall: Interval
    model_recall: Interval
    compared: int
    precision: Interval
    model_precision: Interval


@dataclass(frozen=True, slots=True)
class MeetingQuality:
    """Two files' links, or one file's own, and how good they are.

    `providers`: twice the same of one file's own links. `settled`: for each, whether these are its records that the
    registry has settled. `links`: pairs in one group. `matches`: estimated pairs of one person, found or not.
    `threshold`: lowest score that the agreement lets be linked, None where no pair reaches it: a match weight in bits,
    but of the basis `chance` closeness in standard deviations; as all scores here, as if nobody had an identifier;
    `recommended`: the one that gives the best F1 by the estimates, with its `reason`. `comparable`: the share of pairs
    of records that have two CLKs in common.
    """

    providers: tuple[str, str]
    settled: tuple[bool, bool]
    way: Way
    sizes: tuple[int, int]
    candidate_pairs: int
    links: int
    matches: Interval
    threshold: float | None
    recommended: float | None
    reason: str
    precision: Interval
    recall: Interval
    classes: tuple[ClassQuality, ...]
    curve: tuple[CurvePoint, ...]
    null: tuple[NullSupport, ...]
    anchored: Anchored | None
    comparable: float = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to doubt the model: what was seen at which providers, and what to change."""

    name: FindingName
    providers: tuple[str, ...]
    explanation: str
    change: str


@dataclass(frozen=True, slots=True)
class LinkageModel:
    """The whole model. `basis`: pairs of different people inside files, or, without any such file, the noise of codes.

    `rounds`: fits until the links stayed. `findings`: what the guards of the model found, nothing if all is well.
    `prior`: the weight, in bits, of a pair that agrees nowhere. `weights_of`: the wave that learnt the weights, empty
    where this one did.
    """

    basis: Literal["self-comparison", "chance"]
    rounds: int
    comparisons: tuple[ComparisonModel, ...]
    textbook: TextbookModel
    meetings: tuple[MeetingQuality, ...]
    findings: tuple[Finding, ...]
    prior: float = 0.0
    weights_of: str = ""
