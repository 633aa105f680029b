"""A linkage model as values, small enough to read, for what is told of it; every number in it is invented."""

from dataclasses import replace
from typing import Final

from linkage_core.linking.deterministic import PassCounts
from linkage_core.linking.probabilistic.model import (
    Anchored,
    ClassQuality,
    ComparisonModel,
    CurvePoint,
    Finding,
    Interval,
    LinkageModel,
    MeetingQuality,
    NullSupport,
    TextbookModel,
)
from linkage_core.types import MatchKeyName
from services.linkage_unit.quality.stored import model_bytes, model_digest
from services.linkage_unit.quality.wave import FileEntry, LinkedWave, RunCounts
from services.linkage_unit.run_manifest import IdentifierEntry, ProvidersEntry

NAMES: Final = ComparisonModel(
    name="names",
    kind="clk",
    edges=(0.61, 0.68, 0.79, 0.96),
    chance=0.5,
    spread=0.03,
    m=(0.01, 0.04, 0.15, 0.3, 0.5),
    u=(0.99, 0.009, 0.0009, 0.0001, 0.0000002),
    weight=(0.0, 3.1, 6.4, 9.2, 12.5),
    log_ratio=(-6.6, 2.2, 7.4, 11.5, 21.3),
    missing_weight=-0.4,
    missing_m=0.02,
    missing_u=0.05,
)
NUMBER: Final = ComparisonModel(
    name="national-number",
    kind="match-key",
    edges=(1.0,),
    chance=0.0,
    spread=1.0,
    m=(0.02, 0.98),
    u=(1.0, 0.0),
    weight=(0.0, 11.7),
    log_ratio=(-5.6, 24.0),
    missing_weight=5.5,
    missing_m=0.6,
    missing_u=0.7,
)


def curve() -> tuple[CurvePoint, ...]:
    """Return a curve of ten thresholds, precision rising and recall falling."""
    return tuple(
        CurvePoint(
            score=float(step - 2),
            links=1100 - 30 * step,
            false=60.0 / (step + 1),
            precision=Interval(1 - 0.06 / (step + 1), 1 - 0.1 / (step + 1), 1 - 0.03 / (step + 1)),
            recall=Interval(0.99 - 0.02 * step, 0.98 - 0.021 * step, 0.995 - 0.019 * step),
        )
        for step in range(10)
    )


MEETING: Final = MeetingQuality(
    providers=("register", "tax"),
    settled=(False, False),
    way="one-to-one",
    sizes=(1500, 1400),
    candidate_pairs=5200,
    links=1010,
    matches=Interval(1030.0, 1011.0, 1052.0),
    threshold=1.2,
    recommended=1.2,
    reason="the best F1 by the estimates",
    precision=Interval(0.9931, 0.9874, 0.9978),
    recall=Interval(0.9738, 0.9611, 0.9842),
    classes=(
        ClassQuality(1, 610, Interval(0.999, 0.996, 1.0), Interval(0.592, 0.58, 0.603)),
        ClassQuality(2, 320, Interval(0.991, 0.982, 0.997), Interval(0.308, 0.3, 0.32)),
        ClassQuality(3, 80, Interval(0.91, 0.86, 0.95), Interval(0.07, 0.06, 0.08)),
    ),
    curve=curve(),
    null=(NullSupport("register", 1500, 1500, 12, 6.1), NullSupport("tax", 1400, 1400, 9, 5.2)),
    anchored=Anchored(
        pairs=410,
        recall=Interval(0.97, 0.95, 0.985),
        model_recall=Interval(0.9642, 0.94, 0.98),
        compared=405,
        precision=Interval(0.995, 0.98, 0.999),
        model_precision=Interval(0.9917, 0.98, 0.999),
    ),
)
OTHER: Final = replace(
    MEETING,
    providers=("border", "tax"),
    way="many-to-one",
    links=640,
    matches=Interval(700.0, 655.0, 760.0),
    threshold=3.4,
    recommended=2.1,
    reason="the best F1 by the estimates",
    precision=Interval(0.96, 0.93, 0.98),
    recall=Interval(0.88, 0.83, 0.92),
    anchored=None,
)

MODEL: Final = LinkageModel(
    basis="self-comparison",
    rounds=3,
    comparisons=(NAMES, NUMBER),
    textbook=TextbookModel(
        refusal="",
        m=((0.02, 0.05, 0.15, 0.28, 0.5), (0.03, 0.97)),
        u=((0.985, 0.01, 0.004, 0.0009, 0.0001), (1.0, 0.0)),
        matches=2900.0,
        steps=41,
    ),
    meetings=(MEETING, OTHER),
    findings=(Finding("nulls-differ", ("border", "tax"), "chance differs by 2.4 times", "look at their composition"),),
)


def linked(model: LinkageModel | None = MODEL) -> LinkedWave:
    """Return a linked wave with a model, or without one."""
    stored = None if model is None else model_bytes(model)
    counts = RunCounts(
        registry_version=1,
        files=tuple(FileEntry(provider=name, rows=rows) for name, rows in (("register", 1500), ("tax", 1400))),
        parameters={"combination": "weighted-mean" if model is None else "fellegi-sunter", "link_per_mille": 700},
        groups=1890,
        passes=(PassCounts(MatchKeyName("national-number"), 420, 405, 6, 5, 4, 805),),
        identifiers=(
            IdentifierEntry(
                match_key="national-number",
                groups_with_two_values=3,
                groups_by_providers=(ProvidersEntry(providers=("register", "tax"), groups=3),),
                values_in_two_groups=1,
                values_repeated={"register": 0, "tax": 2},
            ),
        ),
        candidates={"names": 5100},
        scored_pairs=5200,
        linkable_pairs=1044,
        quality_classes={"register": (490, 610, 320, 80), "tax": (390, 610, 320, 80)},
        model=None if stored is None else model_digest(stored),
    )
    return LinkedWave("A pilot", "w1", counts, model, stored, "5e" * 32)
