"""The gateway's power supply, as the kernel reports it: a battery or UPS, or the voltage sensor of a Raspberry Pi.

Promises:
- A gateway without such hardware raises no alarm; the log says that nothing is monitored.
- A battery or sensor that disappears or does not answer makes the supply unknown, never good.
- Reading never blocks the loop: a fuel gauge is on a slow bus, and may hang forever.

Files and units: the kernel's Documentation/ABI/testing/sysfs-class-power and power/power_supply_class.rst, and
hwmon/raspberrypi-hwmon.rst. Times are seconds, energies µWh, powers µW, charges µAh, currents µA.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from pumpd.host.own_thread import OwnThread
from pumpd.host.supply_rules import Source, Supply, alarms
from pumpd.host.turns import Turns
from pumpd.pump import AlarmCode
from pumpd.settings import SupplySettings

log = structlog.get_logger("pumpd.control")

POLL_EVERY_S = 2.0
ANSWERS_WITHIN_S = 5.0
PATIENCE_S = 10.0  # for one cycle: an answer and the pause after it
LOW_FOR_S = 60.0  # [P] repeated dips are one alarm, not many: the sensor reports a dip for 2 s only
NO_TIME_S = 65535 * 60  # the value by which a smart battery reports that the time is unknown

_FED = ("Charging", "Full", "Not charging")


@dataclass(frozen=True, slots=True)
class _Battery:
    name: str
    status: str
    left_s: int | None


def read_supply(sysfs: Path, full_minutes: int | None = None) -> Supply | None:
    """What powers the gateway; None when there is neither a battery nor a sensor. Blocks."""
    batteries, lines = _power_supplies(sysfs / "class" / "power_supply", full_minutes)
    low = _under_voltage(sysfs / "class" / "hwmon")
    if not batteries and low is None:
        return None  # a mains adapter alone proves nothing: a gateway that runs has power
    watched = {each.name for each in batteries} | ({"rpi_volt"} if low is not None else set())
    left = [each.left_s for each in _drained(batteries) if each.left_s is not None]
    return Supply(_source(batteries, lines), min(left, default=None), bool(low), frozenset(watched))


def _source(batteries: Sequence[_Battery], lines: Sequence[bool]) -> Source:
    if not batteries or (any(lines) and not _drained(batteries)):
        return Source.MAINS
    if _drained(batteries) or lines:
        return Source.BATTERY
    return Source.MAINS if any(each.status in _FED for each in batteries) else Source.UNKNOWN


def _drained(batteries: Sequence[_Battery]) -> list[_Battery]:
    return [each for each in batteries if each.status == "Discharging"]


def _power_supplies(folder: Path, full_minutes: int | None) -> tuple[list[_Battery], list[bool]]:
    """The batteries, and for each external supply whether it is connected."""
    batteries, lines = [], []
    for each in _entries(folder):
        kind = _text(each / "type")
        if _text(each / "scope") == "Device" or _text(each / "present") == "0":
            continue  # the battery of a mouse, or an empty slot
        if kind in ("Battery", "UPS"):
            batteries.append(_Battery(each.name, _text(each / "status"), _left_s(each, full_minutes)))
        elif (online := _number(each / "online")) is not None:
            lines.append(online > 0)
    return batteries, lines


def _left_s(battery: Path, full_minutes: int | None) -> int | None:
    """How long it lasts: as reported, otherwise from its charge and current, otherwise from the time that the site
    declared.
    """
    reported = [_number(battery / f"time_to_empty_{what}") for what in ("now", "avg")]
    times = [time for time in reported if time is not None and 0 <= time < NO_TIME_S]
    if times:
        return min(times)
    for holds, gives in (("energy_now", "power_now"), ("charge_now", "current_now")):
        held, drain = _number(battery / holds), _number(battery / gives)
        if held is not None and drain:
            return max(0, held) * 3600 // abs(drain)
    percent = _number(battery / "capacity")
    if percent is None or full_minutes is None:
        return None
    return max(0, percent) * full_minutes * 60 // 100


def _under_voltage(folder: Path) -> bool | None:
    """Whether a Raspberry Pi's sensor saw a low voltage in the last 2 s; None without a sensor."""
    for each in _entries(folder):
        if _text(each / "name") == "rpi_volt" and (alarm := _number(each / "in0_lcrit_alarm")) is not None:
            return alarm != 0
    return None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # not every supply has every file, and a file without a value gives ENODATA
        return ""


def _number(file: Path) -> int | None:
    try:
        return int(_text(file))
    except ValueError:
        return None


class SupplyWatch:
    """Polls the supply every two seconds; `supply` and `alarms` hold the result."""

    def __init__(self, settings: SupplySettings, left: frozenset[AlarmCode], changed: Callable[[], None]) -> None:
        """`left`: the alarms that the previous process raised; they stay until the first poll."""
        self._changed = changed
        self.supply: Supply | None = None
        self.alarms = left
        self.polled = False
        self._reading = OwnThread("supply", lambda: read_supply(settings.sysfs, settings.full_minutes))
        self._watched: frozenset[str] = frozenset()
        self._low_until_s = 0.0
        self._turns = Turns(PATIENCE_S)

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    async def run(self) -> None:
        """Poll, until cancelled."""
        while True:
            self._turns.turned()
            await self.poll()
            await asyncio.sleep(POLL_EVERY_S)

    async def poll(self) -> None:
        supply = self._missed(await self._read())
        now_s = asyncio.get_running_loop().time()
        if supply is not None and supply.under_voltage:
            self._low_until_s = now_s + LOW_FOR_S
        elif supply is not None and now_s < self._low_until_s:
            supply = replace(supply, under_voltage=True)
        found = alarms(supply, self.alarms)
        if not self.polled:
            log.info("supply", watched=sorted(self._watched), source=None if supply is None else supply.source.value)
        changed = (supply, found, True) != (self.supply, self.alarms, self.polled)
        self.supply, self.alarms, self.polled = supply, found, True
        if changed:
            self._changed()

    async def _read(self) -> Supply | None:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                return await self._reading.result()
        except TimeoutError:
            return Supply(Source.UNKNOWN, watched=self._watched)

    def _missed(self, read: Supply | None) -> Supply | None:
        """A battery or sensor that was found earlier and is now missing makes the supply unknown."""
        found = frozenset() if read is None else read.watched
        gone, self._watched = self._watched - found, self._watched | found
        if not gone:
            return read
        return Supply(Source.UNKNOWN, under_voltage=read is not None and read.under_voltage, watched=self._watched)
