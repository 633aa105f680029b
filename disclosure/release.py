"""The one door through which statistics leave.

1. Policy: measure, dimensions, dates, grid and noise are allowed.
2. Canonical form and its hash: one question, however spelled, on one version of the data.
3. Price: rho by OpenDP's own map. The same question released before, at this price or a higher one, is answered free
   with the very same numbers: asking again neither costs nor averages the noise away. So is a coarser question, if
   cells of a released table add up to it with no more noise than was asked for. A retry under the same idempotency
   key gets what the first attempt got, and never pays twice.
4. Reserve: all caps are checked and the charge is durable before any noise exists.
5. Bound and count, over the full public grid.
6. Noise, drawn once.
7. Post-processing of noisy values only.
8. Record the result.
9. Answer.

A table by cell-key perturbation, where the agreement allows it, goes through the same door and is not differentially
private: its price is nought, since no rho covers it; its reservation (4) counts it among the tables allowed; the
p-table stands in the place of noise (6). It is deterministic: whoever asks for its cells gets the same values.

A failure between 4 and 8, a crash too, leaves the charge where it is and gives one opaque error. Its noise may have
been seen, so asking again is a new charge with new noise, and the ledger counts both.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import JsonValue

from disclosure.balances import Caps, balance
from disclosure.bounding import Block, TruncationKey
from disclosure.cell_keys.record_keys import RecordKey
from disclosure.cell_keys.tables import Perturbation, perturbed_table
from disclosure.coarsening import coarser
from disclosure.compilation import CompiledQuestion, compile_question
from disclosure.entries import Charge, cell_key_tables
from disclosure.errors import ReleaseFailed
from disclosure.ledger import LedgerStore, answer_to_retry, check_result
from disclosure.measurements import Mechanism, NoiseSource
from disclosure.presentation import Presented, present
from disclosure.priced import Priced, priced
from disclosure.query.questions import Question
from disclosure.table import MechanismName, Noised, Release
from disclosure.terms import Terms
from disclosure.uncertainty.correcting import corrected
from linkage_core.agreement.declared_rates import DeclaredRates


class CellCounter(Protocol):
    """Runs a compiled question on the payload of one data version."""

    def count(self, compiled: CompiledQuestion) -> Mapping[int, Sequence[int]]:
        """Return the numbers of each block per position; a position where all are nought may be left out."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, of which wave and data version, and when (UTC).

    `data_version` names one state of payload and linkage: whatever changes a count must change it. `idempotency_key` is
    the analyst's name for this asking, by which a retry is known; empty for a preview.
    """

    analyst: str
    wave: str
    data_version: str
    at: datetime.datetime
    idempotency_key: str = ""

    @property
    def at_text(self) -> str:
        """The time in ISO 8601, UTC, to the second."""
        return self.at.astimezone(datetime.UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a question would cost and give. It touches no data.

    `answered_before`: it was released already at this price or a higher one, or released cells add up to it with no
    more noise, so it is free. `free_half_width`: with which half-width released cells add up to it. `tables_left`: how
    many more tables of this price the caps allow. `mechanism`: what that price pays for, or that there is no privacy to
    pay for.
    """

    question: Mapping[str, JsonValue]
    question_hash: str
    nano_rho: int
    blocks: tuple[Block, ...]
    mechanisms: tuple[Mechanism | Perturbation, ...]
    mechanism: MechanismName
    cells: int
    answered_before: bool
    free_half_width: int | None
    tables_left: int


def preview(
    question: Question,
    *,
    terms: Terms,
    asking: Asking,
    ledger: LedgerStore,
    truncation_key: TruncationKey,
    record_key: RecordKey | None = None,
) -> Preview:
    """Return price, precision and what is left; raises `PolicyRefused` as `release` would, and charges nothing."""
    plan = priced(question, terms, asking.data_version, truncation_key, record_key)
    entries, caps = ledger.entries(terms.lineage), _caps(terms)
    left = balance(
        entries,
        caps,
        project=terms.project,
        wave=asking.wave,
        analyst=asking.analyst,
        at=asking.at_text,
    )
    price = plan.nano_rho
    summed = _summed(question, plan, terms, asking, ledger)
    return Preview(
        question=plan.form,
        question_hash=plan.question_hash,
        nano_rho=price,
        blocks=plan.blocks,
        mechanisms=plan.mechanisms,
        mechanism=plan.mechanism,
        cells=plan.grid.size,
        answered_before=_released_before(plan, terms, ledger) is not None or _precise_enough(summed, plan),
        free_half_width=None if summed is None else summed.half_width,
        tables_left=left.tables_left(price) if price else max(0, caps.cell_key_tables - cell_key_tables(entries)),
    )


def release(
    question: Question,
    *,
    terms: Terms,
    asking: Asking,
    ledger: LedgerStore,
    counter: CellCounter,
    noise: NoiseSource,
    truncation_key: TruncationKey,
    record_key: RecordKey | None = None,
    declared: DeclaredRates | None = None,
) -> Release:
    """Answer a question, or refuse it; `declared` is what the linkage unit declares of the wave.

    Without a `record_key` no table by cell-key perturbation is made, whatever the agreement allows.

    Raises `PolicyRefused`, `BudgetRefused` and `KeyReused` (nothing changed), `LedgerCorrupt`, and `ReleaseFailed`
    (charged). That the agreement is in force and the analyst on the roster is checked before by the caller, who also
    keeps answers from telling by their time: it runs one release at a time, so that a question asked twice at once is
    charged once.
    """
    # 1, 2, 3
    plan = priced(question, terms, asking.data_version, truncation_key, record_key)
    found = ledger.find_by_key(terms.lineage, asking.analyst, asking.idempotency_key)
    retried = answer_to_retry(found, plan.question_hash, plan.nano_rho)
    earlier = Release.from_json(retried) if retried is not None else _released_before(plan, terms, ledger)
    if earlier is not None:
        return earlier
    summed = _summed(question, plan, terms, asking, ledger)
    if summed is not None and _precise_enough(summed, plan):
        return summed
    # 4
    reservation = ledger.reserve(
        Charge(
            lineage=terms.lineage,
            agreement_hash=terms.agreement_hash,
            project=terms.project,
            wave=asking.wave,
            analyst=asking.analyst,
            question_hash=plan.question_hash,
            nano_rho=plan.nano_rho,
            at=asking.at_text,
            idempotency_key=asking.idempotency_key,
            mechanism="" if plan.cell_keys is None else plan.mechanism,
        ),
        _caps(terms),
    )
    try:
        if plan.cell_keys is None:
            # 5
            compiled = compile_question(question, terms, plan.grid, truncation_key)
            vectors = compiled.vectors(counter.count(compiled))
            # 6
            noisy = [noise.add_noise(v, mechanism) for v, mechanism in zip(vectors, plan.noise, strict=True)]
            # 7
            noised = _noised(plan, noisy)
            table = present(question, plan.grid, noised, terms)
            answer = _answer(noised, table, terms, plan, asking, reservation.release_id)
            answer = corrected(answer, question, plan.grid, terms, declared)
        else:
            # 5
            compiled = compile_question(question, terms, plan.grid, truncation_key, plan.cell_keys.record_key)
            # 6, 7
            values, table = perturbed_table(question, compiled, counter.count(compiled), plan.cell_keys.ptable, terms)
            answer = _answer(_noised(plan, [values]), table, terms, plan, asking, reservation.release_id)
        # 8
        ledger.record(reservation, answer.to_json(), asking.at_text)
    except Exception as error:  # noqa: BLE001 - whatever happened may depend on the data: one opaque error for all of it
        cause = type(error).__name__
    else:
        # 9
        return answer
    # Raised outside the handler, so that no message of a database travels along as the error's context.
    raise ReleaseFailed(reservation.release_id, cause)


def _caps(terms: Terms) -> Caps:
    return Caps.of(terms.budget, terms.statistics.cell_keys)


def _released_before(plan: Priced, terms: Terms, ledger: LedgerStore) -> Release | None:
    found = ledger.find_by_question(terms.lineage, plan.question_hash)
    if found is None:
        return None
    entry, result = found
    check_result(entry, result)
    earlier = Release.from_json(result)
    return earlier if earlier.nano_rho >= plan.nano_rho else None


def _summed(question: Question, plan: Priced, terms: Terms, asking: Asking, ledger: LedgerStore) -> Release | None:
    released = (table for _, table in ledger.released(terms.lineage) if table.data_version == asking.data_version)
    found = None if plan.cell_keys else coarser(question, plan.form, terms, released)
    return None if found is None else replace(found, question_hash=plan.question_hash)


def _precise_enough(summed: Release | None, plan: Priced) -> bool:
    return summed is not None and all(
        vector.noise_sd_millionths <= mechanism.noise_sd_millionths
        for vector, mechanism in zip(summed.noised, plan.mechanisms, strict=True)
    )


def _noised(plan: Priced, vectors: Sequence[tuple[int, ...]]) -> tuple[Noised, ...]:
    return tuple(
        Noised(
            name=block.name,
            width=block.width,
            noise_sd_millionths=mechanism.noise_sd_millionths,
            half_width=mechanism.half_width,
            bound_cells=mechanism.bound.cells,
            l2_squared=mechanism.bound.l2_squared,
            nano_rho=mechanism.nano_rho,
            values=values,
        )
        for block, mechanism, values in zip(plan.blocks, plan.mechanisms, vectors, strict=True)
    )


def _answer(
    noised: tuple[Noised, ...], table: Presented, terms: Terms, plan: Priced, asking: Asking, release_id: str
) -> Release:
    return Release(
        release_id=release_id,
        question=plan.form,
        question_hash=plan.question_hash,
        agreement_hash=terms.agreement_hash,
        data_version=asking.data_version,
        released_at=asking.at_text,
        mechanism=plan.mechanism,
        nano_rho=plan.nano_rho,
        noised=noised,
        unit=table.unit,
        decimals=table.decimals,
        axes=table.axes,
        cells=table.cells,
        totals_axes=table.totals_axes,
        totals=table.totals,
        covers="noise" if plan.cell_keys is None else "perturbation",
        explanation="" if plan.cell_keys is None else plan.cell_keys.explanation,
    )
