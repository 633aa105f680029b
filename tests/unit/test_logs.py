"""A log line has allowed keys only, is JSON, and goes where it is told."""

import json
from collections.abc import Iterator
from io import StringIO

import pytest

from services.common.logs import ALLOWED_KEYS, UnlistedLogKey, configure_logs, get_log


@pytest.fixture
def stream() -> Iterator[StringIO]:
    stream = StringIO()
    configure_logs(stream)
    yield stream
    configure_logs()


def test_a_line_is_json_with_level_time_and_what_was_bound(stream: StringIO) -> None:
    get_log("linkage-unit", wave="w1").info("chunk stored", rows=7)
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "chunk stored", "level": "info", "service": "linkage-unit", "wave": "w1", "rows": 7}


@pytest.mark.parametrize("key", ["name", "handle", "token", "query", "path", "local_id", "error", "birth_date"])
def test_a_key_that_is_not_listed_raises_and_writes_nothing(stream: StringIO, key: str) -> None:
    with pytest.raises(UnlistedLogKey, match=key):
        get_log("agent").warning("something", **{key: "canary"})
    assert stream.getvalue() == ""


def test_all_unlisted_keys_are_named_and_no_value(stream: StringIO) -> None:
    with pytest.raises(UnlistedLogKey) as refusal:
        get_log("agent").info("something", name="canary", handle="canary", rows=1)
    assert str(refusal.value).endswith("handle, name")


def test_a_traceback_cannot_be_logged(stream: StringIO) -> None:
    try:
        raise LookupError("canary")
    except LookupError:
        with pytest.raises(UnlistedLogKey, match="exc_info"):
            get_log("agent").exception("failed")
    assert "canary" not in stream.getvalue()


def test_a_key_bound_in_advance_is_looked_at_too(stream: StringIO) -> None:
    with pytest.raises(UnlistedLogKey, match="identifier"):
        get_log("agent", identifier="canary").info("something")


def test_debug_lines_are_not_written(stream: StringIO) -> None:
    get_log("agent").debug("something", rows=1)
    assert stream.getvalue() == ""


def test_no_allowed_key_names_what_is_in_a_record() -> None:
    reviewed = {
        *("event", "level", "timestamp", "service", "party", "role", "agreement", "version", "wave", "method"),
        *("code", "error_type", "table", "upload", "delivery", "batch", "chunk", "chunks", "rows", "count"),
        *("seconds", "address", "release", "nano_rho", "step"),
    }
    assert reviewed == ALLOWED_KEYS
