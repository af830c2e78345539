"""One line per event, for people on a terminal and for machines otherwise; no secrets in tracebacks."""

import asyncio
import io
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from pumpd import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    yield
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, logs._FromLibraries)]:
        root.removeHandler(handler)


def test_without_a_terminal_an_event_is_one_json_line_with_both_times(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    out = io.StringIO()
    logs.set_up("info", out)
    before = time.monotonic(), datetime.now(UTC)
    structlog.get_logger().info("pump_found", text="two\nlines")
    after = time.monotonic(), datetime.now(UTC)
    structlog.get_logger().debug("not_shown")
    (line,) = out.getvalue().splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["text"]) == ("pump_found", "info", "two\nlines")
    assert before[0] - 1e-6 <= event["mono"] <= after[0] + 1e-6
    a_step = timedelta(milliseconds=1)  # of the text
    assert before[1] - a_step <= datetime.fromisoformat(event["ts"]) <= after[1] + a_step


@pytest.mark.parametrize(
    ("level", "prefix"), [("critical", "<2>"), ("error", "<3>"), ("warning", "<4>"), ("info", "<6>")]
)
def test_under_journald_a_line_begins_with_its_priority(monkeypatch, level, prefix):
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    out = io.StringIO()
    logs.set_up(stream=out)
    structlog.get_logger().log(getattr(logging, level.upper()), "happened")
    assert out.getvalue().startswith(prefix + "{")


def test_on_a_terminal_an_event_is_text(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    logs.set_up(stream=out)
    structlog.get_logger().warning("pump_lost", pump="pump-a")
    assert "pump_lost" in out.getvalue()
    assert "pump=pump-a" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_traceback_shows_no_local_variables(stream, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = stream()
    logs.set_up(stream=out)

    def fail(password: str) -> None:
        raise RuntimeError("boom")

    try:
        fail("hush" + "hush")
    except RuntimeError:
        structlog.get_logger().exception("went_wrong")
    assert "boom" in out.getvalue()
    assert "hushhush" not in out.getvalue()


def test_a_log_that_cannot_be_written_stops_nothing():
    out = io.StringIO()
    logs.set_up(stream=out)
    out.close()
    structlog.get_logger().error("broker_lost")


def test_logs_of_libraries_are_included(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    out = io.StringIO()
    logs.set_up(stream=out)
    logs.set_up(stream=out)  # a second call changes nothing
    logging.getLogger("some.library").warning("%d things", 3)
    logging.getLogger("some.library").info("chatter")
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["event"] == "3 things"
    assert json.loads(line)["logger"] == "some.library"


async def test_an_exception_that_asyncio_reports_is_one_line_too(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    out = io.StringIO()
    logs.set_up(stream=out)
    asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError("x")})
    assert json.loads(out.getvalue())["logger"] == "asyncio"


def test_an_unknown_level_is_refused_by_name():
    with pytest.raises(ValueError, match="'loud' is not one of critical, error"):
        logs.set_up("loud")
