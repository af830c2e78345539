"""The example configuration of mosquitto as it is shipped, with certificates of a throw-away authority."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from structlog.testing import capture_logs

from pumpd import mqtt
from pumpd.journal import Anchor, BrokenChainError, Journal, JournalReader
from pumpd.settings_brokers import MqttSettings
from tests.patience import PATIENCE_S, until

from .conftest import Broker, gateway_settings, reading
from .test_broker import running

pytestmark = pytest.mark.realtime

EXAMPLE = Path(__file__).parent.parent.parent / "config" / "mosquitto"


class Authority:
    """A certificate authority in a folder: `issue("bed-3")` writes bed-3.crt and bed-3.key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._write("ca", self._certificate(self.name, self.key, basic, usage), self.key)

    def issue(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        self._write(name, self._certificate(subject, key, address, use), key)

    def _certificate(self, subject, key, *extensions) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - day).not_valid_after(now + day)
        for extension in (
            *extensions,
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
        ):
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


class ShippedBroker(Broker):
    """mosquitto with config/mosquitto/pumpd.conf; only its paths and its port differ."""

    def configuration(self) -> str:
        text = (EXAMPLE / "pumpd.conf").read_text()
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        text = text.replace("/etc/mosquitto/certs", str(self.folder)).replace("/etc/mosquitto", str(self.folder))
        return "user root\n" + text.replace("/var/lib/mosquitto", str(self.folder))


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    for name in ("broker", "bed-3", "bed-4", "ward-monitor", "pumpd-anchors"):
        authority.issue(name)
    return authority


@contextlib.contextmanager
def shipped_broker(folder: Path) -> Iterator[ShippedBroker]:
    """The broker as it is shipped, with the certificates in this folder."""
    (folder / "pumpd.acl").write_text((EXAMPLE / "pumpd.acl").read_text())
    (folder / "pumpd.acl").chmod(0o600)
    broker = ShippedBroker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.end()


@pytest.fixture
def shipped(authority: Authority) -> Iterator[ShippedBroker]:
    with shipped_broker(authority.folder) as broker:
        yield broker


def client(broker: Broker, name: str) -> aiomqtt.Client:
    context = ssl.create_default_context(cafile=str(broker.folder / "ca.crt"))
    context.load_cert_chain(broker.folder / f"{name}.crt", broker.folder / f"{name}.key")
    return aiomqtt.Client(
        "127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5, tls_context=context
    )


def over_tls(broker: Broker, state_dir: Path, name: str):
    folder = broker.folder
    settings = MqttSettings(
        host="127.0.0.1",
        port=broker.port,
        ca_file=folder / "ca.crt",
        client_cert=folder / f"{name}.crt",
        client_key=folder / f"{name}.key",
    )
    return gateway_settings(state_dir, settings)


@pytest.mark.requirement("SEC-04")
async def test_a_gateway_publishes_over_tls_to_those_who_may_watch(shipped, state_dir, journal):
    journal.append([reading(1)])
    async with client(shipped, "ward-monitor") as monitor:
        await monitor.subscribe("pumpd/v1/#", qos=1)
        async with running(over_tls(shipped, state_dir, "bed-3")) as cursor:
            await until(lambda: cursor.position.id == 1)
            topics = []
            async with asyncio.timeout(PATIENCE_S):
                while "pumpd/v1/bed-3/pumps/pump-a/telemetry" not in topics:
                    topics.append(str((await anext(aiter(monitor.messages))).topic))
    assert topics[:2] == ["pumpd/v1/bed-3/$state", "pumpd/v1/bed-3/$description"]


FORBIDDEN = (
    "pumpd/v1/bed-4/events",
    "pumpd/v1/bed-4/$state",
    "pumpd/v1/bed-4/pumps/pump-a/alarms/occlusion",
    "pumpd/v1/bed-30/events",
    "pumpd/v1/events",
    "pumpd/v2/bed-3/events",
    "pumpd",
    "monitors/bed-1/vitals",
    "homeassistant/device/bed-3/config",
    "$SYS/broker/uptime",
    "$share/all/pumpd/v1/bed-4/events",
)


@pytest.mark.requirement("SEC-08", "RUN-18")
async def test_with_a_gateways_certificate_nothing_but_its_own_topics_can_be_written_and_nothing_but_its_state_read(
    shipped,
):
    """Everything forbidden is tried, also what another gateway has retained."""
    async with client(shipped, "bed-4") as other:
        await other.publish("pumpd/v1/bed-4/$state", b"retained of another", qos=1, retain=True)
    async with client(shipped, "ward-monitor") as monitor:
        await monitor.subscribe([("#", 1), ("pumpd/v1/#", 1)])
        for topic in FORBIDDEN:
            async with cut_off(client(shipped, "bed-3")) as gateway:
                with contextlib.suppress(aiomqtt.MqttError, ValueError):  # this mosquitto ends the connection for it
                    await gateway.publish(topic, b"forged", qos=1, retain=True, timeout=1)
        async with cut_off(client(shipped, "bed-3")) as gateway:
            for topic in ("#", "pumpd/#", "pumpd/v1/+/$state", "pumpd/v1/bed-3/#", "monitors/#", "$SYS/#", "+/+/+/+"):
                with contextlib.suppress(aiomqtt.MqttError):
                    await gateway.subscribe(topic, qos=1, timeout=1)
            await gateway.publish("pumpd/v1/bed-3/events", b"mine", qos=1)
            await gateway.publish("pumpd/v1/bed-3/pumps/pump-a/command", b"mine", qos=1)
            await gateway.publish("pumpd/v1/bed-3/$state", b"mine", qos=1)
            await until(lambda: len(monitor.messages) >= 4)
            await asyncio.sleep(0.3)
            read = [await anext(aiter(gateway.messages)) for _ in range(len(gateway.messages))]
        seen = [await anext(aiter(monitor.messages)) for _ in range(len(monitor.messages))]
    assert {str(each.topic) for each in read} <= {"pumpd/v1/bed-3/$state"}
    assert {bytes(each.payload) for each in seen} == {b"mine", b"retained of another"}


@contextlib.asynccontextmanager
async def cut_off(of: aiomqtt.Client):
    """A client whose connection the broker may end at any time."""
    with contextlib.suppress(aiomqtt.MqttError):
        async with of as connected:
            yield connected
    if of._disconnected.done() and not of._disconnected.cancelled():
        of._disconnected.exception()  # otherwise asyncio complains that it was never retrieved


@pytest.mark.requirement("AUD-03")
async def test_what_keeps_the_anchors_gets_each_of_them_and_nothing_else(shipped, state_dir, journal):
    """They reveal a journal that was replaced by another one, whatever the gateway then says."""
    journal.append([reading(number) for number in range(1, 6)])
    async with client(shipped, "pumpd-anchors") as keeper:
        await keeper.subscribe([("pumpd/v1/+/$anchor", 1), ("#", 1)])
        async with running(over_tls(shipped, state_dir, "bed-3")):
            await until(lambda: len(keeper.messages) >= 1)
        await asyncio.sleep(0.3)
        kept = [await anext(aiter(keeper.messages)) for _ in range(len(keeper.messages))]
    assert {str(each.topic) for each in kept} == {"pumpd/v1/bed-3/$anchor"}
    fields = json.loads(kept[-1].payload)
    anchor = Anchor(fields["seq"], fields["hash"])
    with contextlib.closing(JournalReader(journal.path)) as reader:
        assert reader.verify([anchor]) == 5
    with contextlib.closing(Journal(state_dir / "other.sqlite3", boot="boot-1")) as other:
        other.append([reading(number) for number in range(101, 106)])
        with contextlib.closing(JournalReader(other.path)) as reader:
            assert reader.verify() == 5
            with pytest.raises(BrokenChainError, match="entry 5 is not the one anchored"):
                reader.verify([anchor])


@pytest.mark.requirement("SEC-08")
async def test_a_monitor_of_the_ward_writes_nothing(shipped):
    async with client(shipped, "ward-monitor") as monitor:
        await monitor.subscribe("#", qos=1)
        async with cut_off(client(shipped, "ward-monitor")) as forger:
            with contextlib.suppress(aiomqtt.MqttError):
                await forger.publish("pumpd/v1/bed-3/pumps/pump-a/command", b"start", qos=1, timeout=1)
        await asyncio.sleep(0.3)
        assert len(monitor.messages) == 0


@pytest.mark.requirement("RUN-18", "SEC-12")
async def test_a_flood_on_everything_a_gateway_may_write_changes_nothing_but_telemetrys_own_state(
    shipped, state_dir, journal
):
    """Who has the gateway's own certificate can publish as it, and what telemetry hears of it is its `$state`."""
    journal.append([reading(1)])
    topics = ("$state", "command", "pumps/pump-a/command", "pumps/pump-a/state", "pumps/pump-a/alarms/occlusion")
    async with running(over_tls(shipped, state_dir, "bed-3")) as cursor:
        await until(lambda: cursor.position.id == 1)
        before = {file.name for file in state_dir.iterdir()}
        async with client(shipped, "bed-3") as hostile:
            for number in range(400):
                body = b'{"do":"start","rate_ml_h":999}' if number % 2 else b"\xff" * 4000
                for topic in topics:
                    await hostile.publish(f"pumpd/v1/bed-3/{topic}", body, qos=0, retain=number % 3 == 0)
        journal.append([reading(2)])
        await until(lambda: cursor.position.id == 2)
        assert {file.name for file in state_dir.iterdir()} == before, "it has written nothing"
    with contextlib.closing(JournalReader(journal.path)) as reader:
        assert [entry.kind for entry in reader.all()] == ["reading", "reading"]


# paho leaves the socket of a failed handshake to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.requirement("SEC-04")
@pytest.mark.parametrize("wrong", ["no certificate", "foreign authority"])
async def test_a_client_without_a_certificate_or_with_a_foreign_broker_publishes_nothing(
    shipped, state_dir, journal, tmp_path, monkeypatch, wrong
):
    monkeypatch.setattr(mqtt, "CONNECT_TIMEOUT_S", 1.0)  # aiomqtt does not notice that the broker disconnects so early
    journal.append([reading(1)])
    settings = over_tls(shipped, state_dir, "bed-3")
    if wrong == "no certificate":
        changed = {"client_cert": None, "client_key": None}
    else:
        Authority(tmp_path)
        changed = {"ca_file": tmp_path / "ca.crt"}
    settings = settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update=changed)})
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await until(lambda: any(line["event"] == "broker_unavailable" for line in logs))
            assert cursor.position.id == 0
    (error, *_) = [line["error"] for line in logs if line["event"] == "broker_unavailable"]
    assert f"no connection to 127.0.0.1:{shipped.port}" in error
