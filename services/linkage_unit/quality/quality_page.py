"""The page on how good a wave's links are: by pair of files, by quality class, by threshold, and what it rests on."""

from collections.abc import Iterator

from linkage_core.linking.probabilistic.model import CurvePoint, LinkageModel, MeetingQuality
from services.common.report.cells import Cell, Column, Table
from services.common.report.charts import Axis, Bar, Dots, Line, Lines, Mark, Point
from services.common.report.document import Block, Fact, Notes, Report, Section
from services.linkage_unit.quality.notes import estimate_sentence, notes_of
from services.linkage_unit.quality.overall import overall
from services.linkage_unit.quality.passes import identifiers_section, passes_section
from services.linkage_unit.quality.wave import LinkedWave
from services.linkage_unit.quality.words import CLASSES, CLOSING, UNITS, ends, meeting_name

_PRECISION = Axis("precision", kind="probability")
_RECALL = Axis("recall", kind="probability")
_SHARE = Axis("precision, recall", kind="probability")


def quality_page(wave: LinkedWave) -> Report:
    """Return the page; for a wave without a model it has counts only, and says why."""
    estimated: tuple[Section, ...] = ()
    if wave.model is not None:
        estimated = (
            _pairs(wave.model),
            _classes(wave.model),
            *(
                _threshold(meeting, UNITS[wave.model.basis])
                for meeting in wave.model.meetings
                if len(meeting.curve) > 1
            ),
            _rests_on(wave.model),
        )
    return Report(
        title=f"How good the links of wave {wave.wave} are",
        subtitle=f"{wave.agreement} · wave {wave.wave} · registry version {wave.counts.registry_version}",
        intro=estimate_sentence(wave),
        facts=_facts(wave),
        sections=(
            Section("What to know first", (), (Notes(notes_of(wave)),)),
            *estimated,
            _tokens(wave),
            passes_section(wave.counts),
            identifiers_section(wave.counts),
            *([_method(wave.model)] if wave.model is not None else []),
        ),
        closing=CLOSING,
    )


def pairs_table(model: LinkageModel) -> Table:
    """Return a row for each pair of files: links, estimated matches, precision and recall with their intervals."""
    return Table(
        (
            Column("files"),
            Column("links", "count"),
            Column("matches", "count"),
            Column("95 %", "count"),
            Column("precision", "probability"),
            Column("95 %", "probability"),
            Column("recall", "probability"),
            Column("95 %", "probability"),
        ),
        tuple(
            (
                meeting_name(one),
                one.links,
                one.matches.estimate,
                ends(one.matches),
                one.precision.estimate,
                ends(one.precision),
                one.recall.estimate,
                ends(one.recall),
            )
            for one in model.meetings
        ),
        "Estimated, with 95 % intervals",
    )


def classes_table(model: LinkageModel) -> Table:
    """Return a row for each quality class of each pair of files."""
    return Table(
        (
            Column("files"),
            Column("quality class"),
            Column("links", "count"),
            Column("precision", "probability"),
            Column("95 %", "probability"),
            Column("of all matches", "probability"),
            Column("95 %", "probability"),
        ),
        tuple(
            (
                meeting_name(meeting) if not place else "",
                _class_name(one.quality_class),
                one.links,
                one.precision.estimate,
                ends(one.precision),
                one.recall.estimate,
                ends(one.recall),
            )
            for meeting in model.meetings
            for place, one in enumerate(meeting.classes)
        ),
        "A link's class is the worse one of its two records",
    )


def _facts(wave: LinkedWave) -> tuple[Fact, ...]:
    rows = Fact("rows of all files", sum(file.rows for file in wave.counts.files))
    people = Fact("people, as linked", wave.counts.groups)
    if wave.model is None:
        return (rows, people, Fact("linkable pairs", wave.counts.linkable_pairs))
    found = overall(wave.model)
    return (
        people,
        Fact("links", found.links),
        Fact("estimated precision", found.precision.estimate, "probability"),
        Fact("estimated recall", found.recall.estimate, "probability"),
    )


def _pairs(model: LinkageModel) -> Section:
    blocks: list[Block] = [pairs_table(model)]
    for title, about, axis, intervals in (
        ("Precision.", "What share of the links is right.", _PRECISION, [one.precision for one in model.meetings]),
        ("Recall.", "What share of all matches is linked.", _RECALL, [one.recall for one in model.meetings]),
    ):
        dots = tuple(
            Bar(meeting_name(meeting), one.estimate, one.low, one.high)
            for meeting, one in zip(model.meetings, intervals, strict=True)
        )
        blocks.append(Dots(title, f"{about} Lines are 95 % intervals.", "files", axis, dots))
    paragraphs = (
        "A link is a pair of records in one group, a match a pair of records of one person, linked or not. The "
        "estimates say nothing of people whom no candidate pair brought together but through their part in recall.",
    )
    return Section("Pairs of files", paragraphs, tuple(blocks))


def _classes(model: LinkageModel) -> Section:
    dots = tuple(
        Bar(meeting_name(meeting), one.precision.estimate, one.precision.low, one.precision.high, _class_name(number))
        for meeting in model.meetings
        for one in meeting.classes
        if one.links
        for number in [one.quality_class]
    )
    blocks: list[Block] = [classes_table(model)]
    if dots:
        about = "What share of the links of each class is right. Lines are 95 % intervals."
        blocks.append(Dots("Precision by quality class.", about, "files", _PRECISION, dots))
    paragraphs = (
        f"The class is all that a token says of how well its row is linked, sealed to the analysis service: one of "
        f"{len(CLASSES)}, never a weight or a probability. Classes with too few rows in some file are merged.",
    )
    return Section("Quality classes", paragraphs, tuple(blocks))


def _threshold(meeting: MeetingQuality, unit: str) -> Section:
    axis = Axis("lowest score that is linked", unit, "number")
    lines = tuple(
        Line(name, tuple(Point(point.score, *_ends(name, point)) for point in meeting.curve))
        for name in ("precision", "recall")
    )
    marks = []
    agreed, best = meeting.threshold, meeting.recommended
    if agreed is not None and best is not None and abs(agreed - best) < _TOGETHER * _width(meeting):
        marks.append(Mark(agreed, "agreed and recommended" if agreed == best else "agreed; recommended nearby"))
    else:
        marks += [Mark(agreed, "agreed")] if agreed is not None else []
        marks += [Mark(best, "recommended")] if best is not None else []
    counts = Lines(
        "Links, and false ones among them.",
        "As many as each threshold would give.",
        axis,
        Axis("links", kind="count"),
        (
            Line("links", tuple(Point(point.score, point.links) for point in meeting.curve)),
            Line("of them false", tuple(Point(point.score, point.false) for point in meeting.curve)),
        ),
        marks=tuple(marks),
    )
    chart = Lines(
        "Precision and recall over the threshold.",
        "Bands are 95 % intervals.",
        axis,
        _SHARE,
        lines,
        marks=tuple(marks),
    )
    return Section(f"Threshold: {meeting_name(meeting)}", (_threshold_sentence(meeting, unit),), (chart, counts))


_TOGETHER = 0.08
"""Marks nearer than this share of the axis would write over each other."""


def _width(meeting: MeetingQuality) -> float:
    scores = [point.score for point in meeting.curve]
    return max(scores) - min(scores)


def _ends(name: str, point: CurvePoint) -> tuple[float, float, float]:
    interval = point.precision if name == "precision" else point.recall
    return interval.estimate, interval.low, interval.high


def _threshold_sentence(meeting: MeetingQuality, unit: str) -> str:
    agreed = (
        "No pair reaches the probability that the agreement asks for."
        if meeting.threshold is None
        else f"By the agreement pairs of {meeting.threshold:.1f} {unit} or more are linked."
    )
    if meeting.recommended is None:
        return f"{agreed} No threshold is recommended: {meeting.reason.rstrip('.')}."
    return f"{agreed} Recommended are {meeting.recommended:.1f} {unit}: {meeting.reason.rstrip('.')}."


def _rests_on(model: LinkageModel) -> Section:
    blocks: list[Block] = []
    nulls: list[tuple[Cell, ...]] = [
        (
            meeting_name(meeting) if not place else "",
            one.provider,
            one.records,
            one.sampled,
            one.support,
            one.expected_false,
        )
        for meeting in model.meetings
        for place, one in enumerate(meeting.null)
    ]
    if nulls:
        heads = (
            Column("links between"),
            Column("chance by"),
            Column("its records", "count"),
            Column("compared", "count"),
            Column("reach the threshold", "count"),
            Column("false links expected", "number"),
        )
        blocks.append(Table(heads, tuple(nulls), "What files say about chance"))
    anchored = [row for meeting in model.meetings for row in _anchored(meeting)]
    if anchored:
        of_anchors = (
            Column("links between"),
            Column("among"),
            Column("pairs", "count"),
            Column("by identifiers", "probability"),
            Column("95 %", "probability"),
            Column("by the model", "probability"),
            Column("95 %", "probability"),
        )
        blocks.append(Table(of_anchors, tuple(anchored), "What identifiers say, beside the model without them"))
    paragraphs = [
        "In a file that holds each person once, every pair of records is of two people, relatives and namesakes "
        "included. How high the best of such pairs scores is how high a record without a partner scores by chance."
        if model.basis == "self-comparison"
        else "No file is known to hold each person once. So only the noise of unrelated codes is known: relatives and "
        "namesakes are not told from matches, and precision is at best an upper bound.",
        *(
            [
                "Where several files speak, the larger chance counts. Fewer records that reach the threshold by chance "
                "mean a wider interval."
            ]
            if nulls
            else []
        ),
        _twin_sentence(model),
    ]
    return Section("What the estimates rest on", tuple(paragraphs), tuple(blocks))


def _anchored(meeting: MeetingQuality) -> Iterator[tuple[Cell, ...]]:
    """Yield recall among pairs that share an identifier, and precision among links of two identifiers."""
    if (one := meeting.anchored) is None:
        return
    told = (
        (meeting_name(meeting), "pairs that share one: found without it", one.pairs, one.recall, one.model_recall),
        ("", "links of two: that agree", one.compared, one.precision, one.model_precision),
    )
    for name, among, pairs, known, of_model in told:
        yield name, among, pairs, known.estimate, ends(known), of_model.estimate, ends(of_model)


def _twin_sentence(model: LinkageModel) -> str:
    twin = model.textbook
    if twin.refusal:
        return f"The textbook mixture (EM) beside it has no answer: {twin.refusal.rstrip('.')}."
    matches = sum(meeting.matches.estimate for meeting in model.meetings)
    return (
        f"The textbook mixture (EM) beside it, which takes comparisons for independent, finds {twin.matches:,.0f} "
        f"matches; this model estimates {matches:,.0f}. Only this one is used."
    )


def _tokens(wave: LinkedWave) -> Section:
    heads = (Column("provider"), *(Column(name, "count") for name in CLASSES))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (provider, *counts) for provider, counts in sorted(wave.counts.quality_classes.items())
    )
    return Section(
        "What tokens carry",
        ("Rows of each file by the class in their token. Unlinked rows have one class, however near a partner was.",),
        (Table(heads, rows),),
    )


def _method(model: LinkageModel) -> Section:
    learnt = f"learnt in wave {model.weights_of}" if model.weights_of else f"fitted in {model.rounds} rounds"
    return Section(
        "How this was estimated",
        (
            "The links' scores are compared with the best scores that records have among different people. Links "
            "beyond those that chance explains are matches; how many there are in all follows from how many records "
            "have no partner, in turn. Intervals hold the chance of the sample, not an error in the conditions: the "
            "guards look at those, and stand on the first page where they find something.",
            "The same holds for recall: it is a share of the matches that are estimated to be there. Matches that no "
            "candidate pair shows enter it only as far as the model could see them.",
            f"The model behind it was {learnt}; `symbolon linkage-unit model` shows it.",
        ),
    )


def _class_name(number: int) -> str:
    return CLASSES[number]
