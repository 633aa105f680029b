"""What each role holds after a whole run, against what protocol.md says it may hold, and what its processes could do.

Values are taken from where they belong (the linkage unit's row ids, the providers' secrets, ...) and looked for where
they do not. That the search can find them is shown where they belong.
"""

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from linkage_core.agreement.signatures import VerifiedAgreement, verify_agreement
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import seal_info
from linkage_core.encoding.keys import LinkageKeys, linkage_secret
from linkage_core.errors import Tampered
from linkage_core.tokens import TOKEN_BYTES
from linkage_core.types import IDENTIFIER_BYTES, PartyName
from services.common.clock import system_random
from services.common.sealing import FileKeyEncryptionKey
from services.demo.stage import ANALYSIS_SERVICE, ANALYST, LINKAGE_UNIT
from services.provider_agent.config import load
from services.provider_agent.outbox import AgentState
from services.wire.convert.chunks import token_chunk_from_bytes
from services.wire.convert.linkage_unit import (
    fetch_tokens_response_from_wire,
    post_share_request_from_wire,
    submit_key_check_request_from_wire,
)
from services.wire.convert.signed import open_message
from services.wire.messages import KeyCheck, SealedShare, SignedStatement
from services.wire.v1 import intake_pb2, mailbox_pb2, tokens_pb2
from tests.support.needles import Needles
from tests.support.opened import agent_content, analysis_content, linkage_unit_content, synthetic_keys
from tests.support.whole_run import WholeRun

TO_ANALYSIS = ("/symbolon.v1.Delivery/", "/symbolon.v1.Queries/")
TO_LINKAGE_UNIT = ("/symbolon.v1.Mailbox/", "/symbolon.v1.Intake/", "/symbolon.v1.Tokens/")


@dataclass(frozen=True, slots=True)
class Shares:
    """The providers' shares, opened by the test with the wrap keys that only their recipients have."""

    sealed: tuple[tuple[PartyName, PartyName, bytes], ...]
    """Sender, recipient and sealed share, as the linkage unit's mailbox carried them."""
    opened: dict[PartyName, Secret] = field(repr=False)
    secret: Secret = field(repr=False)


@pytest.fixture(scope="module")
def agreement(run: WholeRun) -> VerifiedAgreement:
    return verify_agreement((run.stage.home(LINKAGE_UNIT) / "agreement.json").read_bytes())


@pytest.fixture(scope="module")
def shares(run: WholeRun, agreement: VerifiedAgreement) -> Shares:
    sealed, opened = [], {}
    for signed in _posted_shares(run):
        sender, recipient = signed.statement.sender, signed.statement.recipient
        share = open_message(
            signed,
            SealedShare,
            sender=sender,
            sender_key=agreement.identity_key(sender),
            recipient=recipient,
            context=agreement.context(),
        )
        sealed.append((sender, recipient, share.sealed))
        wrap = run.stage.keys[recipient].wrap
        assert wrap is not None
        info = seal_info("SealedShare", sender, recipient, agreement.context())
        opened[sender] = Secret(hpke.open_sealed(wrap, share.sealed, info))
    document = agreement.document
    members = run.stage.providers
    secret = linkage_secret(document.lineage_bytes, document.epoch, members, document.schema_hash, opened)
    return Shares(tuple(sealed), opened, secret)


@pytest.fixture(scope="module")
def learnt(run: WholeRun) -> Needles:
    """What the linkage unit learnt of its links: the model's digest and figures, as numbers and as text.

    Figures of fewer than seven digits are left out: dates and prices may hold them by chance.
    """
    kept = (run.stage.home(LINKAGE_UNIT) / "model.json").read_bytes()
    figures = {text for text in re.findall(r"\d+\.\d+", kept.decode()) if len(text.replace(".", "").strip("0")) >= 7}
    doubles = [struct.pack(order, float(text)) for text in figures for order in ("<d", ">d")]
    digest = Needles.of_values({"digest": [hashlib.sha256(kept).digest()]})
    return digest | Needles.of_values({"figure": doubles}) | Needles.of((f.encode(), "figure", "text") for f in figures)


@pytest.fixture(scope="module")
def uploaded(run: WholeRun) -> Needles:
    """Row ids, handles, CLKs and match keys of every row."""
    return Needles.of_values(_uploaded(run))


def _uploaded(run: WholeRun) -> dict[str, list[bytes]]:
    values: dict[str, list[bytes]] = {"row id": [], "handle": [], "CLK": [], "match key": []}
    for loaded in linkage_unit_content(run.copies["uploaded"], run.stage.wave).uploads:
        values["row id"] += [row.tobytes() for row in loaded.row_ids]
        values["handle"] += [row.tobytes() for row in loaded.handles]
        for clk in loaded.file.clks.values():
            values["CLK"] += [row.tobytes() for row in clk.bits[clk.present]]
        for key in loaded.file.match_keys.values():
            values["match key"] += [row.tobytes() for row in key.keys[key.present]]
    return values


def _linked(run: WholeRun) -> dict[str, list[bytes]]:
    content = linkage_unit_content(run.copies["linked"], run.stage.wave)
    return {"group id": list(content.group_ids), "pseudonym": list(content.pseudonyms)}


def _posted_shares(run: WholeRun) -> Iterator[SignedStatement]:
    for heard in run.heard:
        if heard.method.endswith("/PostShare") and heard.part == "request":
            yield post_share_request_from_wire(mailbox_pb2.PostShareRequest.FromString(heard.content))


def _messages(run: WholeRun, services: tuple[str, ...]) -> dict[str, bytes]:
    return {f"{h.method} {h.part} {n}": h.content for n, h in enumerate(run.heard) if h.method.startswith(services)}


def _everything(run: WholeRun, party: str) -> dict[str, bytes]:
    """Every file of a party at every moment, as it lies there, and all that its processes said."""
    files = {
        f"{folder.name} {path.relative_to(folder)}": path.read_bytes()
        for folder in run.folders
        for path in sorted((folder / party).rglob("*"))
        if path.is_file()
    }
    return files | {f"said {n}": p.said.encode() for n, p in enumerate(run.processes) if p.party == party}


def _found(needles: Needles, contents: dict[str, bytes]) -> list[tuple[str, str, str]]:
    assert contents
    return [(f.name, f.form, f.place) for place, content in contents.items() for f in needles.inside(content, place)]


# ----------------------------------------------------------------------------------------- the linkage unit and S


def test_the_secret_that_the_test_derives_is_the_one_that_the_providers_used(
    run: WholeRun, agreement: VerifiedAgreement, shares: Shares
) -> None:
    checks = set()
    for heard in run.heard:
        if heard.method.endswith("/SubmitKeyCheck") and heard.part == "request":
            request = intake_pb2.SubmitKeyCheckRequest.FromString(heard.content)
            signed = submit_key_check_request_from_wire(request)
            sender = signed.statement.sender
            body = open_message(
                signed,
                KeyCheck,
                sender=sender,
                sender_key=agreement.identity_key(sender),
                recipient=LINKAGE_UNIT,
                context=agreement.context(),
            )
            checks.add(body.key_check)
    assert checks == {LinkageKeys(shares.secret).key_check(agreement.hash)}
    assert len({(sender, recipient) for sender, recipient, _ in shares.sealed}) == 6


def test_neither_the_linkage_secret_nor_a_share_is_anywhere(run: WholeRun, shares: Shares) -> None:
    keys = LinkageKeys(shares.secret)
    needles = Needles.of_values(
        {
            "linkage secret": [shares.secret.reveal()],
            "share": [share.reveal() for share in shares.opened.values()],
            "derived key": [
                keys.canary().reveal(),
                *(keys.clk(clk.name).reveal() for clk in run.stage.agreement.linkage.clks),
                *(keys.diffusion(clk.name).reveal() for clk in run.stage.agreement.linkage.clks),
                *(keys.match_key(key.name).reveal() for key in run.stage.agreement.linkage.match_keys),
            ],
        }
    )
    for party in run.stage.keys:
        assert _found(needles, _everything(run, party)) == []
    assert _found(needles, {f"{h.method} {n}": h.content for n, h in enumerate(run.heard)}) == []
    for folder in run.folders:
        assert _found(needles, dict(linkage_unit_content(folder, run.stage.wave).opened)) == []
        assert _found(needles, dict(analysis_content(folder, run.stage.wave))) == []


def test_the_linkage_unit_can_open_no_share_with_any_key_in_its_folder(
    run: WholeRun, agreement: VerifiedAgreement, shares: Shares
) -> None:
    candidates = list(_keys_of_the_linkage_unit(run))
    assert len(candidates) > 10
    attempts = 0
    for sender, recipient, sealed in shares.sealed:
        info = seal_info("SealedShare", sender, recipient, agreement.context())
        for candidate in candidates:
            with pytest.raises(Tampered):
                hpke.open_sealed(Secret(candidate), sealed, info)
            attempts += 1
        wrap = run.stage.keys[recipient].wrap
        assert wrap is not None
        assert len(hpke.open_sealed(wrap, sealed, info)) == 32
    assert attempts == len(candidates) * len(shares.sealed)


def _keys_of_the_linkage_unit(run: WholeRun) -> Iterator[bytes]:
    """Everything that the linkage unit could take for an HPKE private key: its keys, its data keys, and their joins."""
    found = [run.stage.keys[LINKAGE_UNIT].identity.reveal()]
    for folder in run.folders:
        secrets = folder / LINKAGE_UNIT / "secrets"
        kek = FileKeyEncryptionKey.load_or_create(secrets / "kek", system_random)
        found.append(bytes.fromhex((secrets / "kek").read_text()))
        found += [kek.unwrap(w.read_bytes(), w.stem).reveal() for w in sorted((secrets / "wraps").glob("*.wrap"))]
        found += [party.encode() for party in run.stage.keys]
    for key in set(found):
        seed = (key * hpke.PRIVATE_KEY_BYTES)[: hpke.PRIVATE_KEY_BYTES]
        yield seed
        yield bytes(hpke.PRIVATE_KEY_BYTES - len(key)) + key


# ------------------------------------------------------------------------------------- values where they belong


def test_the_search_finds_rows_where_the_linkage_unit_has_them(run: WholeRun, uploaded: Needles) -> None:
    opened = linkage_unit_content(run.copies["uploaded"], run.stage.wave).opened
    assert {name for name, _, _ in _found(uploaded, dict(opened))} == {"row id", "handle", "CLK", "match key"}
    assert {name for name, _, _ in _found(uploaded, _messages(run, TO_LINKAGE_UNIT))} >= {"row id", "handle", "CLK"}


def test_encodings_are_gone_from_the_linkage_unit_once_tokens_are_made(run: WholeRun, uploaded: Needles) -> None:
    for step in ("linked", "delivered"):
        content = linkage_unit_content(run.copies[step], run.stage.wave)
        assert content.uploads == ()
        names = {name for name, _, _ in _found(uploaded, dict(content.opened))}
        assert names <= {"handle", "row id"}  # the registry's handles, and row ids beside their tokens


# -------------------------------------------------------------------------------------------- where they must not


def test_the_analysis_service_has_no_row_id_handle_encoding_pseudonym_or_group(
    run: WholeRun, uploaded: Needles
) -> None:
    needles = uploaded | Needles.of_values(_linked(run))
    assert _found(needles, _everything(run, ANALYSIS_SERVICE)) == []
    assert _found(needles, _messages(run, TO_ANALYSIS)) == []
    for folder in run.folders:
        assert _found(needles, dict(analysis_content(folder, run.stage.wave))) == []


def test_the_analysis_service_keeps_no_token_once_a_delivery_counts(run: WholeRun) -> None:
    tokens = Needles.of_values({"token": _tokens(run)})
    assert _found(tokens, _messages(run, TO_LINKAGE_UNIT))
    opened = analysis_content(run.stage.folder, run.stage.wave)
    assert any(place.startswith("payload of") for place in opened)
    assert _found(tokens, dict(opened)) == []
    assert _found(tokens, _everything(run, ANALYSIS_SERVICE)) == []


def test_the_linkage_unit_has_no_synthetic_key(run: WholeRun) -> None:
    keys = synthetic_keys(run.stage.folder, run.stage.wave)
    needles = Needles.of_values({"synthetic key": keys})
    assert _found(needles, dict(analysis_content(run.stage.folder, run.stage.wave)))
    for party in run.stage.keys:
        assert _found(needles, _everything(run, party)) == []
    assert _found(needles, dict(linkage_unit_content(run.stage.folder, run.stage.wave).opened)) == []


def test_providers_keep_no_row_id_and_no_token_after_delivery(run: WholeRun) -> None:
    needles = Needles.of_values({"row id": _uploaded(run)["row id"], "token": _tokens(run)})
    for provider in run.stage.providers:
        before = agent_content(run.copies["uploaded"], provider)
        assert "row id" in {name for name, _, _ in _found(needles, dict(before))}
        assert agent_content(run.stage.folder, provider) == {}
        files = (run.stage.folder / provider).rglob("*")
        assert _found(needles, {path.name: path.read_bytes() for path in files if path.is_file()}) == []


def test_providers_have_nothing_of_who_was_linked(run: WholeRun) -> None:
    needles = Needles.of_values(_linked(run))
    for provider in run.stage.providers:
        assert _found(needles, _everything(run, provider)) == []
        for folder in run.folders:
            assert not _found(needles, {"": b"", **agent_content(folder, provider)})
    assert _found(needles, {f"{h.method} {n}": h.content for n, h in enumerate(run.heard)}) == []


def test_the_analyst_has_released_tables_and_nothing_of_a_record(run: WholeRun, uploaded: Needles) -> None:
    keys = synthetic_keys(run.stage.folder, run.stage.wave)
    needles = uploaded | Needles.of_values({**_linked(run), "token": _tokens(run), "synthetic key": keys})
    assert _found(needles, _everything(run, ANALYST)) == []


def test_providers_handle_keys_are_nobody_elses(run: WholeRun, agreement: VerifiedAgreement) -> None:
    own = []
    for provider in run.stage.providers:
        config = load(run.stage.config(provider))
        kek = FileKeyEncryptionKey.load_or_create(config.key_encryption_key, system_random)
        own.append(AgentState(config.state, kek, system_random).handle_key(agreement).reveal())
    assert len(set(own)) == 3
    needles = Needles.of_values({"handle key": own})
    for party in run.stage.keys:
        assert _found(needles, _everything(run, party)) == []
    assert _found(needles, {f"{h.method} {n}": h.content for n, h in enumerate(run.heard)}) == []


def _tokens(run: WholeRun) -> list[bytes]:
    tokens = []
    for heard in run.heard:
        if heard.method.endswith("/FetchTokens") and heard.part == "response":
            part = fetch_tokens_response_from_wire(tokens_pb2.FetchTokensResponse.FromString(heard.content))
            if isinstance(part, bytes):
                chunk = token_chunk_from_bytes(part, token_bytes=TOKEN_BYTES)
                rows = np.frombuffer(chunk.tokens, dtype=np.uint8).reshape(-1, TOKEN_BYTES)
                # Past the nonce, which is a counter: the sealed content and its tag.
                tokens += [row[12:].tobytes() for row in rows]
                assert len(chunk.row_ids) == len(rows) * IDENTIFIER_BYTES
    assert tokens
    return tokens


# ------------------------------------------------------------------------------------------------------ processes


def test_no_process_shows_a_secret_in_its_command_line_or_environment(run: WholeRun, shares: Shares) -> None:
    secrets = [shares.secret.reveal(), *(share.reveal() for share in shares.opened.values())]
    for party, keys in run.stage.keys.items():
        secrets += [keys.identity.reveal(), *([keys.wrap.reveal()] if keys.wrap else [])]
        secrets += [line for line in keys.transport.private_key.splitlines() if not line.startswith(b"-")]
        kek = run.stage.folder / party / "secrets" / "kek"
        secrets += [bytes.fromhex(kek.read_text())] if kek.exists() else []
    needles = Needles.of_values({"secret": secrets})
    outside = {f"{p.party} {p.arguments}": p.seen_from_outside for p in run.processes}
    assert all(b"tests.support.wiretap" in seen for seen in outside.values())
    assert _found(needles, outside) == []
    said = {f"{p.party} {p.arguments}": p.said.encode() for p in run.processes}
    assert _found(needles, said) == []


FORBIDDEN = {
    "linkage-unit-serve": ("linkage_core.encoding", "linkage_core.standardise", "disclosure", "clkhash", "pycountry"),
    "linkage-unit-link": ("linkage_core.encoding", "linkage_core.standardise", "disclosure", "clkhash", "pycountry"),
    "analysis-serve": (
        "linkage_core.encoding",
        "linkage_core.standardise",
        "linkage_core.linking",
        "linkage_core.comparing",
        "clkhash",
        "anonlink",
    ),
    "agent-run": ("linkage_core.linking", "linkage_core.comparing", "disclosure", "anonlink", "opendp", "duckdb"),
    "query-run": ("linkage_core.encoding", "linkage_core.standardise", "linkage_core.linking", "clkhash", "anonlink"),
}
"""What a process must not have loaded when it ended, after all its work."""

ROLES = {
    "linkage-unit-serve": "linkage_unit",
    "linkage-unit-link": "linkage_unit",
    "analysis-serve": "analysis",
    "agent-run": "provider_agent",
    "query-run": "analysis",
}


@pytest.mark.parametrize("command", FORBIDDEN)
def test_no_process_has_loaded_what_its_role_must_not_be_able_to_do(run: WholeRun, command: str) -> None:
    loaded = run.modules[command]
    roles = {"linkage_unit", "analysis", "provider_agent"} - {ROLES[command]}
    forbidden = (*FORBIDDEN[command], *(f"services.{role}" for role in roles))
    assert f"services.{ROLES[command]}" in loaded
    inside = tuple(f"{name}." for name in forbidden)
    assert sorted(name for name in loaded if name in forbidden or name.startswith(inside)) == []


def test_the_modules_of_a_process_are_those_that_it_worked_with(run: WholeRun) -> None:
    assert {"linkage_core.linking.run", "anonlink"} <= run.modules["linkage-unit-link"]
    assert {"linkage_core.encoding.keys", "linkage_core.standardise.run"} <= run.modules["agent-run"]
    assert {"disclosure.release", "opendp", "duckdb"} <= run.modules["analysis-serve"]


def test_the_copies_are_of_different_moments(run: WholeRun) -> None:
    def states(folder: Path) -> int:
        return len(list((folder / LINKAGE_UNIT).rglob("*.wrap")))

    assert states(run.copies["uploaded"]) != states(run.copies["linked"])


# ------------------------------------------------------------------------------- what the linkage unit learnt of links


def test_nothing_that_the_linkage_unit_learnt_of_its_links_reaches_anybody_else(run: WholeRun, learnt: Needles) -> None:
    assert _found(learnt, _messages(run, (*TO_ANALYSIS, *TO_LINKAGE_UNIT))) == []
    for party in (*run.stage.providers, ANALYSIS_SERVICE, ANALYST):
        assert _found(learnt, _everything(run, party)) == []


def test_the_search_finds_what_was_learnt_where_the_linkage_unit_has_it(run: WholeRun, learnt: Needles) -> None:
    home = run.stage.home(LINKAGE_UNIT)
    found = _found(learnt, {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()})
    assert {(name, form, place) for name, form, place in found} >= {("figure", "text", "model.json")}
    store = {path.name: path.read_bytes() for path in (home / "data").glob("*.sqlite*")}
    assert {name for name, _, _ in _found(learnt, store)} == {"digest", "figure"}
