"""Prometheus asks over HTTP, and cannot hold anybody up; its example rules name metrics that exist."""

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from pumpd.host import metrics
from pumpd.host.metrics import TABLE, Value, file_of, text
from pumpd.journal import Entry, Journal
from pumpd.settings import Settings
from pumpd.telemetry import exporter
from pumpd.telemetry.cursor import Cursor, Position
from pumpd.telemetry.exporter import Exporter
from tests.bedside.test_process import listened
from tests.patience import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "prometheus.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((ROOT / "config" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))

realtime = pytest.mark.realtime


class Sending:
    connected, connections = True, 3

    async def run(self) -> None:
        await asyncio.Event().wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_of(folder: Path, **given: Any) -> Settings:
    section = given or {"port": free_port()}
    return Settings.model_validate({"gateway": "ward-7", "state_dir": folder, "bedside": {}, "metrics": section})


@contextlib.asynccontextmanager
async def serving(settings: Settings, sinks=None) -> AsyncIterator[None]:
    assert settings.metrics is not None
    task = asyncio.create_task(Exporter(settings, settings.metrics, sinks or {}).run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (task.done() or await answers(settings)):  # noqa: ASYNC110 - as a client sees it
                await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def opened(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if settings.metrics.socket:
        return await asyncio.open_unix_connection(settings.metrics.socket)
    return await asyncio.open_connection(settings.metrics.host, settings.metrics.port)


async def answers(settings: Settings) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await opened(settings)
        writer.close()
        await writer.wait_closed()
        return True
    return False


async def asked(settings: Settings, request: str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") -> str:
    reader, writer = await opened(settings)
    try:
        writer.write(request.encode())
        return (await asyncio.wait_for(reader.read(), PATIENCE_S)).decode()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def parsed(answer: str) -> dict[tuple[str, ...], float]:
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ")
    samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
    return {(each.name, *each.labels.values()): each.value for each in samples}


@realtime
async def test_one_answer_has_every_process(tmp_path):
    settings = settings_of(tmp_path)
    control = file_of("control", settings)
    metrics._replace(control, text("control", [Value("pumpd_pump_rate_ml_per_hour", 52.5, {"pump": "bed1"})]))
    with (
        contextlib.closing(Journal(settings.journal_path, boot="b")) as journal,
        contextlib.closing(Cursor(tmp_path / "telemetry.sqlite3")) as cursor,
    ):
        journal.append([Entry("control_started", {}) for _ in range(7)])
        cursor.advance(Position(4, "x"))
        async with serving(settings, {"telemetry": (Sending(), cursor)}):
            found = parsed(await asked(settings))
    assert found["pumpd_up", "control"] == 1
    assert found["pumpd_up", "bedside"] == 0
    assert found["pumpd_up", "telemetry"] == 1
    assert found["pumpd_pump_rate_ml_per_hour", "bed1"] == 52.5
    assert found["pumpd_telemetry_unsent_entries", "telemetry"] == 3
    assert found["pumpd_telemetry_connections_total", "telemetry"] == 3
    assert found["pumpd_process_resident_bytes", "telemetry"] > 10e6
    assert {name for name, *_ in found} <= set(TABLE)


@realtime
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /metrics/../api/stop HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "405"),
    ],
)
async def test_there_is_nothing_else(tmp_path, request_, status):
    settings = settings_of(tmp_path)
    async with serving(settings):
        assert (await asked(settings, request_)).split(" ")[1] == status


@realtime
async def test_clients_that_hang_or_flood_hold_up_nobody_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "WITHIN_S", 0.5)
    settings = settings_of(tmp_path)
    assert settings.metrics is not None

    async def closed(client: socket.socket, sent: bytes) -> None:
        """Nothing comes but the end."""
        with client, contextlib.suppress(ConnectionError):
            client.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(client, sent)
            assert await asyncio.get_running_loop().sock_recv(client, 100) == b""

    def client() -> socket.socket:
        return socket.create_connection((settings.metrics.host, settings.metrics.port))

    async with serving(settings), asyncio.timeout(PATIENCE_S):
        hanging = [client() for _ in range(exporter.CONNECTIONS + 5)]
        await asyncio.gather(*(closed(each, b"GET /metrics HTTP/1.1\r\n") for each in hanging))
        assert parsed(await asked(settings))["pumpd_up", "telemetry"] == 1
        await closed(client(), b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000)
        assert parsed(await asked(settings))["pumpd_up", "telemetry"] == 1


@realtime
async def test_an_answer_that_is_never_read_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "WITHIN_S", 0.5)
    monkeypatch.setattr(exporter, "END_WITHIN_S", 0.5)
    monkeypatch.setattr(Exporter, "_made", lambda self: b"x" * 10_000_000)  # more than the kernel keeps
    settings = settings_of(tmp_path)
    assert settings.metrics is not None

    def held() -> int:
        """Descriptors of this process; the client's own are among them."""
        return len(list(Path("/proc/self/fd").iterdir()))

    async with serving(settings), contextlib.AsyncExitStack() as stack:
        before = held()
        for _ in range(exporter.CONNECTIONS):
            client = stack.enter_context(socket.create_connection((settings.metrics.host, settings.metrics.port)))
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        await until(lambda: held() >= before + 2 * exporter.CONNECTIONS - 1)  # the first probe may still be among them
        await until(lambda: held() <= before + exporter.CONNECTIONS)


@realtime
async def test_many_requests_cost_one_answer_a_second(tmp_path, monkeypatch):
    settings, made = settings_of(tmp_path), []
    monkeypatch.setattr(Exporter, "_made", lambda self: made.append(1) or b"")
    monkeypatch.setattr(exporter, "FRESH_S", 60.0)
    async with serving(settings):
        for _ in range(50):
            await asked(settings)
    assert len(made) == 1


@realtime
async def test_a_local_socket_instead_of_a_port(tmp_path):
    settings = settings_of(tmp_path, socket=tmp_path / "m.sock")
    async with serving(settings):
        assert parsed(await asked(settings))["pumpd_up", "telemetry"] == 1


@realtime
@pytest.mark.requirement("SEC-14")
def test_telemetry_listens_where_it_is_told_and_only_with_the_section(tmp_path):
    port = free_port()
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "g"\nstate_dir = "{tmp_path}"\n[metrics]\nport = {port}\n')
    command = [sys.executable, "-m", "pumpd.telemetry", "--config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:

        async def there() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while not await answers(settings_of(tmp_path, port=port)):
                    assert process.poll() is None

        asyncio.run(there())
        assert listened(process.pid) == {("tcp", port)}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


# -- what is written down ----------------------------------------------------------------------------------------------


def test_the_page_lists_every_metric_with_its_labels():
    rows = re.findall(r"^\| `(pumpd_\w+)` \| ([^|]+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    expected = [
        (name, ", ".join(f"`{each}`" for each in metric.labels) or "-", metric.what) for name, metric in TABLE.items()
    ]
    assert [(name, labels, what.removesuffix(" (counter)")) for name, labels, what in rows] == expected


def test_names_have_their_units_and_counters_end_in_total():
    for name, metric in TABLE.items():
        assert re.fullmatch(r"pumpd_[a-z_]+", name)
        assert (metric.kind == "counter") == name.endswith("_total")
        assert set(metric.labels) <= {"pump", "priority", "state", "process", "sink"}  # a few values each
        assert not name.endswith(("_ms", "_s", "_days", "_percent", "_kb", "_mb"))


@pytest.mark.parametrize("rule", RULES["groups"][0]["rules"], ids=lambda rule: rule["alert"])
def test_a_rule_is_made_of_metrics_and_labels_that_exist(rule):
    used = set(re.findall(r"\b(pumpd_\w+)\b", rule["expr"]))
    assert used <= set(TABLE)
    assert used or rule["expr"].startswith("up{")
    labels = {"instance", "job"}.union(*(TABLE[name].labels for name in used))
    assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels
    assert set(re.findall(r"[{,]\s*(\w+)\s*=", rule["expr"])) <= labels
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
