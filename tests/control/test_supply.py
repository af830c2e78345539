"""PWR-07: the gateway's supply, from the kernel's files to the alarm. A folder holds the files; time is virtual."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from pumpd.cli.wording import status_text
from pumpd.host import supply as supply_room
from pumpd.host.clock import Clock
from pumpd.host.clock_rules import KernelClock
from pumpd.host.supply import SupplyWatch, read_supply
from pumpd.host.supply_rules import Source, Supply
from pumpd.pump import AlarmCode
from pumpd.settings import Settings, SupplySettings
from pumpd.telemetry.messages import Translator
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed
from tests.patience import PATIENCE_S, until


class Sysfs:
    """What the kernel would have under /sys/class; None removes a file."""

    def __init__(self, root):
        self.root = root

    def put(self, where, **files):
        folder = self.root / "class" / where
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            if content is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(f"{content}\n")

    def battery(self, name="BAT0", **files):
        self.put(f"power_supply/{name}", **{"type": "Battery", **files})

    def line(self, online, name="AC", kind="Mains"):
        self.put(f"power_supply/{name}", type=kind, online=online)

    def sensor(self, low):
        self.put("hwmon/hwmon0", name="cpu_thermal", temp1_input=48000)
        self.put("hwmon/hwmon1", name="rpi_volt", in0_lcrit_alarm=low)

    def take_away(self, name):
        folder = self.root / "class" / name
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


@pytest.fixture
def sysfs(tmp_path):
    return Sysfs(tmp_path / "sys")


# -- reading the files -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-07")
def test_a_gateway_without_such_hardware_is_not_watched(sysfs):
    assert read_supply(sysfs.root) is None
    sysfs.line(online=0, name="usb", kind="USB")  # a port that supplies other devices
    sysfs.put("hwmon/hwmon0", name="cpu_thermal")
    assert read_supply(sysfs.root) is None
    sysfs.battery("mouse", scope="Device", status="Discharging", capacity=3)
    sysfs.battery("slot", present=0, status="Unknown")
    assert read_supply(sysfs.root) is None


@pytest.mark.requirement("PWR-07")
@pytest.mark.parametrize(
    ("status", "online", "source"),
    [
        ("Charging", None, Source.MAINS),
        ("Full", None, Source.MAINS),
        ("Not charging", 1, Source.MAINS),
        ("Unknown", 1, Source.MAINS),
        ("Discharging", None, Source.BATTERY),
        ("Discharging", 1, Source.BATTERY),  # a line that is too weak
        ("Unknown", 0, Source.BATTERY),
        ("Full", 0, Source.BATTERY),  # was full a moment ago
        ("Unknown", None, Source.UNKNOWN),
        ("", None, Source.UNKNOWN),
    ],
)
def test_the_source_of_power_is_found(sysfs, status, online, source):
    sysfs.battery(status=status)
    if online is not None:
        sysfs.line(online)
        sysfs.line(0, name="usb", kind="USB")  # a second, empty socket
    supply = read_supply(sysfs.root)
    assert (supply.source, supply.watched) == (source, {"BAT0"})


@pytest.mark.requirement("PWR-07")
@pytest.mark.parametrize(
    ("files", "left_s"),
    [
        ({"time_to_empty_now": 1500}, 1500),
        ({"time_to_empty_now": 1500, "time_to_empty_avg": 900}, 900),
        ({"time_to_empty_avg": 900, "energy_now": 20_000_000, "power_now": 5_000_000}, 900),
        ({"time_to_empty_now": 65535 * 60, "energy_now": 20_000_000, "power_now": 5_000_000}, 4 * 3600),
        ({"energy_now": 20_000_000, "power_now": 5_000_000}, 4 * 3600),  # 20 Wh at 5 W
        ({"charge_now": 2_000_000, "current_now": -800_000}, 9000),  # 2 Ah at 0.8 A, negative while it drains
        ({"energy_now": 20_000_000, "power_now": 0, "charge_now": 1, "current_now": 0}, None),
        ({"capacity": 50}, None),  # no rate is known
        ({"capacity": "lots", "time_to_empty_now": ""}, None),
    ],
)
def test_how_long_a_battery_lasts_is_reported_or_computed_and_never_guessed(sysfs, files, left_s):
    sysfs.battery(status="Discharging", **files)
    assert read_supply(sysfs.root).left_s == left_s


@pytest.mark.requirement("PWR-07")
def test_a_percentage_becomes_a_time_once_the_site_has_declared_what_a_full_battery_lasts(sysfs):
    sysfs.battery("UPS0", type="UPS", status="Discharging", capacity=25)
    assert read_supply(sysfs.root).left_s is None
    assert read_supply(sysfs.root, full_minutes=120).left_s == 30 * 60
    sysfs.battery("UPS0", time_to_empty_now=60)
    assert read_supply(sysfs.root, full_minutes=120).left_s == 60, "the battery's own time comes first"


@pytest.mark.requirement("PWR-07")
def test_the_first_of_two_batteries_to_be_empty_counts(sysfs):
    sysfs.battery(status="Discharging", time_to_empty_now=5000)
    sysfs.battery("BAT1", status="Discharging", time_to_empty_now=700)
    assert read_supply(sysfs.root).left_s == 700


@pytest.mark.requirement("PWR-07")
def test_a_pi_reports_that_its_voltage_is_too_low(sysfs):
    sysfs.sensor(0)
    assert read_supply(sysfs.root) == Supply(Source.MAINS, None, False, frozenset({"rpi_volt"}))
    sysfs.sensor(1)
    assert read_supply(sysfs.root) == Supply(Source.MAINS, None, True, frozenset({"rpi_volt"}))


# -- over time ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def watching(sysfs):
    watch = SupplyWatch(SupplySettings(sysfs=sysfs.root), frozenset(), lambda: None)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(1)
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.requirement("PWR-07")
async def test_a_voltage_that_dips_is_one_alarm_for_a_minute(sysfs):
    sysfs.sensor(0)
    async with watching(sysfs) as watch:
        assert watch.alarms == frozenset()
        sysfs.sensor(1)
        await asyncio.sleep(2)
        assert watch.alarms == {AlarmCode.SUPPLY_UNDER_VOLTAGE}
        sysfs.sensor(0)
        await asyncio.sleep(57)
        assert watch.alarms == {AlarmCode.SUPPLY_UNDER_VOLTAGE}
        await asyncio.sleep(6)
        assert watch.alarms == frozenset()


@pytest.mark.requirement("PWR-07")
@pytest.mark.parametrize("name", ["power_supply/BAT0", "hwmon/hwmon1"])
async def test_a_battery_or_sensor_that_disappears_is_an_alarm(sysfs, name):
    sysfs.sensor(0)
    sysfs.battery(status="Full")
    async with watching(sysfs) as watch:
        assert watch.supply.source is Source.MAINS
        sysfs.take_away(name)
        await asyncio.sleep(2)
        assert watch.alarms == {AlarmCode.SUPPLY_UNKNOWN}
        await asyncio.sleep(60)
        assert watch.alarms == {AlarmCode.SUPPLY_UNKNOWN}, "it stays an alarm"


@pytest.mark.requirement("PWR-07")
@pytest.mark.realtime
async def test_a_gauge_that_hangs_blocks_nothing_and_is_read_once(sysfs, monkeypatch):
    asked, go_on = [], threading.Event()

    def hangs(*_):
        asked.append(1)
        go_on.wait(PATIENCE_S)

    monkeypatch.setattr(supply_room, "read_supply", hangs)
    monkeypatch.setattr(supply_room, "ANSWERS_WITHIN_S", 0.05)
    watch = SupplyWatch(SupplySettings(sysfs=sysfs.root), frozenset(), lambda: None)
    try:
        for _ in range(3):
            await asyncio.wait_for(watch.poll(), PATIENCE_S / 2)
            assert watch.alarms == {AlarmCode.SUPPLY_UNKNOWN}
        await until(lambda: asked)
        assert len(asked) == 1
    finally:
        go_on.set()
    monkeypatch.setattr(supply_room, "ANSWERS_WITHIN_S", PATIENCE_S)
    await watch.poll()
    assert watch.alarms == frozenset()


# -- on a gateway ------------------------------------------------------------------------------------------------------


def codes(here):
    return [alarm["code"] for alarm in here.gateway.status()["alarms"]]


@pytest.mark.requirement("PWR-07")
async def test_an_emptying_battery_is_shown_everywhere_and_affects_no_infusion(tmp_path, sysfs):
    sysfs.battery(status="Full")
    async with open_testbed(tmp_path, top={"supply": {"sysfs": sysfs.root}}) as here:
        await here.start()
        assert here.gateway.status()["supply"] == {"source": "mains", "left_min": None, "under_voltage": False}
        sysfs.battery(status="Discharging")
        await asyncio.sleep(3)
        assert codes(here) == ["supply_on_battery"]
        for left_s, code in ((1800, "supply_short"), (600, "supply_ending")):
            sysfs.battery(time_to_empty_now=left_s)
            await asyncio.sleep(3)
            assert codes(here) == [code]
        live = here.gateway.live.state()
        assert [(each["code"], each["priority"]) for each in live["alarms"]] == [("supply_ending", "high")]
        assert live["supply"] == {"source": "battery", "left_min": 10, "under_voltage": False}
        text = status_text(here.gateway.status())
        assert "supply: battery, 10 min left" in text
        assert "HIGH: Gateway's battery lasts 10 minutes at most. Connect the mains now." in text
        assert here.state() == "running"
        sysfs.battery(status="Charging")
        await asyncio.sleep(3)
        assert codes(here) == []
        assert here.state() == "running"
        await here.gateway.journal.append([])
        entries = [entry for entry in here.entries() if entry.kind.startswith("alarm_")]
        assert [(entry.kind, entry.fields["code"], entry.session) for entry in entries] == [
            ("alarm_raised", "supply_on_battery", ""),
            ("alarm_raised", "supply_short", ""),
            ("alarm_cleared", "supply_on_battery", ""),
            ("alarm_raised", "supply_ending", ""),
            ("alarm_cleared", "supply_short", ""),
            ("alarm_cleared", "supply_ending", ""),
        ]
        translator = Translator("ward-7", {"bed1": True})
        topics = [message.topic for entry in entries[:2] for message in translator.messages(entry)]
        assert "pumpd/v1/ward-7/alarms/supply_short" in topics


@pytest.mark.requirement("STA-13")
async def test_no_first_start_on_a_battery_that_lasts_less_than_an_hour(tmp_path, sysfs, monkeypatch):
    monkeypatch.setattr(Clock, "kernel", lambda _: KernelClock(True, 0, 0))
    sysfs.battery(status="Discharging", time_to_empty_now=3599)
    async with open_testbed(tmp_path, top={"supply": {"sysfs": sysfs.root}}) as here:
        await asyncio.sleep(3)
        assert (await here.order()).ok, "a simulated pump asks for no supply"
        await here.ask(op="stop", reason="test")
        here.real()
        refused = await here.order(patient="token-2")
        assert "its battery lasts 59 min, at least 60 min are needed" in " ".join(refused.reasons)
        sysfs.battery(time_to_empty_now=3600)
        await asyncio.sleep(3)
        assert (await here.order(patient="token-2")).ok
        await here.until("ready")
        sysfs.battery(time_to_empty_now=3599)
        await asyncio.sleep(3)
        refused = await here.confirm()
        assert "its battery lasts 59 min" in " ".join(refused.reasons)
        sysfs.battery(status="Charging")
        await asyncio.sleep(3)
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")


@pytest.mark.requirement("PWR-07")
async def test_an_alarm_of_the_supply_survives_a_restart_and_is_raised_once(tmp_path, sysfs):
    sysfs.battery(status="Discharging", time_to_empty_now=600)
    async with open_testbed(tmp_path, top={"supply": {"sysfs": sysfs.root}}) as here:
        await asyncio.sleep(3)
        await here.gateway.journal.append([])
        await die(here)
        async with another_process(here):
            await asyncio.sleep(5)
            assert codes(here) == ["supply_ending"]
            sysfs.battery(status="Full", time_to_empty_now=None)
            await asyncio.sleep(3)
            assert codes(here) == []
            await here.gateway.journal.append([])
            found = [
                (entry.kind, entry.fields["code"])
                for entry in here.entries()
                if entry.kind in ("alarm_raised", "alarm_cleared")
            ]
            assert found == [("alarm_raised", "supply_ending"), ("alarm_cleared", "supply_ending")]


@pytest.mark.requirement("PWR-07")
def test_the_supply_is_always_watched_with_real_pumps_and_on_request_with_simulated_ones(tmp_path):
    pump = {"name": "bed1", "driver": "new-era", "port": "/srv/pumps/bed1", "model": "ne-1000", "serial": "A"}
    real = {"hardware": {"enabled": True, "acknowledged": "not a cleared medical device"}}
    base = {"gateway": "ward-7", "state_dir": tmp_path}
    bench = Settings.model_validate({**base, "pump": [{**pump, "simulated": True}]})
    assert bench.supply_watched is None
    assert Settings.model_validate({**base, **real, "pump": [pump]}).supply_watched == SupplySettings()
    asks = Settings.model_validate({**base, "supply": {"full_minutes": 90}, "pump": [{**pump, "simulated": True}]})
    assert asks.supply_watched.full_minutes == 90
