"""The gateway's own supply, as the kernel tells it: a battery or UPS of its power supply class, a Pi's voltage sensor.

Promises:
- A gateway with nothing of the kind raises no alarm, and says that nothing is watched.
- What was found once and is gone, or does not answer, is an unknown supply and no good one.
- Reading never holds the loop: a fuel gauge hangs on a slow bus, and may hang for good.

Files and units: the kernel's Documentation/ABI/testing/sysfs-class-power and power/power_supply_class.rst, and
hwmon/raspberrypi-hwmon.rst. Times are seconds, energies µWh, powers µW, charges µAh, currents µA.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from pumpd.host.supply_rules import Source, Supply, alarms
from pumpd.host.turns import Turns
from pumpd.pump import AlarmCode
from pumpd.settings import SupplySettings

log = structlog.get_logger("pumpd.control")

LOOK_EVERY_S = 2.0
ANSWERS_WITHIN_S = 5.0
PATIENCE_S = 10.0  # of one turn: an answer and the pause after it
LOW_FOR_S = 60.0  # [P] a voltage that dips is one alarm, not many: the sensor forgets a dip after 2 s
NO_TIME_S = 65535 * 60  # what a smart battery says that knows no time

_FED = ("Charging", "Full", "Not charging")


@dataclass(frozen=True, slots=True)
class _Battery:
    name: str
    status: str
    left_s: int | None


def read_supply(sysfs: Path, full_minutes: int | None = None) -> Supply | None:
    """What feeds the gateway; None when the kernel knows of nothing that could tell. Blocks."""
    batteries, lines = _power_supplies(sysfs / "class" / "power_supply", full_minutes)
    low = _under_voltage(sysfs / "class" / "hwmon")
    if not batteries and low is None:
        return None  # a line alone says nothing: a gateway that runs is fed
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
    """The batteries, and of each line whether it is there."""
    batteries, lines = [], []
    for each in _entries(folder):
        kind = _text(each / "type")
        if _text(each / "scope") == "Device" or _text(each / "present") == "0":
            continue  # a mouse's battery; a slot without one
        if kind in ("Battery", "UPS"):
            batteries.append(_Battery(each.name, _text(each / "status"), _left_s(each, full_minutes)))
        elif (online := _number(each / "online")) is not None:
            lines.append(online > 0)
    return batteries, lines


def _left_s(battery: Path, full_minutes: int | None) -> int | None:
    """How long it lasts: as it says, else by what it holds and gives, else by the time that the site declared."""
    told = [_number(battery / f"time_to_empty_{what}") for what in ("now", "avg")]
    times = [time for time in told if time is not None and 0 <= time < NO_TIME_S]
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
    """What a Raspberry Pi's sensor says of the last 2 s; None without one."""
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
    except OSError:  # not every supply has every file, and one that knows no answer says ENODATA
        return ""


def _number(file: Path) -> int | None:
    try:
        return int(_text(file))
    except ValueError:
        return None


class SupplyWatch:
    """Looks at the supply every two seconds; `supply` and `alarms` are what is known of it."""

    def __init__(self, settings: SupplySettings, left: frozenset[AlarmCode], changed: Callable[[], None]) -> None:
        """`left`: the alarms that the process before this one raised; they stand until the first look."""
        self._settings, self._changed = settings, changed
        self.supply: Supply | None = None
        self.alarms = left
        self.looked = False
        self._reading: asyncio.Task[Supply | None] | None = None
        self._watched: frozenset[str] = frozenset()
        self._low_until_s = 0.0
        self._turns = Turns(PATIENCE_S)

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    async def run(self) -> None:
        """Look, until cancelled."""
        try:
            while True:
                self._turns.turned()
                await self.look()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            if self._reading is not None:
                self._reading.cancel()

    async def look(self) -> None:
        supply = self._missed(await self._read())
        now_s = asyncio.get_running_loop().time()
        if supply is not None and supply.under_voltage:
            self._low_until_s = now_s + LOW_FOR_S
        elif supply is not None and now_s < self._low_until_s:
            supply = replace(supply, under_voltage=True)
        found = alarms(supply, self.alarms)
        if not self.looked:
            log.info("supply", watched=sorted(self._watched), source=None if supply is None else supply.source.value)
        changed = (supply, found, True) != (self.supply, self.alarms, self.looked)
        self.supply, self.alarms, self.looked = supply, found, True
        if changed:
            self._changed()

    async def _read(self) -> Supply | None:
        """A reading that hangs is waited for, and is never started a second time beside itself."""
        if self._reading is None:
            reading = asyncio.to_thread(read_supply, self._settings.sysfs, self._settings.full_minutes)
            self._reading = asyncio.create_task(reading, name="supply reading")
        task = self._reading
        done, _ = await asyncio.wait((task,), timeout=ANSWERS_WITHIN_S)
        if not done:
            return Supply(Source.UNKNOWN, watched=self._watched)
        self._reading = None
        return task.result()

    def _missed(self, read: Supply | None) -> Supply | None:
        """What was there before and is not now makes the supply an unknown one."""
        found = frozenset() if read is None else read.watched
        gone, self._watched = self._watched - found, self._watched | found
        if not gone:
            return read
        return Supply(Source.UNKNOWN, under_voltage=read is not None and read.under_voltage, watched=self._watched)

    def told(self) -> dict[str, Any] | None:
        """As data; None where nothing is watched."""
        if self.supply is None:
            return None
        left_s = self.supply.left_s if self.supply.source is Source.BATTERY else None
        return {
            "source": self.supply.source.value,
            "left_min": None if left_s is None else left_s // 60,
            "under_voltage": self.supply.under_voltage,
        }
