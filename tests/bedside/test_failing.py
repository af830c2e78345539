"""No part of bedside dies unnoticed: it is logged, viewers hear it, and the process ends to be started again."""

import asyncio
import contextlib
import json
import signal

import pytest
from structlog.testing import capture_logs

from pumpd.bedside import link
from pumpd.bedside.bench import Bench
from pumpd.bedside.feed import FAILED, Feed
from pumpd.bedside.link import ControlLink
from pumpd.bedside.process import serve
from pumpd.messages.requests import Answer
from pumpd.settings import Settings
from tests.bedside.test_process import serving
from tests.patience import PATIENCE_S


class Control:
    """A control whose state can be broken."""

    def __init__(self):
        self.states = [{"tablets": {"t": {"name": "T", "roles": [], "person": None}}}]

    async def watch(self):
        while True:
            yield self.states[-1]
            await asyncio.sleep(1)

    async def trace(self, pump):
        yield {"hex": "not hexadecimal", "way": "out"}


class Part:
    """A server, or an API, that only ends."""

    def __init__(self):
        self.closed = False

    async def run(self):
        await asyncio.Event().wait()

    async def close(self):
        self.closed = True


async def inline(function, *arguments):
    return function(*arguments)


async def heard(feed):
    return [text async for text in feed.events("t", 0)]


@pytest.mark.parametrize("part", ["watch", "journal"])
async def test_a_part_of_the_feed_that_dies_is_logged_shown_to_viewers_and_ends_the_process(
    tmp_path, monkeypatch, part
):
    control, server, api = Control(), Part(), Part()
    monkeypatch.setattr(asyncio, "to_thread", inline)
    feed = Feed(control, tmp_path / "no journal yet")
    with capture_logs() as logs:
        running = asyncio.create_task(serve(server, feed, api, Part(), asyncio.Event()))
        viewer = asyncio.create_task(heard(feed))
        await asyncio.sleep(3)
        assert not running.done(), "a journal that is not there yet is no failure"
        if part == "watch":
            monkeypatch.setattr(feed, "_announce", broken_once(feed._announce))
        else:
            monkeypatch.setattr("pumpd.bedside.feed.JournalReader", None)
        assert await asyncio.wait_for(running, 5) == 1
        events = await asyncio.wait_for(viewer, 1)
    assert json.loads(events[-1].split("data: ")[1])["text"] == FAILED
    events = [(each["event"], each.get("part")) for each in logs if each["log_level"] == "error"]
    assert events == [("feed_failed", part), ("bedside_failed", "feed")]
    assert server.closed
    assert api.closed
    monkeypatch.undo()


def broken_once(announce):
    calls = []

    async def announcing():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a state that nobody foresaw")
        await announce()

    return announcing


@pytest.mark.requirement("RUN-17")
@pytest.mark.parametrize("part", ["watch", "journal", "feed", "ready", "server", "certificate"])
async def test_a_part_that_is_cancelled_ends_the_process_too(tmp_path, monkeypatch, part):
    monkeypatch.setattr(asyncio, "to_thread", inline)
    feed = Feed(Control(), tmp_path / "no journal yet")
    running = asyncio.create_task(serve(Part(), feed, Part(), Part(), asyncio.Event()))
    await asyncio.sleep(3)
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == part)
    task.cancel()
    assert await asyncio.wait_for(running, 5) == 1
    monkeypatch.undo()


async def test_a_server_that_stops_accepting_ends_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(asyncio, "to_thread", inline)
    server, api = Part(), Part()

    async def fails():
        raise RuntimeError("no longer accepting")

    server.run = fails
    with capture_logs() as logs:
        running = serve(server, Feed(Control(), tmp_path / "none"), api, Part(), asyncio.Event())
        assert await asyncio.wait_for(running, 5) == 1
    assert "bedside_failed" in [each["event"] for each in logs]
    monkeypatch.undo()


async def test_a_trace_that_fails_is_logged_and_the_next_request_starts_another(tmp_path, monkeypatch):
    pump = {"name": "bed1", "driver": "new-era", "port": "memory://bed1", "model": "ne-1000", "serial": "A"}
    settings = Settings.model_validate(
        {
            "gateway": "ward-7",
            "state_dir": tmp_path,
            "bedside": {"bench": {"bed1": "http://127.0.0.1:1"}},
            "pump": [{**pump, "simulated": True}],
        }
    )

    async def simulator(_function, url, _body):
        return {"speed": 1} if url.endswith("/clock") else {}

    monkeypatch.setattr(asyncio, "to_thread", simulator)
    bench = Bench(settings, Control())
    with capture_logs() as logs:
        for _ in range(2):
            assert (await bench.view("bed1", {}))["trace"] == []
            await asyncio.sleep(1)
    assert [each["event"] for each in logs] == ["trace_failed", "trace_failed"]
    await bench.close()
    monkeypatch.undo()


@pytest.mark.realtime
async def test_a_port_that_is_taken_ends_the_process_with_a_failure(tmp_path):
    async with serving(tmp_path) as served:
        second = await asyncio.create_subprocess_exec(*served.command, stderr=asyncio.subprocess.DEVNULL)
        assert await asyncio.wait_for(second.wait(), PATIENCE_S) == 1
        served.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(served.process.wait(), PATIENCE_S) == 0


@pytest.mark.realtime
@pytest.mark.requirement("RUN-01")
async def test_a_control_that_hangs_is_shown_as_away_and_no_beat_makes_old_values_look_new(tmp_path, monkeypatch):
    monkeypatch.setattr(link, "ANSWER_WITHIN_S", 0.5)

    async def hanging(reader, writer):
        """Answers, shows the state once, and hangs."""
        await reader.readline()
        writer.write(Answer(ok=True).model_dump_json().encode() + b"\n")
        writer.write(json.dumps({"tablets": {"t": {"name": "T", "roles": [], "person": None}}}).encode() + b"\n")
        await reader.read()
        writer.close()

    path = tmp_path / "control.sock"
    async with await asyncio.start_unix_server(hanging, path):
        feed = Feed(ControlLink(path), tmp_path / "no journal yet")
        running = asyncio.create_task(feed.run())
        events = feed.events("t", 0)
        heard = [text.partition("\n")[0] async for text in until(events, "away")]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert "event: state" in heard
    assert heard[-1] == "event: away"


async def until(events, name):
    """The events up to the one of this name that comes after a state."""
    state = False
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(events):
        async for text in events:
            yield text
            state |= text.startswith("event: state")
            if state and text.startswith(f"event: {name}"):
                return
