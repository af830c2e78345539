"""config/ward/ as it is shipped: what a node permits to whom. Only addresses and file names are changed."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest

from pumpd.settings_brokers import FleetSettings
from pumpd.telemetry.fleet.stream import StreamError, connected
from pumpd_ward.ingest.stream import connect, prepare
from pumpd_ward.local.child import Child, free_port, listens
from pumpd_ward.local.nats_server import program
from pumpd_ward.settings import StreamSettings, WardSettings
from tests.patience import PATIENCE_S
from tests.telemetry.test_tls import Authority

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

EXAMPLE = Path(__file__).parents[2] / "config" / "ward"


class Shipped:
    """The example node, alone, with certificates of a throw-away authority."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        authority = Authority(folder)
        for name in ("n1", "bed-3", "bed-4", "pumpd-ward"):
            authority.issue(name)
        text = (EXAMPLE / "nats.conf").read_text("utf-8")
        text = re.sub(r"\ncluster \{.*?\n\}\n", "\n", text, flags=re.DOTALL)
        for old, new in {
            "0.0.0.0:4222": f"127.0.0.1:{self.port}",
            "/var/lib/nats": str(folder / "store"),
            "/etc/nats/n1.pem": str(folder / "n1.crt"),
            "/etc/nats/n1.key": str(folder / "n1.key"),
            "/etc/nats/ca.pem": str(folder / "ca.crt"),
        }.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "nats.conf").write_text(text)
        self.child = Child(folder / "nats.log", [program(), "-c", str(folder / "nats.conf")])

    def gateway(self, name: str) -> FleetSettings:
        files = {"client_cert": self.folder / f"{name}.crt", "client_key": self.folder / f"{name}.key"}
        return FleetSettings(host="127.0.0.1", port=self.port, ca_file=self.folder / "ca.crt", **files)

    def ward(self) -> StreamSettings:
        files = {"client_cert": self.folder / "pumpd-ward.crt", "client_key": self.folder / "pumpd-ward.key"}
        node = f"127.0.0.1:{self.port}"
        return StreamSettings(nodes=(node,), ca_file=self.folder / "ca.crt", replicas=1, most_gb=0.1, **files)

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context


@pytest.fixture
def shipped(tmp_path) -> Iterator[Shipped]:
    node = Shipped(tmp_path)
    node.child.start(lambda: listens(node.port))
    yield node
    node.child.end()


@contextlib.asynccontextmanager
async def ingesting(shipped: Shipped):
    client = await connect(shipped.ward(), "w1")
    try:
        await prepare(client.jetstream(), shipped.ward())
        yield client
    finally:
        await client.close()


async def test_a_gateway_sends_its_own_entries_and_ingest_takes_them(shipped):
    async with ingesting(shipped) as ward:
        async with connected(shipped.gateway("bed-3"), "bed-3", "127.0.0.1") as stream:
            await stream.publish("pumpd.fleet.v1.bed-3.entries", b"{}", "1")
        waiting = await ward.jetstream().pull_subscribe_bind(durable="ingest", stream="pumpd-ward")
        (message,) = await waiting.fetch(1, timeout=5)
        await message.ack_sync()
        assert message.subject == "pumpd.fleet.v1.bed-3.entries"


@pytest.mark.parametrize(
    "subject",
    [
        "pumpd.fleet.v1.bed-4.entries",
        "pumpd.fleet.v1.bed-3.entries.more",
        "$JS.API.STREAM.PURGE.pumpd-ward",
        "$JS.API.STREAM.DELETE.pumpd-ward",
        "$JS.API.CONSUMER.MSG.NEXT.pumpd-ward.ingest",
        "_INBOX.bed-4.x",
        "anything",
    ],
)
async def test_a_gateway_publishes_nowhere_else(shipped, subject):
    async with ingesting(shipped) as ward:
        with pytest.raises(StreamError, match=r"(?i)permissions violation"):
            await published(shipped.gateway("bed-3"), subject)
        info = await ward.jetstream().stream_info("pumpd-ward")
        assert info.state.messages == 0


async def published(settings: FleetSettings, subject: str) -> None:
    """Until the node has said what it thinks of it."""
    async with connected(settings, "bed-3", "127.0.0.1") as stream:
        sending = asyncio.create_task(stream.publish(subject, b"", "1"))
        try:
            await stream.lost()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize("subject", ["pumpd.fleet.v1.>", "_INBOX.bed-4.>", "_INBOX_WARD.>", ">", "$SYS.>"])
async def test_a_gateway_hears_nothing_but_its_own_acknowledgements(shipped, subject):
    errors = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    client = await nats.connect(
        f"tls://127.0.0.1:{shipped.port}", tls=shipped.context("bed-3"), error_cb=note, max_reconnect_attempts=0
    )
    try:
        await client.subscribe(subject)
        await client.flush()
        async with asyncio.timeout(PATIENCE_S):
            while not errors:  # noqa: ASYNC110 - it comes from another process
                await asyncio.sleep(0.02)
        assert "permissions violation" in errors[0].lower()
    finally:
        await client.close()


async def test_who_has_no_line_or_no_certificate_is_not_let_in(shipped):
    for settings in (
        shipped.gateway("bed-4"),
        FleetSettings(host="x", port=shipped.port, ca_file=shipped.folder / "ca.crt"),
    ):
        with pytest.raises(StreamError):
            async with connected(settings, "bed-4", "127.0.0.1") as stream:
                await stream.publish("pumpd.fleet.v1.bed-4.entries", b"{}", "1")


async def test_ingest_may_publish_nothing_that_a_gateway_hears(shipped):
    errors = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    client = await nats.connect(
        f"tls://127.0.0.1:{shipped.port}", tls=shipped.context("pumpd-ward"), error_cb=note, max_reconnect_attempts=0
    )
    try:
        await client.publish("_INBOX.bed-3.x", b"stop")
        await client.publish("pumpd.fleet.v1.bed-3.entries", b"{}")
        await client.flush()
        async with asyncio.timeout(PATIENCE_S):
            while len(errors) < 2:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
    finally:
        await client.close()


def test_the_example_of_the_ward_can_be_read():
    settings = WardSettings.load(EXAMPLE / "ward.toml")
    assert (settings.stream.replicas, settings.stream.tls, len(settings.stream.nodes)) == (3, True, 3)
