"""The page on the model: what each comparison says for and against a match, and where links begin."""

import math
from itertools import chain

from linkage_core.linking.probabilistic.model import ComparisonModel, LinkageModel
from services.common.report.cells import Cell, Column, Table
from services.common.report.charts import Axis, Bar, Bars, Dots, Line, Lines, Point
from services.common.report.document import Block, Fact, Notes, Report, Section
from services.linkage_unit.quality.notes import model_notes
from services.linkage_unit.quality.wave import LinkedWave
from services.linkage_unit.quality.words import CLOSING, UNITS, WAYS, comparison_name, level_names, meeting_name

BASES = {
    "self-comparison": "pairs inside files without duplicates, which are all of different people",
    "chance": "the noise of unrelated codes alone, as no file is known to hold each person once",
}

_KINDS = {"clk": "CLK", "match-key": "Match key", "frequency-class": "Frequency class"}

_BITS = Axis("match weight", "bits", "number")
_SHARE = Axis("share of pairs", "logarithmic", "number", log=True)


def model_page(wave: LinkedWave) -> Report:
    """Return the page; raises `InputFault` for a wave without a model."""
    model = wave.require_model()
    return Report(
        title=f"How wave {wave.wave} was weighed",
        subtitle=f"{wave.agreement} · wave {wave.wave} · linkage model",
        intro=(
            f"Every candidate pair of records has a match weight, the sum of what {len(model.comparisons)} comparisons "
            f"say. Pairs of one person were learnt from the links themselves, pairs of two from {BASES[model.basis]}."
        ),
        facts=(
            Fact("comparisons", len(model.comparisons)),
            Fact("candidate pairs", wave.counts.scored_pairs),
            Fact("estimated matches", round(sum(meeting.matches.estimate for meeting in model.meetings))),
            Fact("weights learnt in wave", model.weights_of, "text")
            if model.weights_of
            else Fact("rounds until the links stayed", model.rounds),
        ),
        sections=(
            Section("What to know first", (), (Notes(model_notes(model)),)),
            _weights(model),
            *(_comparison(model, place) for place in range(len(model.comparisons))),
            Section("Thresholds", _THRESHOLDS, (thresholds_table(model),)),
            _textbook(model),
            _parameters(wave),
        ),
        closing=CLOSING,
    )


_THRESHOLDS = (
    "The agreement names a probability (matching.least_probability_per_mille); in each pair of files it is reached "
    "from a score of its own on, as files differ in how many matches and how many relatives they hold. The "
    "recommended threshold gives the best F1 by the estimates.",
)


def comparisons_table(model: LinkageModel) -> Table:
    """Return a row for each level of each comparison: m, u, what it adds to a weight, and the textbook's shares."""
    return Table(
        (
            Column("comparison"),
            Column("level"),
            Column("m", "number"),
            Column("u", "number"),
            Column("weight, bits", "number"),
            Column("log2(m/u)", "number"),
            Column("m by EM", "number"),
            Column("u by EM", "number"),
        ),
        tuple(
            chain.from_iterable(
                ((comparison_name(one) if not row else "", *cells) for row, cells in enumerate(_levels(model, place)))
                for place, one in enumerate(model.comparisons)
            )
        ),
        "m: share of pairs of one person; u: of candidate pairs of different people",
    )


def thresholds_table(model: LinkageModel) -> Table:
    """Return for each pair of files the weight from which on pairs are linked, and the recommended one."""
    return Table(
        (
            Column("files"),
            Column("way"),
            Column(f"agreed, {UNITS[model.basis]}", "number"),
            Column(f"recommended, {UNITS[model.basis]}", "number"),
            Column("why"),
        ),
        tuple((meeting_name(one), WAYS[one.way], one.threshold, one.recommended, one.reason) for one in model.meetings),
    )


def _levels(model: LinkageModel, place: int) -> list[tuple[Cell, ...]]:
    """Return the cells of a comparison's levels, the highest first, and of where it is missing."""
    one = model.comparisons[place]
    em_m, em_u = _textbook_shares(model, place)
    rows: list[tuple[Cell, ...]] = [
        (name, one.m[level], one.u[level], one.weight[level], one.log_ratio[level], em_m[level], em_u[level])
        for level, name in enumerate(level_names(one))
    ]
    return [*reversed(rows), ("missing", one.missing_m, one.missing_u, one.missing_weight, None, None, None)]


def _textbook_shares(model: LinkageModel, place: int) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    levels = len(model.comparisons[place].m)
    if model.textbook.refusal:
        return (None,) * levels, (None,) * levels
    return model.textbook.m[place], model.textbook.u[place]


def _weights(model: LinkageModel) -> Section:
    clks = [one for one in model.comparisons if one.kind == "clk" and len(one.edges) > 1]
    blocks: list[Block] = []
    if clks:
        lines = tuple(Line(one.name, (Point(one.chance, 0.0), *map(Point, one.edges, one.weight[1:]))) for one in clks)
        blocks.append(
            Lines(
                "What a similarity adds to a pair's weight.",
                "Each line begins at the Dice that unrelated codes have by chance, and has a point where each level "
                "begins.",
                Axis("Dice coefficient", kind="number"),
                _BITS,
                lines,
            )
        )
    rare = [one for one in model.comparisons if one.kind == "frequency-class"]
    others = [one for one in model.comparisons if one not in clks and one not in rare]
    if others:
        bars = [
            Bar(one.name, value, series=series, text=f"{value:+.1f}")
            for one in others
            for series, value in (("agrees", one.weight[-1]), ("missing", one.missing_weight))
        ]
        blocks.append(
            Bars(
                "What a key adds.",
                "A key that differs adds nothing; a missing one may speak for a match or against it.",
                "key",
                _BITS,
                tuple(bars),
            )
        )
    if rare:
        blocks.append(
            Bars(
                "What a rare name adds.",
                "To the weight of a CLK in which two records are near, by the class of the commoner of their two names "
                "(class 1 is the rarest). Where few pairs speak, nothing is added.",
                "name and CLK",
                _BITS,
                tuple(
                    Bar(comparison_name(one), value, series=f"class {len(one.edges) - step}", text=f"{value:+.1f}")
                    for one in rare
                    for step, value in enumerate(one.weight[1:])
                ),
            )
        )
    blocks.append(comparisons_table(model))
    paragraphs = (
        "Weights are in bits: one more doubles the odds of a match. They are fitted together, so that comparisons that "
        "share a variable are not counted twice; log2(m/u) is what a level would add if all were independent of each "
        "other. m and u are shares among the pairs where the comparison can be made.",
    )
    return Section("What each comparison weighs", paragraphs, tuple(blocks))


def _comparison(model: LinkageModel, place: int) -> Section:
    one = model.comparisons[place]
    names = level_names(one)
    dots = tuple(
        Bar(name, share, series=series)
        for name, m, u in reversed(list(zip(names, one.m, one.u, strict=True)))
        for series, share in (("matches (m)", m), ("different people (u)", u))
    )
    chart = Dots(
        "Where matches and different people differ.",
        "Shares of the pairs that can be compared; the longer the line, the more a level says. Zero has no place here.",
        "level",
        _SHARE,
        dots,
        joined=True,
    )
    return Section(_heading(one), (_about(one),), (chart, _weights_of(model, place)))


def _weights_of(model: LinkageModel, place: int) -> Bars:
    one = model.comparisons[place]
    em_m, em_u = _textbook_shares(model, place)
    bars = []
    for level, name in reversed(list(enumerate(level_names(one)))):
        series = [
            ("fitted together", one.weight[level]),
            ("log2(m/u)", one.log_ratio[level] - one.log_ratio[0]),
        ]
        if em_m[0] and em_u[0] and (m := em_m[level]) and (u := em_u[level]):
            series.append(("log2(m/u) of the textbook model", math.log2(m / u) - math.log2(em_m[0] / em_u[0])))
        bars += [Bar(name, value, series=label, text=f"{value:+.1f}") for label, value in series]
    return Bars(
        "What each level adds.",
        "More than the lowest level does; a bar that is much longer counts twice what other comparisons say too.",
        "level",
        _BITS,
        tuple(bars),
    )


def _heading(one: ComparisonModel) -> str:
    return f"{_KINDS[one.kind]}: {comparison_name(one)}"


def _about(one: ComparisonModel) -> str:
    if one.kind == "frequency-class":
        return (
            f"How rare the commoner of two names is, where records are near in the CLK {one.of_clk}; class 1 is the "
            "rarest. It adds to what the CLK says. Records that are not near there, or without a class, are at the "
            "lowest level."
        )
    missing = (
        f"It cannot be made in {100 * one.missing_m:.1f} % of matches and in {100 * one.missing_u:.1f} % of candidate "
        f"pairs of different people, which counts {one.missing_weight:+.1f} bits."
    )
    if one.kind == "match-key" or one.edges == (1.0,):
        return missing
    return (
        f"Unrelated records have a Dice of {one.chance:.3f}, give or take {one.spread:.3f} (one standard deviation). "
        f"Levels begin beyond that. {missing}"
    )


def _textbook(model: LinkageModel) -> Section:
    twin = model.textbook
    if twin.refusal:
        answer = f"It has no answer here: {twin.refusal.rstrip('.')}."
    else:
        matches = sum(meeting.matches.estimate for meeting in model.meetings)
        answer = (
            f"After {twin.steps:,} steps it takes {twin.matches:,.0f} candidate pairs for matches; this model "
            f"estimates {matches:,.0f}. Its m and u stand in the table of comparisons."
        )
    return Section(
        "The textbook model beside it",
        (
            "Expectation maximisation on the same candidate pairs, every comparison independent of the others. It is "
            "kept to compare with, and decides nothing.",
            answer,
        ),
    )


def _parameters(wave: LinkedWave) -> Section:
    rows: list[tuple[Cell, ...]] = [(name, str(value)) for name, value in sorted(wave.counts.parameters.items())]
    rows += [(f"candidates by {clk}", f"{count:,}") for clk, count in wave.counts.candidates.items()]
    return Section(
        "Parameters of the run",
        ("From the run's signed manifest, which names the model by its SHA-256.",),
        (Table((Column("parameter"), Column("value")), tuple(rows)),),
    )
