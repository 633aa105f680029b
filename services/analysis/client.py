"""The analyst's side: ask the analysis service from Python, and get data frames that carry their uncertainty.

    from services.analysis.client import Analysis
    with Analysis.connect("analyst.toml") as analysis:
        print(analysis.preview(question))
        table = analysis.run(question)      # a pandas DataFrame; table.attrs has price, noise, version and budget

A question is a mapping as `disclosure.query` describes it, or its JSON.
"""

import datetime
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc

from disclosure.suppression import LARGEST_HALF_WIDTH_PER_MILLE
from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.types import PartyName
from services.analysis.client_config import AnalystConfig, load
from services.common.agreements import realm_of
from services.common.channel import DEADLINE_SECONDS, open_channel, remote_errors
from services.common.identity import Role
from services.common.keystore import PartyKeys
from services.common.own_identity import own_identity
from services.wire import messages
from services.wire.convert import queries
from services.wire.convert.signed import sign_message
from services.wire.v1 import queries_pb2_grpc

if TYPE_CHECKING:
    import pandas as pd

    from disclosure.planning import Expected, Plan
    from services.analysis.trial import Trial

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
            return queries.run_query_response_from_wire(self._stub.RunQuery(request, timeout=ANSWER_SECONDS))

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
    """Return a released table as a data frame: one column an axis, then value, low, high, noise_sd, flags.

    `value` is raw: it may be negative. Rows are the full grid, zeros included. `attrs` has what belongs to the whole
    table: release id, wave, question, price in nano-rho, half-width, bound, data version, budget, and the totals.
    """
    import dataclasses

    import pandas as pd

    release = answer.release

    def frame(cells: tuple[Any, ...], axes: tuple[str, ...]) -> "pd.DataFrame":
        columns: dict[str, Any] = {axis: [cell.coordinates[i] for cell in cells] for i, axis in enumerate(axes)}
        columns |= {name: [release.figure(getattr(cell, name)) for cell in cells] for name in ("value", "low", "high")}
        columns["noise_sd"] = [cell.noise_sd_millionths / 1_000_000 for cell in cells]
        columns["flags"] = ["".join(cell.flags) for cell in cells]
        return pd.DataFrame(columns)

    table = frame(release.cells, release.axes)
    table.attrs = {
        "release_id": release.release_id,
        "wave": answer.wave,
        "charged": answer.charged,
        "question": dict(release.question),
        "released_at": release.released_at,
        "mechanism": release.mechanism,
        "nano_rho": release.nano_rho,
        "unit": release.unit,
        "noise_sd": release.noise_sd,
        "half_width": release.half_width,
        "cells_per_person": release.bound_cells,
        "data_version": release.data_version,
        "agreement_hash": release.agreement_hash,
        "budget": dataclasses.asdict(answer.budget),
        "totals": frame(release.totals, release.totals_axes).to_dict("records"),
    }
    return table
