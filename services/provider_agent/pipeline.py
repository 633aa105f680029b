"""The provider agent's story, in steps. Each may be interrupted anywhere, is safe to repeat, and says when it is done.

    1. check       agreement in force, mapping and files whole and valid: counts only, nothing is sent
    2. share       M1: own share of the linkage secret to each other provider, theirs fetched; S derived
    3. key check   M2: all providers hold the same secret and encode alike, or nothing is uploaded
    4. encode      CLKs, match keys, handles, row ids, in a random order, into the outbox
    5. upload      M3: the outbox to the linkage unit; then the encodings are deleted here, S once its epoch is over
    6. tokens      M5: one sealed token for every row
    7. deliver     M6: payload rows under tokens, sealed, to the analysis service
    8. forget      row ids and tokens: from here on nobody here can tell which delivered row was whose

Steps 2 to 8 wait for others: `NotReady` says for whom, and running the same command again goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from linkage_core.agreement.doors import Door
from services.common.errors import NotReady, Unavailable
from services.provider_agent.agent import Agent
from services.provider_agent.check import CheckedFiles, ExaminedFiles, check_files, examine_files
from services.provider_agent.delivery import prepare, send
from services.provider_agent.encode import encode_wave
from services.provider_agent.mapping import tables_of
from services.provider_agent.outbox import Artefact, Record
from services.provider_agent.secret_exchange import agreed, exchange
from services.provider_agent.token_batch import fetch_tokens
from services.provider_agent.upload import own_manifest
from services.provider_agent.upload import upload as send_upload

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
PAUSE_SHARE: Final = 0.1
"""Pauses between two polls: this share of the time waited so far, between the first and the longest pause."""

Sleep = Callable[[float], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to: a sentence, and whether there was anything to do."""

    sentence: str
    did_something: bool = True


def check(agent: Agent) -> CheckedFiles:
    """Step 1. Raises everything that is wrong with agreement, mapping or files."""
    agent.check_door(Door.ENCODE)
    return check_files(
        agent.mapping,
        agent.agreement.document,
        agent.name,
        today=agent.clock().date(),
        random_bytes=agent.random_bytes,
        progress=agent.progress,
    )


def examine(agent: Agent) -> ExaminedFiles:
    """Step 1 with the statistics of a report. Faults of the files are kept in it, all others raised."""
    agent.check_door(Door.ENCODE)
    return examine_files(
        agent.mapping,
        agent.agreement.document,
        agent.name,
        today=agent.clock().date(),
        random_bytes=agent.random_bytes,
        progress=agent.progress,
    )


def encode(agent: Agent, checked: CheckedFiles | None = None) -> Outcome:
    """Steps 1 to 4. `checked` is the result of a check just made, if there is one."""
    outbox = agent.outbox
    if outbox.has(Record.UPLOAD_MANIFEST):
        return Outcome(f"wave {agent.wave} is encoded already", did_something=False)
    checked = checked or check(agent)
    with agent.linkage_unit() as linkage_unit:
        keys = exchange(agent, linkage_unit)
    agent.check_door(Door.ENCODE)
    encode_wave(agent, keys, checked)
    return Outcome(f"wave {agent.wave}: {checked.rows:,} people encoded into the outbox")


def upload(agent: Agent) -> Outcome:
    """Step 5."""
    outbox = agent.outbox
    if not outbox.has(Record.UPLOAD_MANIFEST):
        raise NotReady(f"wave {agent.wave} is not encoded yet: symbolon agent encode")
    news = not outbox.has(Record.UPLOADED)
    if news:
        agent.check_door(Door.UPLOAD)
        with agent.linkage_unit() as linkage_unit:
            received = send_upload(agent, linkage_unit)
        agent.audit.append("uploaded", wave=agent.wave, rows=received)
        outbox.write(Record.UPLOADED, str(received).encode())
    _forget_after_upload(agent)
    rows = own_manifest(agent).row_count
    return Outcome(f"wave {agent.wave}: {rows:,} rows {'uploaded' if news else 'were uploaded before'}", news)


def deliver(agent: Agent) -> Outcome:
    """Steps 6 to 8."""
    outbox = agent.outbox
    if outbox.has(Record.FORGOTTEN):
        return Outcome(f"wave {agent.wave} is delivered already", did_something=False)
    if not outbox.has(Record.UPLOADED):
        raise NotReady(f"wave {agent.wave} is not uploaded yet: symbolon agent upload")
    if not tables_of(agent.agreement.document, agent.name):
        _forget_after_delivery(agent)
        return Outcome(f"wave {agent.wave}: the agreement lists no payload of {agent.name}, row ids are forgotten")
    if not outbox.has(Record.DELIVERED):
        agent.check_door(Door.DELIVER)
        _fetch_tokens(agent)
        with agent.analysis_service() as analysis:
            if not outbox.has(Record.DELIVERY_MANIFEST):
                prepare(agent, analysis)
            received = send(agent, analysis)
        agent.audit.append("delivered", wave=agent.wave, rows=received)
        outbox.write(Record.DELIVERED, str(received).encode())
    _forget_after_delivery(agent)
    rows = int(outbox.read(Record.DELIVERED))
    return Outcome(f"wave {agent.wave}: {rows:,} payload rows delivered, row ids and tokens forgotten")


def run(agent: Agent, *, wait_seconds: float, sleep: Sleep, say: Say) -> Outcome:
    """Steps 1 to 8, waiting for the others up to `wait_seconds` in all; raises `NotReady` when that is over.

    `say` is told what each step but the last came to, and whom it waits for.
    """
    deadline = agent.clock() + timedelta(seconds=wait_seconds)
    checked = None if agent.outbox.has(Record.UPLOAD_MANIFEST) else check(agent)
    steps: tuple[Callable[[], Outcome], ...] = (lambda: encode(agent, checked), lambda: upload(agent))
    for step in steps:
        say(_insist(agent, step, deadline, sleep, say).sentence)
    return _insist(agent, lambda: deliver(agent), deadline, sleep, say)


def _insist(agent: Agent, step: Callable[[], Outcome], deadline: datetime, sleep: Sleep, say: Say) -> Outcome:
    """Repeat a step until nobody is waited for; raises its `NotReady` or `Unavailable` once the deadline has passed."""
    began, told = agent.clock(), ""
    while True:
        try:
            return step()
        except (NotReady, Unavailable) as reason:
            now = agent.clock()
            if now >= deadline:
                raise
            if str(reason) != told:
                told = str(reason)
                say(told)
        waited = (now - began).total_seconds()
        sleep(min(max(PAUSE_SHARE * waited, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))


def status(agent: Agent) -> dict[str, bool]:
    """Return each step, and whether it is done, from the outbox alone."""
    outbox = agent.outbox
    encoded = outbox.has(Record.UPLOAD_MANIFEST)
    return {
        "share": encoded or agent.epoch.secret() is not None,
        "key check": encoded or agreed(agent),
        "encode": encoded,
        "upload": outbox.has(Record.UPLOADED),
        "tokens": outbox.has(Record.TOKEN_HEADER),
        "deliver": outbox.has(Record.DELIVERED),
        "forget": outbox.has(Record.FORGOTTEN),
    }


def _fetch_tokens(agent: Agent) -> None:
    if agent.outbox.has(Record.TOKEN_HEADER):
        return
    with agent.linkage_unit() as linkage_unit:
        fetch_tokens(agent, linkage_unit.tokens(agent.wave))


def _forget_after_upload(agent: Agent) -> None:
    """Delete the encodings, and the linkage secret once every wave that the agreement lists is uploaded."""
    agent.outbox.forget(Artefact.UPLOAD)
    epoch = agent.epoch
    if epoch.ended:
        return
    epoch.note(f"uploaded-{agent.wave}")
    if all(epoch.noted(f"uploaded-{wave.name}") for wave in agent.agreement.document.waves):
        epoch.forget_secret()
        agent.audit.append("linkage secret deleted", wave=agent.wave)


def _forget_after_delivery(agent: Agent) -> None:
    outbox = agent.outbox
    for artefact in (Artefact.ROWS, Artefact.TOKENS, Artefact.PAYLOAD):
        outbox.forget(artefact)
    if not outbox.has(Record.FORGOTTEN):
        agent.audit.append("row ids forgotten", wave=agent.wave)
        outbox.write(Record.FORGOTTEN, b"")
