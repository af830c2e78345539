"""The ward under load: `python -m benchmarks.fleet --gateways 1000 --seconds 60 --workers 2 --nodes 3 --kill`.

A generator sends what so many gateways with two running pumps send, a batch a second each, through three nats-servers
(fsync before each acknowledgement) and the ingest into PostgreSQL, all on this machine. It shares a few connections,
as 1,000 would measure this machine's sockets. An entry is due at a fixed time: a slow ward cannot slow it down.

With --kill a node, a worker and the store die in turn under load. Afterwards every entry must be there, once.
With --scaling the stream is filled first, and then emptied by one, two and three workers.
The figures are kept for `python -m benchmarks report`.
Ctrl-C, SIGTERM and SIGHUP end it, with all its processes and files.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import nats

from benchmarks.part import Begun, keep
from benchmarks.result import Result, percentile, table
from pumpd.journal import Record
from pumpd.telemetry.fleet.messages import batch
from pumpd.telemetry.fleet.stream import IDENTITY
from pumpd.telemetry.messages import Translator
from pumpd_ward.board.live import Live
from pumpd_ward.ingest.stream import REDELIVERED_AFTER_S, prepare
from pumpd_ward.local.nats_server import Node, cluster
from pumpd_ward.local.postgres import Postgres
from pumpd_ward.settings import WardSettings
from pumpd_ward.store.migrate import migrate

PUMPS = ("pump-a", "pump-b")
CONNECTIONS = 8
ACKNOWLEDGED_WITHIN_S = 10.0
CAUGHT_UP_WITHIN_S = 600
ENDED = 130
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Sent:
    readings: int = 0
    alarms: int = 0
    again: int = 0
    acknowledged_s: list[float] = field(default_factory=list)
    raised: dict[str, float] = field(default_factory=dict)  # gateway -> when its alarm was sent
    shown_s: list[float] = field(default_factory=list)


class Gateway:
    """Sends as pumpd's second sink does: one batch at a time, again until it is acknowledged."""

    def __init__(self, number: int, js: nats.js.JetStreamContext, sent: Sent) -> None:
        self.name, self._js, self._sent = f"g{number:05}", js, sent
        self._seq = 0
        self._translator = Translator(self.name, dict.fromkeys(PUMPS, True))

    async def run(self, began: float, seconds: float, every: int, offset: float, alarm_at: float | None) -> None:
        loop, second = asyncio.get_running_loop(), 0
        while second < seconds:
            await asyncio.sleep(max(0.0, began + second + offset - loop.time()))
            with_alarm = alarm_at is not None and second >= alarm_at and self.name not in self._sent.raised
            await self._send(every, with_alarm=with_alarm)
            second += every

    async def _send(self, seconds: int, *, with_alarm: bool) -> None:
        after, now = self._seq, datetime.now(UTC).isoformat(timespec="milliseconds")
        entries = [self._entry("reading", pump, now, READING) for _ in range(seconds) for pump in PUMPS]
        if with_alarm:
            entries.append(self._entry("alarm_raised", PUMPS[0], now, ALARM))
            self._sent.raised[self.name] = time.monotonic()
            self._sent.alarms += 1
        message = batch(self.name, "j1", after, entries, self._translator)
        began = time.monotonic()
        while True:
            try:
                await self._js.publish(
                    message.subject,
                    message.payload,
                    timeout=ACKNOWLEDGED_WITHIN_S,
                    headers={IDENTITY: message.identity},
                )
                break
            except (nats.errors.Error, TimeoutError, OSError):
                self._sent.again += 1
                await asyncio.sleep(0.5)
        self._sent.readings += len(PUMPS) * seconds
        self._sent.acknowledged_s.append(time.monotonic() - began)

    def _entry(self, kind: str, pump: str, now: str, body: dict[str, str]) -> Record:
        self._seq += 1
        return Record(self._seq, now, self._seq * 10**9, "b1", pump, "s1", kind, json.dumps(body), f"h{self._seq}")


READING = {
    "state": "running",
    "pump_state": "infusing",
    "rate_ml_h": "52.5",
    "volume_infused_ml": "1.25",
    "volume_remaining_ml": "33.75",
    "lease_s": "10",
    "running_s": "85.7",
    "elapsed_s": "85.7",
    "pressure_mmhg": "60",
    "digest": "38e9bc2f923f6946" * 4,
}
ALARM = {"code": "occlusion", "priority": "high", "cause": "The line is blocked", "action": "Open the line"}


class Ingest:
    """Workers, each a process."""

    def __init__(self, folder: Path, config: Path) -> None:
        self._folder, self._config, self.processes = folder, config, []

    def start(self) -> None:
        with (self._folder / f"ingest-{len(self.processes)}.log").open("wb") as log:
            command = [sys.executable, "-m", "pumpd_ward", "--config", str(self._config), "ingest"]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def kill_one(self) -> None:
        self.processes[0].kill()
        self.processes[0].wait()

    def end(self) -> None:
        for each in self.processes:
            each.terminate()
        for each in self.processes:
            each.wait(15)


def cpu_s(pids: Sequence[int]) -> float:
    found = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found += sum(int(each) for each in fields[11:15])  # with its children that have ended
    return found / TICKS


def memory_mb(pids: Sequence[int]) -> float:
    found = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            found += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return found


def children(pid: int) -> list[int]:
    found = [pid]
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(each.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(each.parent.name))
    return found


async def watch(dsn: str, sent: Sent) -> None:
    """When each alarm is on the board."""
    live = Live(dsn, 30)
    following = asyncio.create_task(live.run())
    seen: set[str] = set()
    try:
        async for text in live.follow():
            for bed in json.loads(text)["beds"] if text else ():
                if bed["alarms"] and bed["gateway"] not in seen:
                    seen.add(bed["gateway"])
                    sent.shown_s.append(time.monotonic() - sent.raised[bed["gateway"]])
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@contextlib.asynccontextmanager
async def connections(nodes: Sequence[Node]) -> AsyncIterator[list[nats.js.JetStreamContext]]:
    clients = [
        await nats.connect([node.url for node in nodes], max_reconnect_attempts=-1, reconnect_time_wait=0.2)
        for _ in range(CONNECTIONS)
    ]
    try:
        yield [client.jetstream(timeout=ACKNOWLEDGED_WITHIN_S) for client in clients]
    finally:
        for client in clients:
            await client.close()


@contextlib.asynccontextmanager
async def servers(folder: Path, options: argparse.Namespace) -> AsyncIterator[tuple[list[Node], Postgres, Ingest]]:
    """The nodes and an empty store; no worker yet. Whatever was started is ended, however this ends."""
    with contextlib.ExitStack() as stack:
        nodes = cluster(folder) if options.nodes == 3 else [Node(folder / "n1")]
        for node in nodes:
            stack.callback(node.end)
            node.start()
        postgres = Postgres()
        stack.callback(postgres.remove)
        stack.callback(postgres.end)
        postgres.start()
        addresses = ", ".join(f'"127.0.0.1:{node.port}"' for node in nodes)
        (folder / "ward.toml").write_text(
            f"[stream]\nnodes = [{addresses}]\ntls = false\nreplicas = {len(nodes)}\nmost_gb = 5\n"
            f'[store]\ndsn = "{postgres.dsn}"\n'
        )
        async with stored(postgres) as store:
            await migrate(store)
        ingest = Ingest(folder, folder / "ward.toml")
        stack.callback(ingest.end)
        yield nodes, postgres, ingest


@contextlib.asynccontextmanager
async def stored(postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    store = await asyncpg.connect(postgres.dsn)
    try:
        yield store
    finally:
        store.terminate()


async def run(folder: Path, options: argparse.Namespace) -> list[Result]:
    sent = Sent()
    async with servers(folder, options) as (nodes, postgres, ingest), connections(nodes) as streams:
        for _ in range(options.workers):
            ingest.start()
        await _ready(streams[0])
        watching = asyncio.create_task(watch(postgres.dsn, sent))
        measured = {
            "nats": [pid for node in nodes for pid in [node.pid]],
            "ingest": [each.pid for each in ingest.processes],
            "postgres": children(postgres.pid),
        }
        before = {name: cpu_s(pids) for name, pids in measured.items()}
        began = asyncio.get_running_loop().time()
        sending = asyncio.ensure_future(send(streams, sent, options))
        if options.kill:
            await _kill(nodes, ingest, postgres, options.seconds)
        await sending
        sending_s = asyncio.get_running_loop().time() - began
        used = {name: cpu_s(pids) - before[name] for name, pids in measured.items()}
        memory = {name: memory_mb(pids) for name, pids in measured.items()}
        async with stored(postgres) as store:
            behind_s = await _caught_up(store, sent)
            results = await _results(store, sent, options, sending_s, behind_s, used, memory)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return results


async def send(streams: list[nats.js.JetStreamContext], sent: Sent, options: argparse.Namespace) -> None:
    """What all gateways send, each at its own moment of a period."""
    began = asyncio.get_running_loop().time()
    await asyncio.gather(
        *(
            Gateway(number, streams[number % CONNECTIONS], sent).run(
                began,
                options.seconds,
                options.every,
                number / options.gateways * options.every,
                _alarm_at(number, options),
            )
            for number in range(options.gateways)
        )
    )


async def emptied(folder: Path, options: argparse.Namespace, workers: int) -> tuple[int, float]:
    """Readings a second that so many workers take out of a stream that is full, and how many there were."""
    sent = Sent()
    async with servers(folder, options) as (nodes, postgres, ingest), connections(nodes) as streams:
        await prepare(streams[0], WardSettings.load(folder / "ward.toml").stream)
        await send(streams, sent, options)
        for _ in range(workers):
            ingest.start()
        async with stored(postgres) as store:
            while not await store.fetchval("SELECT count(*) FROM reading"):  # noqa: ASYNC110 - it asks another process
                await asyncio.sleep(0.02)
            began, there = time.monotonic(), await store.fetchval("SELECT count(*) FROM reading")
            await _caught_up(store, sent)
            return sent.readings, (sent.readings - there) / (time.monotonic() - began)


async def scaling(folder: Path, options: argparse.Namespace) -> list[Result]:
    results, one = [], 0.0
    for workers in (1, 2, 3):
        here = folder / f"workers-{workers}"
        here.mkdir()
        readings, rate = await emptied(here, options, workers)
        one = one or rate
        details = {"readings in the stream": readings, "times one worker": rate / one}
        label = f"{workers} ingest worker{'s' if workers > 1 else ''}: readings stored"
        results.append(Result(label, rate, 2 * options.gateways, "readings/s", at_least=True, details=details))
    return results


def _shown_within_s(options: argparse.Namespace) -> float:
    """With --kill: while the store was away, and what a worker that died had not acknowledged."""
    return 2 + max(options.seconds / 8, REDELIVERED_AFTER_S) if options.kill else 2


def _alarm_at(number: int, options: argparse.Namespace) -> float | None:
    """One gateway a second raises an alarm."""
    return float(number) if number < options.seconds - 2 else None


async def _ready(js: nats.js.JetStreamContext) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await js.consumer_info("pumpd-ward", "ingest", timeout=2)
            except (nats.errors.Error, TimeoutError):
                await asyncio.sleep(0.5)
            else:
                return


async def _kill(nodes: list[Node], ingest: Ingest, postgres: Postgres, seconds: float) -> None:
    """Each a quarter of the time after the previous one; what died comes back after an eighth."""
    for each in ("node", "worker", "store"):
        await asyncio.sleep(seconds / 8)
        match each:
            case "node":
                await asyncio.to_thread(nodes[0].kill)
            case "worker":
                ingest.kill_one()
            case "store":
                await asyncio.to_thread(postgres.kill)
        await asyncio.sleep(seconds / 8)
        match each:
            case "node":
                await asyncio.to_thread(nodes[0].start)
            case "worker":
                ingest.start()
            case "store":
                await asyncio.to_thread(postgres.start)


async def _caught_up(store: asyncpg.Connection, sent: Sent) -> float:
    """Seconds until the store has everything."""
    began = time.monotonic()
    while time.monotonic() - began < CAUGHT_UP_WITHIN_S:
        if await store.fetchval("SELECT count(*) FROM reading") >= sent.readings:
            break
        await asyncio.sleep(0.25)
    return time.monotonic() - began


async def _results(
    store: asyncpg.Connection,
    sent: Sent,
    options: argparse.Namespace,
    sending_s: float,
    behind_s: float,
    used: dict[str, float],
    memory: dict[str, float],
) -> list[Result]:
    stored = await store.fetchval("SELECT count(*) FROM (SELECT DISTINCT gateway, boot, seq FROM reading) AS one")
    alarms = await store.fetchval("SELECT count(*) FROM alarm")
    counted = await store.fetchval("SELECT coalesce(sum(readings), 0)::bigint FROM trend WHERE step_s = 3600")
    holes = await store.fetchval("SELECT count(*) FROM hole WHERE last >= first")
    rate = sent.readings / sending_s
    per_thousand = 1000 / options.gateways
    details = {
        **(
            {}  # processes that died took theirs with them
            if options.kill
            else {
                "cores per 1,000 gateways": {name: each / sending_s * per_thousand for name, each in used.items()},
                "memory MB": memory,
            }
        ),
        "sent again": sent.again,
        "gaps": holes,
        "alarms stored": f"{alarms} of {sent.alarms}",
    }
    label = f"{options.gateways} gateways, {options.workers} workers, {options.nodes} nodes"
    label += f", a batch every {options.every} s"
    label += ", each killed in turn" if options.kill else ""
    results = [
        Result(
            f"{label}: readings kept up with", rate, 2 * options.gateways, "readings/s", at_least=True, details=details
        ),
        Result("stored of those sent", stored / sent.readings, 1, "", at_least=True),
        Result("counted in the trend of those sent", counted / sent.readings, 1, ""),
        Result("alarms stored of those sent", alarms / max(1, sent.alarms), 1, "", at_least=True),
        Result("acknowledged by the stream, p99", percentile(sent.acknowledged_s, 99), 1, "s"),
        Result("the store has everything, after the load", behind_s, 30, "s"),
    ]
    if sent.shown_s:
        results.append(Result("alarm to the board, p99", percentile(sent.shown_s, 99), _shown_within_s(options), "s"))
    return results


def _title(options: argparse.Namespace) -> str:
    """Each kind of run has figures of its own."""
    kind = "scaling" if options.scaling else "kill" if options.kill else "load"
    return f"{kind}, {options.gateways} gateways, every {options.every} s, {options.nodes} nodes"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.fleet", description=__doc__)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--nodes", type=int, choices=[1, 3], default=3)
    parser.add_argument("--every", type=int, default=1, help="seconds between two batches of a gateway")
    parser.add_argument("--kill", action="store_true", help="a node, a worker and the store die in turn")
    parser.add_argument("--scaling", action="store_true", help="how fast 1, 2 and 3 workers empty a full stream")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pumpd-fleet-") as folder:
        work, begun, began = scaling if options.scaling else run, Begun.now("fleet", _title(options)), time.monotonic()
        try:
            results = asyncio.run(_until_signal(work(Path(folder), options)))
        except asyncio.CancelledError:
            print("Ended before it was done: nothing was measured, and nothing is left.", file=sys.stderr)
            return ENDED
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    keep(begun.done(results, time.monotonic() - began, used.ru_utime + used.ru_stime))
    print(table(results))
    for each in results:
        print(json.dumps(each.as_json()), file=sys.stderr)
    return 0 if all(each.met for each in (results if options.scaling else results[1:4])) else 1


async def _until_signal(work: Coroutine[Any, Any, list[Result]]) -> list[Result]:
    """Raises CancelledError when a signal came, after everything that was started has ended."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
