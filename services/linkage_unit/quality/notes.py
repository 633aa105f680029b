"""What was found about a wave's links that calls for a look, and what to do about it; what must be mended first."""

from collections.abc import Iterator
from typing import Final

from linkage_core.linking.probabilistic.model import Finding, FindingName, LinkageModel, MeetingQuality
from services.common.report.document import Note, Weight
from services.linkage_unit.quality.overall import overall
from services.linkage_unit.quality.wave import LinkedWave, RunCounts
from services.linkage_unit.quality.words import FOR_THE_OPERATOR, UNITS, interval_text, listed, meeting_name

_ORDER: Final[tuple[Weight, ...]] = ("mend", "look", "note", "good")

_WEIGHTS: Final[dict[FindingName, Weight]] = {
    "duplicates-inside": "mend",
    "nulls-differ": "look",
    "anchors-contradict": "mend",
    "not-one-to-one": "look",
    "nothing-beyond-chance": "mend",
    "too-few-records": "look",
    "earlier-weights": "note",
    "hardly-comparable": "mend",
    "no-file-without-duplicates": "look",
}
"""Findings that say that the estimates are wrong are to be mended; others leave them less sure."""

_LOW: Final = 0.95
"""An end of an interval below this is told: one link in twenty, or one match."""

_SAME: Final = 0.5
"""Bits, or standard deviations, by which the agreed and the recommended threshold may differ unmentioned."""

_FAR: Final = 1.25
"""How many times more matches the textbook model may find, or fewer, unmentioned."""


def notes_of(wave: LinkedWave) -> tuple[Note, ...]:
    """Return every note on a wave's links."""
    found = [*_without_model(wave)] if wave.model is None else [*_of_model(wave.model)]
    for meeting in wave.model.meetings if wave.model is not None else ():
        found += _low(meeting)
    return _ordered([*found, *_identifiers(wave.counts), *_passes(wave.counts)])


def model_notes(model: LinkageModel) -> tuple[Note, ...]:
    """Return the notes on the model alone."""
    return _ordered([*_of_model(model)])


def _ordered(notes: list[Note]) -> tuple[Note, ...]:
    return (FOR_THE_OPERATOR, *sorted(notes, key=lambda note: _ORDER.index(note.weight)))


def _without_model(wave: LinkedWave) -> Iterator[Note]:
    agreed = wave.counts.parameters.get("combination")
    reason = "its files are too small to learn weights from" if agreed == "fellegi-sunter" else "the agreement says so"
    yield Note(
        "look",
        f"There is no estimate of precision and recall: the wave was linked by the weighted mean, as {reason}.",
        "With matching.combination fellegi-sunter, and a few hundred records, a run estimates how good its links are.",
    )


def _of_model(model: LinkageModel) -> Iterator[Note]:
    yield from (_finding(finding) for finding in model.findings)
    if not model.findings:
        yield Note("good", "No guard of the model found a reason to doubt its estimates.")
    for meeting in model.meetings:
        yield from _threshold(meeting, UNITS[model.basis])
    yield from _textbook(model)


def _finding(finding: Finding) -> Note:
    at, found = listed(finding.providers), finding.explanation.rstrip(".")
    return Note(_WEIGHTS[finding.name], f"{at}: {found}." if at else _sentence(found), _sentence(finding.change))


def _low(meeting: MeetingQuality) -> Iterator[Note]:
    name = meeting_name(meeting)
    if meeting.links and meeting.precision.low < _LOW:
        yield Note(
            "look",
            f"{name}: more than one link in twenty may be false; estimated precision "
            f"{interval_text(meeting.precision)}.",
            "A higher matching.least_probability_per_mille leaves the doubtful links out; the curve over the threshold "
            "says at what price.",
        )
    if meeting.matches.estimate >= 1 and meeting.recall.high < _LOW:
        yield Note(
            "look",
            f"{name}: more than one match in twenty is missed; estimated recall {interval_text(meeting.recall)}.",
            "A lower matching.least_probability_per_mille finds more. What no threshold finds is lost to errors in the "
            "files, to missing values, or to candidates that matching.candidate_per_mille leaves out.",
        )


def _threshold(meeting: MeetingQuality, unit: str) -> Iterator[Note]:
    agreed, best = meeting.threshold, meeting.recommended
    if agreed is not None and best is not None and abs(agreed - best) > _SAME:
        way = "lower" if best < agreed else "higher"
        yield Note(
            "note",
            f"{meeting_name(meeting)}: a {way} threshold would serve better, {best:.1f} {unit} instead "
            f"of {agreed:.1f}. {_sentence(meeting.reason)}",
            f"The agreement's matching.least_probability_per_mille decides it: a {way} one comes nearer.",
        )


def _textbook(model: LinkageModel) -> Iterator[Note]:
    twin, matches = model.textbook, sum(meeting.matches.estimate for meeting in model.meetings)
    if twin.refusal:
        yield Note("note", f"The textbook model (EM), kept for comparison, has no answer: {twin.refusal.rstrip('.')}.")
    elif matches and not 1 / _FAR < twin.matches / matches < _FAR:
        yield Note(
            "note",
            f"The textbook model (EM), kept for comparison, takes {twin.matches:,.0f} pairs for matches, where this "
            f"one estimates {matches:,.0f}.",
            "It takes comparisons for independent, which CLKs that share a variable are not, and relatives for "
            "matches. Its answer is not used.",
        )


def _identifiers(counts: RunCounts) -> Iterator[Note]:
    for entry in counts.identifiers:
        if entry.groups_with_two_values:
            yield Note(
                "look",
                f"{entry.match_key}: {_people(entry.groups_with_two_values)} two identifiers.",
                "Either a false link, or an error in a register, or a person with two papers; counts cannot tell "
                "which.",
            )
        if entry.values_in_two_groups:
            yield Note(
                "look",
                f"{entry.match_key}: {_times(entry.values_in_two_groups, 'identifier is', 'identifiers are')} used by "
                "two people or more.",
                "Either a missed link, or an identifier given twice.",
            )
        repeated = [f"{provider} {count:,}" for provider, count in entry.values_repeated.items() if count]
        if repeated:
            yield Note(
                "look",
                f"{entry.match_key}: identifiers occur more than once in a file that should hold each person once: "
                f"{', '.join(repeated)}.",
                "If the file does hold people several times, matching.sources_with_duplicates has to say so.",
            )


def _passes(counts: RunCounts) -> Iterator[Note]:
    for done in counts.passes:
        left = done.ambiguous_keys + done.clashing_keys + done.contradicted_keys
        if left:
            yield Note(
                "note",
                f"Pass {done.match_key} left out {_times(left, 'key', 'keys')} of {done.shared_keys:,} that files "
                "share, as they contradict each other.",
                "Their records stayed open to similarity. The table of passes has the reasons.",
            )


def estimate_sentence(wave: LinkedWave) -> str:
    """Return the estimate over all pairs of files in a sentence."""
    if wave.model is None:
        return "How good these links are was not estimated."
    found = overall(wave.model)
    return (
        f"Of {found.links:,} links an estimated {interval_text(found.precision)} are right, and they are "
        f"{interval_text(found.recall)} of all that there are to find; in brackets 95 % intervals. Nobody told which "
        "links are true: the files themselves did."
    )


def _people(count: int) -> str:
    return _times(count, "person has", "people have")


def _times(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _sentence(text: str) -> str:
    """Return a text as a sentence: a capital at its beginning, a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
