"""The account of the vitals process at the broker of config/mosquitto, over TLS, with the simulated monitor."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import aiomqtt
import pytest

from tests.patience import PATIENCE_S, until
from tests.telemetry.test_tls import Authority, ShippedBroker, client, shipped_broker

from .conftest import TOPIC, VitalsSocket, vitals_process
from .test_broker import connected

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    for name in ("broker", "ward-7-vitals", "monitor-bed-1", "ward-7"):
        authority.issue(name)
    return authority


@pytest.fixture
def shipped(authority: Authority) -> Iterator[ShippedBroker]:
    with shipped_broker(authority.folder) as broker:
        yield broker


def tls(broker: ShippedBroker, name: str) -> dict[str, object]:
    folder = broker.folder
    return {
        "tls": True,
        "ca_file": folder / "ca.crt",
        "client_cert": folder / f"{name}.crt",
        "client_key": folder / f"{name}.key",
    }


@pytest.mark.requirement("SEC-04")
async def test_a_monitor_reaches_control_over_tls(shipped: ShippedBroker, vitals_socket: VitalsSocket):
    folder = shipped.folder
    command = [sys.executable, "-m", "pumpd_simulators", "monitor", "--broker", f"127.0.0.1:{shipped.port}"]
    command += ["--topic", TOPIC, "--patient", "P-1", "--speed", "10", "--ca-file", str(folder / "ca.crt")]
    command += ["--cert", str(folder / "monitor-bed-1.crt"), "--key", str(folder / "monitor-bed-1.key")]
    bed = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: ASYNC220 - it runs on
    try:
        async with vitals_process(shipped, vitals_socket, **tls(shipped, "ward-7-vitals")):
            await until(lambda: len(vitals_socket.lines) >= 3)
    finally:
        bed.terminate()
        out, _ = bed.communicate(timeout=PATIENCE_S)
    assert (out, bed.returncode) == (f"ready {TOPIC}\n".encode(), 0)
    assert {(each.pump, each.source, each.patient) for each in vitals_socket.requests} == {("bed1", TOPIC, "P-1")}
    assert all(94 <= each.spo2_percent <= 100 and 0 <= each.age_s < 5 for each in vitals_socket.requests)


@pytest.mark.requirement("SEC-08")
async def test_only_the_monitors_account_may_write_its_topic(shipped: ShippedBroker, vitals_socket: VitalsSocket):
    async with vitals_process(shipped, vitals_socket, **tls(shipped, "ward-7-vitals")) as here:
        await until(lambda: connected(here))
        for name in ("ward-7", "ward-7-vitals"):
            async with client(shipped, name) as other:
                with contextlib.suppress(aiomqtt.MqttError):  # this mosquitto disconnects on a forbidden publish
                    await other.publish(TOPIC, b'{"spo2_percent": 70}', qos=1, timeout=1)
                if other._disconnected.done():  # otherwise asyncio complains that the result was never retrieved
                    other._disconnected.exception()
        async with client(shipped, "monitor-bed-1") as bed:
            await bed.publish(TOPIC, b'{"spo2_percent": 97}', qos=1)
            await until(lambda: bool(vitals_socket.lines))
    assert vitals_socket.spo2 == [97]
