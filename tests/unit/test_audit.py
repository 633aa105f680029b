"""The audit log shows what was done: changing, cutting, reordering or forging it is found."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage_core.crypto.secret import Secret
from linkage_core.crypto.signing import public_of
from linkage_core.errors import Tampered
from services.common.audit import AuditLog, verify
from services.common.logs import UnlistedLogKey

KEY, FOREIGN = Secret(b"k" * 32), Secret(b"f" * 32)
PUBLIC = public_of(KEY)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of four lines."""
    path = tmp_path / "audit" / "log.jsonl"
    log = AuditLog(path, KEY, lambda: NOW)
    for number in range(4):
        log.append("upload committed", party="tax", rows=number)
    return path


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def write(path: Path, kept: list[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in kept))


def tampered_line(path: Path) -> str:
    with pytest.raises(Tampered) as refusal:
        verify(path, PUBLIC)
    with pytest.raises(Tampered):
        AuditLog(path, KEY, lambda: NOW)
    return str(refusal.value)


def test_a_whole_log_verifies_and_goes_on_after_a_restart(path: Path) -> None:
    sequence, head = verify(path, PUBLIC)
    assert sequence == 4
    log = AuditLog(path, KEY, lambda: NOW)
    assert log.head == head
    log.append("key destroyed", wave="w1")
    assert verify(path, PUBLIC) == (5, log.head)


def test_an_empty_log_has_a_head_of_zeros(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "log.jsonl", KEY, lambda: NOW)
    assert log.head == "0" * 64
    assert not (tmp_path / "log.jsonl").exists()


def test_a_line_says_what_when_and_after_which_other(path: Path) -> None:
    first, second = (json.loads(line) for line in lines(path)[:2])
    assert first["event"] == "upload committed"
    assert first["fields"] == {"party": "tax", "rows": 0}
    assert first["time"] == NOW.isoformat()
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert second["previous"] == first["hash"]


def test_a_changed_value_is_found(path: Path) -> None:
    changed = lines(path)
    changed[2] = changed[2].replace(b'"rows":2', b'"rows":9')
    write(path, changed)
    assert "line 3" in tampered_line(path)


def test_a_line_cut_from_the_middle_is_found(path: Path) -> None:
    kept = lines(path)
    del kept[1]
    write(path, kept)
    assert "line 2" in tampered_line(path)


def test_the_beginning_cut_off_is_found(path: Path) -> None:
    write(path, lines(path)[1:])
    assert "line 1" in tampered_line(path)


def test_two_lines_in_another_order_are_found(path: Path) -> None:
    kept = lines(path)
    kept[1], kept[2] = kept[2], kept[1]
    write(path, kept)
    assert "line 2" in tampered_line(path)


def test_a_line_that_stands_there_twice_is_found(path: Path) -> None:
    kept = lines(path)
    write(path, [*kept, kept[-1]])
    assert "line 5" in tampered_line(path)


def test_a_log_written_with_a_foreign_key_is_found(tmp_path: Path) -> None:
    path = tmp_path / "forged.jsonl"
    AuditLog(path, FOREIGN, lambda: NOW).append("upload committed", rows=1)
    assert "audit line 1" in tampered_line(path)


def test_a_line_appended_with_a_foreign_key_is_found(path: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(path.read_bytes())
    # The forger recomputes the chain from the second line on, and signs with its own key.
    write(forged, lines(path)[:1])
    content = lines(path)[:1]
    other = tmp_path / "other.jsonl"
    log = AuditLog(other, FOREIGN, lambda: NOW)
    log.append("upload committed", party="tax", rows=0)
    log.append("upload committed", party="tax", rows=99)
    write(forged, [*content, lines(other)[1]])
    assert "audit line 2" in tampered_line(forged)


def test_a_line_of_another_log_of_the_same_key_is_found(path: Path, tmp_path: Path) -> None:
    """As after a restored backup: both logs are genuine, and only one of them is the history of this file."""
    fork = tmp_path / "fork.jsonl"
    log = AuditLog(fork, KEY, lambda: NOW)
    for number in (0, 99):
        log.append("upload committed", party="tax", rows=number)
    mixed = lines(path)
    mixed[1] = lines(fork)[1]
    write(path, mixed)
    assert "line 3" in tampered_line(path)


def test_dropping_the_newest_lines_is_seen_by_who_kept_the_head(path: Path) -> None:
    sequence, head = verify(path, PUBLIC)
    write(path, lines(path)[:3])
    assert verify(path, PUBLIC) != (sequence, head)


def test_a_torn_last_line_never_counted_and_the_log_goes_on(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + lines(path)[3][:40])
    log = AuditLog(path, KEY, lambda: NOW)
    assert path.read_bytes() == whole
    log.append("upload committed", party="tax", rows=4)
    assert verify(path, PUBLIC)[0] == 5


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"1", b"null", b"{}", b'{"hash":5,"signature":"00"}', b"\xff", b'{"hash":1.5,"signature":1.5}']
)
def test_a_line_that_is_none_is_found(path: Path, line: bytes) -> None:
    write(path, [*lines(path), line])
    assert "line 5" in tampered_line(path)


def test_a_number_in_another_spelling_is_found(path: Path) -> None:
    kept = lines(path)
    kept[0] = kept[0].replace(b'"sequence":1', b'"sequence":1.0')
    write(path, kept)
    assert "line 1" in tampered_line(path)


def test_a_key_that_stands_there_twice_is_found(path: Path) -> None:
    kept = lines(path)
    kept[0] = kept[0].replace(b'"event":', b'"event":"what one reader sees","event":', 1)
    write(path, kept)
    assert "line 1" in tampered_line(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_before_the_last_newline_is_found(path: Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 2))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    copy = path.with_name("changed.jsonl")
    copy.write_bytes(bytes(changed))
    with pytest.raises(Tampered):
        verify(copy, PUBLIC)


def test_a_field_that_logs_do_not_allow_is_not_written(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(UnlistedLogKey, match="handle"):
        AuditLog(path, KEY, lambda: NOW).append("upload committed", handle="canary")
    assert path.read_bytes() == before
