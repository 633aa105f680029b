"""The analyst's side: ask the analysis service from Python, and get data frames that carry their uncertainty.

    from services.analysis.client import Analysis
    with Analysis.connect("analyst.toml") as analysis:
        print(analysis.preview(question))
        table = analysis.run(question)      # a pandas DataFrame; table.attrs has price, noise, version and budget
        analysis.export(table, "stock.parquet")

A question is a mapping as `disclosure.query` describes it, or its JSON.
"""

import datetime
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc

from disclosure.errors import QueryFault
from disclosure.suppression import LARGEST_HALF_WIDTH_PER_MILLE
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.types import PartyName
from services.analysis.client_config import AnalystConfig, load
from services.analysis.export.files import form_of, write_table
from services.analysis.export.observations import ConfidentialityStatus, publication
from services.analysis.export.sdmx import AGENCY
from services.analysis.provenance import verify_provenance
from services.common.channel import DEADLINE_SECONDS, open_channel, remote_errors
from services.common.identity import Role, realm_of
from services.common.keystore import PartyKeys
from services.common.own_identity import own_identity
from services.wire import messages
from services.wire.convert import queries
from services.wire.convert.signed import sign_message
from services.wire.v1 import queries_pb2_grpc

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from disclosure.planning import Expected, Plan
    from disclosure.table import Release
    from services.analysis.export.files import Format
    from services.analysis.trial import Trial
    from services.common.report.document import Report

PEER = "the analysis service"
ANSWER_SECONDS = 600.0
"""How long a large question may take."""


class Analysis:
    """A connection to the analysis service under an analyst's keys."""

    def __init__(self, channel: grpc.Channel, keys: PartyKeys, agreement: VerifiedAgreement) -> None:
        self._channel = channel
        self._keys = keys
        self._agreement = agreement
        self._stub = queries_pb2_grpc.QueriesStub(channel)
        self._answers: dict[str, queries.Answer] = {}

    @classmethod
    def connect(cls, config: AnalystConfig | Path | str) -> "Analysis":
        """Connect as an analyst's configuration says; raises `ConfigurationFault` or `Refused` if it cannot be used."""
        settings = config if isinstance(config, AnalystConfig) else load(Path(config))
        agreement, keys = own_identity(settings.keys, settings.agreement, Role.ANALYST)
        service = agreement.document.analysis_service.name
        channel = open_channel(
            settings.analysis_service, keys.transport, realm_of(agreement), Role.ANALYSIS_SERVICE, service
        )
        return cls(channel, keys, agreement)

    def preview(self, question: Mapping[str, Any] | str, wave: str = "") -> queries.QueryPreview:
        """Return what a question would cost and give; it touches no data and costs nothing."""
        request = queries.preview_query_request_to_wire(question_text(question), wave)
        with remote_errors(PEER):
            answer = self._stub.PreviewQuery(request, timeout=DEADLINE_SECONDS)
        return queries.preview_query_response_from_wire(answer)

    def answer(self, question: Mapping[str, Any] | str, wave: str = "", idempotency_key: str = "") -> queries.Answer:
        """Ask a question, signed with the analyst's key; it costs what `preview` says, or nothing the second time.

        Each call is an asking of its own, unless it repeats the `idempotency_key` (see `new_idempotency_key`) of one
        whose answer was lost: then it gets the first one's outcome, and never pays again.
        """
        signed = sign_message(
            self._keys.identity,
            self._keys.name,
            PartyName(self._agreement.document.analysis_service.name),
            self._agreement.context(wave),
            messages.Question(question_text(question), idempotency_key or new_idempotency_key()),
        )
        request = queries.run_query_request_to_wire(signed)
        with remote_errors(PEER):
            answer = queries.run_query_response_from_wire(self._stub.RunQuery(request, timeout=ANSWER_SECONDS))
        return self._verified(answer)

    def released(self, release_id: str) -> queries.Answer:
        """Return a table of the agreement's project that was released before, by its id; it costs nothing."""
        request = queries.get_release_request_to_wire(release_id)
        with remote_errors(PEER):
            answer = queries.run_query_response_from_wire(self._stub.GetRelease(request, timeout=ANSWER_SECONDS))
        return self._verified(answer)

    def find(self, question: Mapping[str, Any] | str, wave: str = "") -> str:
        """Return the id of the latest release of a question, of one wave or of any, without asking it.

        Raises `QueryFault` if there is none.
        """
        from disclosure.grid import categories
        from disclosure.query.parsing import canonical_question, parse_question
        from disclosure.terms import Terms

        asked, terms = parse_question(question_text(question)), Terms.of(self._agreement.document)
        complete = {item.dimension: frozenset(categories(item.dimension, terms)) for item in asked.where}
        form = canonical_question(asked, complete)
        found, _ = self.summaries()
        ids = [each.release_id for each in found if json.loads(each.query) == form and wave in ("", each.wave)]
        if not ids:
            raise QueryFault("this question was not released yet: `run` asks it, for the price that `preview` shows")
        return ids[-1]

    def _verified(self, answer: queries.Answer) -> queries.Answer:
        """Return an answer whose table and provenance fit together; raises `Tampered` for one that does not."""
        verify_provenance(answer.release.to_json(), answer.provenance, self._agreement)
        self._answers[answer.release.question_hash] = answer
        return answer

    def table(self, release_id: str) -> "pd.DataFrame":
        """Return a table that was released before, as `run` gives it."""
        return frame_of(self.released(release_id))

    def export(
        self,
        release: "str | pd.DataFrame",
        path: Path | str,
        form: "Format | None" = None,
        *,
        agency: str = AGENCY,
        confidentiality: ConfidentialityStatus = "F",
        previous: str = "",
    ) -> tuple[Path, ...]:
        """Write a released table, given by its id or as `run` returned it, with what belongs to it; return the files.

        `form` is `json`, `csv`, `parquet`, `sdmx-csv` or `sdmx-ml`; None goes by the path's ending, where .xml is
        SDMX-ML. `previous` is the id of the release that this one follows in a series, from which breaks are named.
        """
        answer = self._answer_of(release)
        before = self.released(previous) if previous else None
        found = publication(
            answer.release,
            answer.wave,
            previous=None if before is None else (before.release, before.wave),
            confidentiality=confidentiality,
            period=self._period(answer.release),
        )
        place = Path(path)
        return write_table(found, place, form or form_of(place), agency=agency, provenance=answer.provenance)

    def report(self, releases: "Sequence[str | pd.DataFrame]") -> "Report":
        """Return a drafted quality report on released tables, given as to `export`; it costs nothing.

        `report.to_html()` is a page, `report.to_json()` the same facts for programs.
        """
        from services.analysis.report.draft import draft

        answers = [self._answer_of(each) for each in releases]
        tables = [publication(each.release, each.wave, period=self._period(each.release)) for each in answers]
        return draft(self._agreement.document, tables, *self.summaries())

    def reconcile(self, releases: "Sequence[str | pd.DataFrame]") -> "list[pd.DataFrame]":
        """Return the tables of several releases so that every margin is the sum of its cells; it costs nothing.

        Columns: the axes, then value, low, high, sd, and as released raw_value, raw_sd;
        see `disclosure.reconciliation`.
        """
        from disclosure.reconciliation import reconcile
        from services.analysis.export.combined import reconciled_frame

        return [reconciled_frame(each) for each in reconcile([self._release(each) for each in releases])]

    def simplified(self, release: "str | pd.DataFrame", *, suppress: bool = False, round_to: int = 1) -> "pd.DataFrame":
        """Return a table with a column `shown` for readers: unreliable cells left out, the others rounded to a base.

        It is presentation and protects nobody; `attrs["effects"]` says what it does to bias and coverage, and the raw
        values stay. See `disclosure.simplification`.
        """
        from services.analysis.export.simplified import simplified_frame

        answer = self._answer_of(release)
        minimum = self._agreement.document.minimum_cell_count
        return simplified_frame(publication(answer.release, answer.wave), minimum, suppress=suppress, round_to=round_to)

    def account(
        self,
        stock: "str | pd.DataFrame",
        inflow: "str | pd.DataFrame",
        outflow: "str | pd.DataFrame",
        other_change: "tuple[ArrayLike, ArrayLike] | None" = None,
    ) -> "pd.DataFrame":
        """Return stocks, flows and what they leave unexplained, one row a period and cell; it costs nothing.

        Figures stay as released unless `other_change` gives what else changed the stock, as (values, standard
        deviations), each for every period and cell or one for all: then they are made to agree. See
        `disclosure.accounts`.
        """
        import numpy as np

        from disclosure.accounts import OtherChange, account
        from services.analysis.export.combined import account_frame

        other = None if other_change is None else OtherChange(*(np.asarray(each, np.float64) for each in other_change))
        return account_frame(account(self._release(stock), self._release(inflow), self._release(outflow), other))

    def _period(self, release: "Release") -> tuple[datetime.date, datetime.date] | None:
        """The agreement's period, if a table was released under the version of it at hand."""
        period = self._agreement.document.period
        return (period.start, period.end) if release.agreement_hash == self._agreement.hash.hex() else None

    def _release(self, release: "str | pd.DataFrame") -> "Release":
        return self._answer_of(release).release

    def _answer_of(self, release: "str | pd.DataFrame") -> queries.Answer:
        """Return the answer behind an id or a frame; a frame that this connection did not give is asked for by id.

        Raises `QueryFault` for such a frame of summed cells, which has no id of its own.
        """
        if isinstance(release, str):
            return self.released(release)
        kept = self._answers.get(release.attrs["question_hash"])
        if kept is not None and kept.release.release_id == release.attrs["release_id"]:
            return kept
        if release.attrs["derived_from"]:
            raise QueryFault("this table was summed from another release: ask its question again, which is free")
        return self.released(release.attrs["release_id"])

    def run(self, question: Mapping[str, Any] | str, wave: str = "", idempotency_key: str = "") -> "pd.DataFrame":
        """Ask a question as `answer` does and return the released table as `frame_of` lays it out."""
        return frame_of(self.answer(question, wave, idempotency_key))

    def summaries(self) -> tuple[tuple[queries.ReleaseSummary, ...], queries.BudgetBalance]:
        """Return what was released so far under the agreement's lineage, and the budget left."""
        with remote_errors(PEER):
            answer = self._stub.ListReleases(queries.list_releases_request_to_wire(), timeout=DEADLINE_SECONDS)
        return queries.list_releases_response_from_wire(answer)

    def releases(self) -> "pd.DataFrame":
        """Return what was released so far, one row a release; `attrs["budget"]` has the budget left."""
        import dataclasses

        import pandas as pd

        found, budget = self.summaries()
        columns = [field.name for field in dataclasses.fields(queries.ReleaseSummary)]
        frame = pd.DataFrame([dataclasses.asdict(summary) for summary in found], columns=columns)
        frame.attrs["budget"] = dataclasses.asdict(budget)
        return frame

    def plan(
        self,
        question: Mapping[str, Any] | str,
        expected: "Expected | None" = None,
        relative_per_mille: int = LARGEST_HALF_WIDTH_PER_MILLE,
    ) -> "Plan":
        """Return which cells would be usable, and what would make more so, by figures that stay here; nothing is sent.

        Raises `PolicyRefused` as the service would.
        """
        from disclosure.planning import plan
        from disclosure.policy import check_policy
        from disclosure.query.parsing import parse_question
        from disclosure.terms import Terms

        terms, asked = Terms.of(self._agreement.document), parse_question(question_text(question))
        check_policy(asked, terms)
        return plan(asked, terms, expected, relative_per_mille)

    def synthesize(
        self, question: Mapping[str, Any] | str, *, persons: int | None = None, seed: int = 1, wave: str = ""
    ) -> "pd.DataFrame":
        """Ask a question of the measure `synthetic`, and return invented persons who are like its margins.

        The question is charged once; drawing again is free. `attrs` has the report on their use, whose limits are to be
        read. Raises `Unfit` without the extra `synthetic`, before anything is asked.
        """
        import pandas as pd

        from disclosure.margins import MeasuredMargins
        from disclosure.synthesis import require_mbi, synthesize
        from disclosure.utility import utility_of

        require_mbi()
        file = synthesize(MeasuredMargins.of(self.answer(question, wave).release), seed=seed, persons=persons)
        frame = pd.DataFrame(file.columns())
        frame.attrs["utility"] = json.loads(utility_of(file).to_json())
        return frame

    def dummy(self, persons: int = 1_000, seed: int = 1) -> "Trial":
        """Return invented persons of this agreement to write questions against; nothing is sent and nothing charged.

        `dummy().run(question)` answers as `run` does, and `dummy().frames` are the tables themselves.
        """
        from disclosure.terms import Terms
        from services.analysis.trial import Trial

        return Trial.invent(Terms.of(self._agreement.document), persons=persons, seed=seed)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> "Analysis":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def new_idempotency_key() -> str:
    """Return a name for one asking of a question that no other asking has."""
    return secrets.token_hex(16)


def question_text(question: Mapping[str, Any] | str) -> str:
    """Return a question as JSON; dates, as TOML gives them, become ISO 8601."""
    if isinstance(question, str):
        return question
    return json.dumps(
        question, default=lambda value: value.isoformat() if isinstance(value, datetime.date) else str(value)
    )


def frame_of(answer: queries.Answer) -> "pd.DataFrame":
    """Return an answer's table as `export.frames.frame` lays it out; `attrs` also has `charged` and `budget`."""
    import dataclasses

    from services.analysis.export.frames import frame

    table = frame(publication(answer.release, answer.wave))
    table.attrs |= {"charged": answer.charged, "budget": dataclasses.asdict(answer.budget)}
    return table
