"""From an analyst's question to a released table (M8), in numbered steps.

1. The agreement is in force and the analyst is on the roster (whose key signed the question).
2. The question is well formed; the wave it asks about is complete, its state of the data has a name.
3. Everything else is `disclosure.release`, the one door: policy, price, reservation, counting, noise, record.
4. The audit log notes what was charged; the answer leaves at an even time, with its signed provenance.

One release of a lineage runs at a time, over all its processes: a question asked twice at once is charged once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from disclosure.balances import Balance, Caps, balance
from disclosure.bounding import TruncationKey
from disclosure.cell_keys.record_keys import RecordKey
from disclosure.entries import Charge, Entry
from disclosure.errors import LedgerCorrupt, ReleaseFailed
from disclosure.measurements import NoiseSource
from disclosure.query.parsing import parse_question
from disclosure.query.questions import Question
from disclosure.release import Asking, preview, release
from disclosure.table import Release
from disclosure.terms import Terms
from linkage_core.agreement.declared_rates import DeclaredRates
from linkage_core.agreement.doors import Door
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto.secret import Secret
from linkage_core.errors import InputFault
from linkage_core.types import PartyName
from services.analysis.pacing import Pace
from services.analysis.provenance import code_version, sign_provenance
from services.analysis.roster import read_roster
from services.analysis.store.cells import DuckCells
from services.analysis.store.deliveries import DeliveryStore
from services.analysis.store.ledger import SqlLedger
from services.analysis.store.payload import PayloadStore
from services.analysis.waves import choose_wave, data_version, latest_complete
from services.common.agreements import AgreementKeeper
from services.common.audit import AuditLog
from services.common.clock import Clock
from services.common.errors import Denied
from services.common.logs import Log
from services.wire import messages
from services.wire.convert.queries import Answer, BudgetBalance, QueryPreview, Vector
from services.wire.convert.signed import open_message


@dataclass(frozen=True, slots=True)
class QueryParts:
    """What answering works with."""

    agreement: VerifiedAgreement
    identity: Secret
    keeper: AgreementKeeper
    roster: Path
    deliveries: DeliveryStore
    payload: PayloadStore
    declared_rates: Callable[[str], DeclaredRates | None]
    ledger: SqlLedger
    truncation_key: TruncationKey
    record_key: RecordKey
    noise: NoiseSource
    memory_limit: str
    pace: Pace
    clock: Clock
    audit: AuditLog
    log: Log


class QueryDesk:
    """The Queries service's decisions, behind its servicer."""

    def __init__(self, parts: QueryParts) -> None:
        self._parts = parts
        self._terms = Terms.of(parts.agreement.document)

    def preview(self, analyst: PartyName, query: str, wave: str) -> QueryPreview:
        """Return price and precision of a question; touches no data and costs nothing."""
        # 1
        self._check_analyst(analyst)
        # 2
        question, asking = self._asking(analyst, query, wave)
        # 3
        found = preview(
            question,
            terms=self._terms,
            asking=asking,
            ledger=self._parts.ledger,
            truncation_key=self._parts.truncation_key,
            record_key=self._parts.record_key,
        )
        return QueryPreview(
            wave=asking.wave,
            nano_rho=found.nano_rho,
            cell_count=found.cells,
            vectors=tuple(
                Vector(
                    block.name,
                    block.width,
                    mechanism.noise_sd_millionths,
                    mechanism.half_width,
                    mechanism.bound.cells,
                    mechanism.bound.l2_squared,
                    mechanism.nano_rho,
                )
                for block, mechanism in zip(found.blocks, found.mechanisms, strict=True)
            ),
            tables_like_this_left=found.tables_left,
            already_released=found.answered_before,
            free_half_width=found.free_half_width,
            budget=self._budget(analyst, asking.wave),
            mechanism=found.mechanism,
        )

    def run(self, analyst: PartyName, signed: messages.SignedStatement) -> Answer:
        """Answer a signed question, or refuse it."""
        parts = self._parts
        # 1
        key = self._check_analyst(analyst)
        document = parts.agreement.document
        body = open_message(
            signed,
            messages.Question,
            sender=analyst,
            sender_key=key,
            recipient=PartyName(document.analysis_service.name),
            context=parts.agreement.context(signed.statement.context.wave),
        )
        # 2
        wave = signed.statement.context.wave
        question, asking = self._asking(analyst, body.query, wave, body.idempotency_key)
        declared = parts.declared_rates(asking.wave)
        # 3
        with parts.ledger.turn(self._terms.lineage), parts.pace.even() as leave_evenly:
            watched = _Watched(parts.ledger, leave_evenly)
            try:
                table = release(
                    question,
                    terms=self._terms,
                    asking=asking,
                    ledger=watched,
                    counter=DuckCells(parts.payload, parts.deliveries.files(asking.wave), parts.memory_limit),
                    noise=parts.noise,
                    truncation_key=parts.truncation_key,
                    record_key=parts.record_key,
                    declared=declared,
                )
            except ReleaseFailed as failure:
                # 4
                parts.log.error("release failed", release=failure.release_id, error_type=failure.cause)
                if watched.charged:
                    parts.audit.append("release-failed", party=analyst, wave=asking.wave, release=failure.release_id)
                raise
            # 4
            if watched.charged:
                parts.audit.append(
                    "released", party=analyst, wave=asking.wave, release=table.release_id, nano_rho=table.nano_rho
                )
            found = parts.ledger.find_release(self._terms.lineage, table.release_id)
            if found is None:
                raise LedgerCorrupt(f"release {table.release_id} was answered and is not in the ledger")
            return self._answer(analyst, table, found[0], charged=watched.charged)

    def released(self, analyst: PartyName, release_id: str) -> Answer:
        """Return a table of the agreement's project that was released before; it costs nothing.

        Raises `InputFault` for an id that no release of the project has: a table of another project under the same
        lineage may concern other parties.
        """
        self._check_analyst(analyst)
        found = self._parts.ledger.find_release(self._terms.lineage, release_id)
        if found is None or found[0].project != self._terms.project:
            raise InputFault("no release of this project has that id; `symbolon query list` names them")
        entry, table = found
        return self._answer(analyst, table, entry, charged=False)

    def _answer(self, analyst: PartyName, table: Release, entry: Entry, *, charged: bool) -> Answer:
        agreement = self._parts.agreement
        provenance = sign_provenance(table, entry, self._parts.identity, agreement, code_version())
        return Answer(table, entry.wave, charged, self._budget(analyst, entry.wave), provenance)

    def releases(self, analyst: PartyName) -> tuple[list[tuple[Release, str]], BudgetBalance]:
        """Return every released table of the lineage with its wave, and the analyst's budget in the latest wave."""
        self._check_analyst(analyst)
        found = [(table, entry.wave) for entry, table in self._parts.ledger.released(self._terms.lineage)]
        wave = latest_complete(self._parts.agreement.document, self._parts.deliveries) or ""
        return found, self._budget(analyst, wave)

    def _check_analyst(self, analyst: PartyName) -> bytes:
        self._parts.keeper.check_door(self._parts.agreement, Door.QUERY)
        key = read_roster(self._parts.roster, self._parts.agreement).identity_key(analyst)
        if key is None:
            raise Denied("the caller is not on the roster")
        return key

    def _asking(self, analyst: PartyName, query: str, named_wave: str, key: str = "") -> tuple[Question, Asking]:
        question = parse_question(query)
        now = self._parts.clock()
        wave = choose_wave(self._parts.agreement.document, self._parts.deliveries, named_wave, now)
        version = data_version(wave, self._parts.deliveries.batches(wave), self._terms.concepts_digest)
        return question, Asking(analyst, wave, version, now, key)

    def _budget(self, analyst: PartyName, wave: str) -> BudgetBalance:
        found = balance(
            self._parts.ledger.entries(self._terms.lineage),
            Caps.of(self._terms.budget),
            project=self._terms.project,
            wave=wave,
            analyst=analyst,
            at=self._parts.clock().isoformat(),
        )
        return _budget_balance(found)


def _budget_balance(found: Balance) -> BudgetBalance:
    project, year = found.project, found.year
    return BudgetBalance(
        total=found.total.cap,
        total_left=found.total.left,
        wave=found.wave.cap,
        wave_left=found.wave.left,
        analyst=found.analyst.cap,
        analyst_left=found.analyst.left,
        project=None if project is None else project.cap,
        project_left=None if project is None else project.left,
        year=None if year is None else year.cap,
        year_left=None if year is None else year.left,
    )


class _Watched:
    """The ledger of one release, which tells whether a charge was made."""

    def __init__(self, ledger: SqlLedger, leave_evenly: Callable[[], None]) -> None:
        self._ledger = ledger
        self._leave_evenly = leave_evenly
        self.charged = False
        self.record = ledger.record
        self.find_by_question = ledger.find_by_question
        self.find_by_key = ledger.find_by_key
        self.entries = ledger.entries
        self.released = ledger.released

    def reserve(self, charge: Charge, caps: Caps) -> Entry:
        """Reserve; from here on the answer leaves at an even time, whatever happens."""
        entry = self._ledger.reserve(charge, caps)
        self.charged = True
        self._leave_evenly()
        return entry
