"""The real bedside process: only TLS 1.3, only the published port, and an end in time."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from pumpd.bedside.__main__ import tls_context
from pumpd.bedside.certificates import CertificateError, make, read
from pumpd.control.process import gateway
from pumpd.control.socket.server import doors
from pumpd.journal.writer import ThreadWriter
from pumpd.settings import Settings, SettingsError
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from tests.patience import PATIENCE_S
from tests.signed import library, signed_toml

# A client that hangs may do so for a minute. Who is answered long before that has not waited for one.
HANGING = {"handshake_s": 60, "request_s": 60, "body_s": 60, "unread_s": 60}
BEFORE_THEY_END_S = 40.0

PUMP = """
[[pump]]
name = "bed1"
driver = "new-era"
port = "memory://bed1"
model = "ne-1000"
serial = "ASSET-1"
simulated = true
settings.address = 1
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Served:
    process: asyncio.subprocess.Process
    port: int
    folder: Path

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "pumpd.bedside", "--config", str(self.folder / "pumpd.toml")]

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.pem"))

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=self.context(), base_url=f"https://localhost:{self.port}", timeout=PATIENCE_S)


@contextlib.asynccontextmanager
async def serving(folder: Path, limits: dict[str, float] | None = None) -> AsyncIterator[Served]:
    """Control with a simulated pump on this loop, and bedside as its own process."""
    port = free_port()
    config = folder / "pumpd.toml"
    config.write_text(
        f'gateway = "ward-7"\nstate_dir = "{folder}"\n{signed_toml()}'
        f'[bedside]\nhost = "127.0.0.1"\nport = {port}\n{_section(limits)}{PUMP}'
    )
    make(folder / "tls", "ward-7", ["localhost", "127.0.0.1"])
    settings = Settings.load(config)
    bench = simulate(name="new-era", seed=1, options={"address": 1})
    memory.serve("bed1", bench)
    journal = ThreadWriter(settings.journal_path, boot="b")
    await journal.opened()
    try:
        async with gateway(settings, library(), journal) as made, doors(made.dispatch, settings):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pumpd.bedside", "--config", str(config), stderr=asyncio.subprocess.DEVNULL
            )
            try:
                await listening(port)
                yield Served(process, port, folder)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    finally:
        memory.withdraw("bed1")
        bench.shut()
        await journal.close()


def _section(limits: dict[str, float] | None) -> str:
    return "[bedside.limits]\n" + "".join(f"{name} = {value}\n" for name, value in (limits or {}).items())


async def listening(port: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)


def listened(pid: int) -> set[tuple[str, int]]:
    """The TCP and UDP sockets on which the process listens, from the kernel: family and port."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            name = str(entry.readlink())
            if name.startswith("socket:["):
                sockets.add(name[8:-1])
    found = set()
    for family in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            waits = fields[3] == "0A" if family.startswith("tcp") else True
            if fields[9] in sockets and waits:
                found.add((family, int(fields[1].rpartition(":")[2], 16)))
    return found


@pytest.mark.realtime
@pytest.mark.requirement("SEC-04", "SEC-14")
async def test_the_process_serves_tls_1_3_on_its_one_port_and_ends_in_time(tmp_path):
    async with serving(tmp_path) as served:
        assert listened(served.process.pid) == {("tcp", served.port)}
        assert listened(os.getpid()) == set()  # control listens on no network
        async with served.client() as client:
            answer = await client.post("/api/stop", json={})
            assert answer.json()["result"] == {"stopping": ["bed1"]}
            assert (await client.get("/api/about")).json()["result"]["gateway"] == "ward-7"

        older = served.context()
        older.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(OSError, match=r"SSL|reset|^$"):  # an alert, or the end of the connection
            await asyncio.open_connection("localhost", served.port, ssl=older)
        stranger = ssl.create_default_context()  # trusts only public authorities
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("localhost", served.port, ssl=stranger)
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")  # plain HTTP
        assert not (await reader.read()).startswith(b"HTTP")
        writer.close()

        served.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(served.process.wait(), PATIENCE_S) == 0


@pytest.mark.realtime
async def test_clients_that_hang_hold_up_neither_a_stop_nor_the_end_of_the_process(tmp_path):
    async with serving(tmp_path, HANGING) as served:
        hanging = []
        for _ in range(20):  # half a request each
            _, writer = await asyncio.open_connection("localhost", served.port, ssl=served.context())
            hanging.append(writer)
            writer.write(b"POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        async with served.client() as client:
            assert (await client.post("/api/stop", timeout=BEFORE_THEY_END_S)).status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(served.process.wait(), BEFORE_THEY_END_S) == 0
        for writer in hanging:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.mark.requirement("SEC-04")
def test_renewing_a_certificate_keeps_the_authority(tmp_path):
    made = make(tmp_path, "ward-7", ["ward-7.local", "192.0.2.7"])
    names = read(made.cert).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert {str(name.value) for name in names.value} == {"ward-7.local", "192.0.2.7"}
    again = make(tmp_path, "ward-7", ["ward-7.local"])
    assert (again.ca_fingerprint, again.new_ca) == (made.ca_fingerprint, False)
    assert again.fingerprint != made.fingerprint
    assert make(tmp_path, "ward-7", ["ward-7.local"], new_ca=True).ca_fingerprint != made.ca_fingerprint
    assert tls_context(made.cert, made.key).minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.requirement("SEC-02")
def test_two_gateways_share_no_key(tmp_path):
    first, second = (make(tmp_path / name, "ward-7", ["localhost"]) for name in ("a", "b"))
    assert first.ca_fingerprint != second.ca_fingerprint
    assert first.key.read_bytes() != second.key.read_bytes()
    assert len(set(map(Path.read_bytes, (first.key, second.key, tmp_path / "a/ca.key", tmp_path / "b/ca.key")))) == 4


def test_without_a_certificate_nothing_is_served(tmp_path):
    with pytest.raises(SettingsError, match="pumpd tls"):
        tls_context(tmp_path / "none.pem", tmp_path / "none.key")
    with pytest.raises(CertificateError, match="at least one name"):
        make(tmp_path, "ward-7", [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ('bench = { bed1 = "http://192.0.2.1:80" }', "http://127.0.0.1"),
        ('bench = { bed2 = "http://127.0.0.1:80" }', "no pump has that name"),
        ("port = 0", "port"),
        ("plain = true", "plain"),
    ],
)
def test_settings_that_would_open_more_are_refused(tmp_path, change, reason):
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n[bedside]\n{change}\n{PUMP}')
    with pytest.raises(SettingsError, match=reason):
        Settings.load(config)
