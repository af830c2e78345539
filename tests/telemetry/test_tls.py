"""The example configuration of mosquitto as it is shipped, with certificates of a throw-away authority."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
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
from pumpd.settings import MqttSettings

from .conftest import Broker, gateway_settings, reading, until
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
    for name in ("broker", "bed-3", "bed-4", "ward-monitor"):
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
    return aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5, tls_context=context)


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
            async with asyncio.timeout(10):
                while "pumpd/v1/bed-3/pumps/pump-a/telemetry" not in topics:
                    topics.append(str((await anext(aiter(monitor.messages))).topic))
    assert topics[:2] == ["pumpd/v1/bed-3/$state", "pumpd/v1/bed-3/$description"]


@pytest.mark.requirement("SEC-08")
async def test_the_account_of_a_gateway_may_publish_below_its_own_topic_and_read_nothing(shipped):
    async with client(shipped, "ward-monitor") as monitor, client(shipped, "bed-3") as gateway:
        await monitor.subscribe("#", qos=1)
        await gateway.subscribe("pumpd/v1/#", qos=1)
        await gateway.publish("pumpd/v1/bed-3/events", b"mine", qos=1)
        await until(lambda: len(monitor.messages) == 1)
        with contextlib.suppress(aiomqtt.MqttError):  # this mosquitto disconnects on a forbidden publish
            await gateway.publish("pumpd/v1/bed-4/events", b"another's", qos=1, timeout=1)
        with contextlib.suppress(aiomqtt.MqttError):
            await monitor.publish("pumpd/v1/bed-3/pumps/pump-a/command", b"start", qos=1, timeout=1)
        await asyncio.sleep(0.2)
        assert len(monitor.messages) == 1
        assert len(gateway.messages) == 0
    for ended in (monitor, gateway):  # otherwise asyncio complains that their results were never retrieved
        if ended._disconnected.done():
            ended._disconnected.exception()


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
