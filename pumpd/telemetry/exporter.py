"""Serves the metrics of all processes to Prometheus, over HTTP; the only file that imports prometheus_client.

Promises:
- A request reads nothing of control but the file that control wrote, and nobody's requests cost more than one answer a
  second: what is served is made at most once in `FRESH_S`.
- At most `CONNECTIONS` at once, each with one request within `WITHIN_S`; one more is closed at once. An answer that is
  not read by then is dropped.
- There is `GET /metrics` and nothing else.
"""

import asyncio
import contextlib
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from pumpd.accepting import end
from pumpd.host.metrics import TABLE, Loop, Value, file_of, own, read
from pumpd.journal import JournalError, JournalReader
from pumpd.settings import MetricsSettings, Settings
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.sink import Sink

FRESH_S = 1.0
CONNECTIONS = 8
WITHIN_S = 5.0
END_WITHIN_S = 1.0
LONGEST_REQUEST = 8192  # bytes
PATH = "/metrics"

_log = structlog.get_logger()


class Exporter:
    def __init__(self, settings: Settings, metrics: MetricsSettings, sinks: Mapping[str, tuple[Sink, Cursor]]) -> None:
        self._settings, self._metrics, self._sinks = settings, metrics, sinks
        self._loop, self._began_s = Loop(), time.monotonic()
        self._open: set[asyncio.Task[None]] = set()
        self._text, self._made_s, self._making = b"", -FRESH_S, asyncio.Lock()

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError where it cannot listen."""
        server = await self._listen()
        _log.info("metrics_served", at=where(self._metrics))
        watching = asyncio.create_task(self._loop.run())
        try:
            async with server:
                await server.serve_forever()
        finally:
            for task in (watching, *self._open):
                task.cancel()
            await asyncio.gather(watching, *self._open, return_exceptions=True)

    async def _listen(self) -> asyncio.Server:
        if (path := self._metrics.socket) is not None:
            path.unlink(missing_ok=True)
            return await asyncio.start_unix_server(self._answer, path, limit=LONGEST_REQUEST)
        return await asyncio.start_server(self._answer, self._metrics.host, self._metrics.port, limit=LONGEST_REQUEST)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(WITHIN_S):
                    if len(self._open) <= CONNECTIONS:
                        request = await reader.readuntil(b"\r\n\r\n")
                        writer.write(await self._answered(request.split(b"\r\n", 1)[0]))
                        await writer.drain()
        finally:
            try:
                await end(writer, END_WITHIN_S)
            finally:
                self._open.discard(task)

    async def _answered(self, line: bytes) -> bytes:
        match line.split(b" "):
            case [b"GET", target, _] if target.partition(b"?")[0] == PATH.encode():
                return _response("200 OK", await self.text())
            case [b"GET", _, _]:
                return _response("404 Not Found", f"only {PATH} is here\n".encode())
            case _:
                return _response("405 Method Not Allowed", b"only GET is allowed\n")

    async def text(self) -> bytes:
        """All metrics in Prometheus' text format, at most `FRESH_S` old."""
        async with self._making:
            if time.monotonic() - self._made_s >= FRESH_S:
                self._text = await asyncio.to_thread(self._made)
                self._made_s = time.monotonic()
            return self._text

    def _made(self) -> bytes:
        return generate_latest(_Collected(self._values()))

    def _values(self) -> Iterator[Value]:
        for process in ("control", *(("bedside",) if self._settings.bedside is not None else ())):
            if file := file_of(process, self._settings):
                yield from read(process, file)
        yield Value("pumpd_up", 1.0, {"process": "telemetry"})
        yield from own("telemetry", self._began_s, self._loop.worst_s())
        with contextlib.suppress(OSError):
            yield Value("pumpd_disk_free_bytes", shutil.disk_usage(self._settings.state_dir).free)
        newest = self._newest()
        for name, (sink, cursor) in self._sinks.items():
            of = {"sink": name}
            yield Value("pumpd_telemetry_connected", sink.connected, of)
            yield Value("pumpd_telemetry_connections_total", sink.connections, of)
            if newest is not None:
                yield Value("pumpd_telemetry_unsent_entries", max(0, newest - cursor.position.id), of)

    def _newest(self) -> int | None:
        with (
            contextlib.suppress(JournalError),
            contextlib.closing(JournalReader(self._settings.journal_path)) as reader,
        ):
            return next((entry.id for entry in reader.last(1)), 0)
        return None


class _Collected(Collector):
    """Values in the library's form, each metric with all its values."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._by_name: defaultdict[str, list[Value]] = defaultdict(list)
        for each in values:
            self._by_name[each.name].append(each)

    def collect(self) -> Iterator[Metric]:
        for name, metric in TABLE.items():
            if name in self._by_name:
                family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                made = family(name, metric.what, labels=metric.labels)
                for each in self._by_name[name]:
                    made.add_metric([each.labels[label] for label in metric.labels], each.value)
                yield made


def where(metrics: MetricsSettings) -> str:
    """Where the metrics are served, for people."""
    return str(metrics.socket) if metrics.socket is not None else f"http://{metrics.host}:{metrics.port}{PATH}"


def _response(status: str, body: bytes) -> bytes:
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {CONTENT_TYPE_PLAIN_0_0_4}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
