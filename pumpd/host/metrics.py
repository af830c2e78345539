"""What control and bedside say of themselves for Prometheus: each writes a small file, and telemetry reads it.

Promises:
- Nobody connects to control, and it waits for nobody: a scraper, a full disk or a dead telemetry does not concern it.
  The file is written on a thread of its own, on a file system in memory.
- Every metric is in `TABLE`, with its labels. Labels are names of pumps, priorities and states: a few, and no person.
- What telemetry reads is checked as if it came from outside, and nothing older than `OLD_S` is served.
"""

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from pumpd.host.files import mode_of, places
from pumpd.host.own_thread import OwnThread
from pumpd.settings import Settings
from pumpd.settings_file import DEFAULT_PATH

EVERY_S = 5.0
OLD_S = 3 * EVERY_S
LARGEST = 256 * 1024  # bytes of a file

Kind = Literal["gauge", "counter"]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Metric:
    what: str
    labels: tuple[str, ...] = ()
    kind: Kind = "gauge"


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


PUMP, PROCESS = ("pump",), ("process",)
# fmt: off
TABLE: Mapping[str, Metric] = {
    "pumpd_up": Metric("whether the process works: 0 when it has said nothing for 15 s", PROCESS),
    "pumpd_process_uptime_seconds": Metric("how long the process has run", PROCESS),
    "pumpd_process_cpu_seconds_total": Metric("processor time that it has used", PROCESS, "counter"),
    "pumpd_process_resident_bytes": Metric("its memory", PROCESS),
    "pumpd_process_open_files": Metric("its open files and sockets", PROCESS),
    "pumpd_loop_delay_seconds": Metric("the longest that its event loop was late in the last 5 s", PROCESS),

    "pumpd_pump_state": Metric("1 for the state of the pump's infusion, `none` without one", ("pump", "state")),
    "pumpd_pump_may_flow": Metric("whether flow may occur", PUMP),
    "pumpd_pump_available": Metric("whether an infusion could be ordered on it", PUMP),
    "pumpd_pump_simulated": Metric("whether it is simulated", PUMP),
    "pumpd_pump_link_up": Metric("whether the gateway reaches it", PUMP),
    "pumpd_pump_reading_age_seconds": Metric("since its last reading was asked for", PUMP),
    "pumpd_pump_rate_ml_per_hour": Metric("the rate that it reports", PUMP),
    "pumpd_pump_delivered_ml": Metric("given so far in this infusion", PUMP),
    "pumpd_pump_remaining_ml": Metric("left of this infusion", PUMP),
    "pumpd_pump_lease_seconds": Metric("how long the permission to flow still lasts", PUMP),
    "pumpd_pump_pressure_mmhg": Metric("pressure in its line", PUMP),
    "pumpd_pump_battery_ratio": Metric("charge of its battery, 0 to 1", PUMP),
    "pumpd_alarms": Metric("active alarms; `pump` is empty for those of the gateway", ("pump", "priority")),
    "pumpd_journal_ok": Metric("whether the journal can be written"),
    "pumpd_clock_synchronized": Metric("whether the clock is synchronised"),
    "pumpd_supply_on_battery": Metric("whether the gateway runs on its battery"),
    "pumpd_certificate_left_seconds": Metric("until the certificate of the tablets' server ends"),
    "pumpd_tablets_connected": Metric("tablets that are connected"),
    "pumpd_disk_free_bytes": Metric("free for the journal"),

    "pumpd_bedside_connections": Metric("open connections of the tablets' server"),
    "pumpd_bedside_control_up": Metric("whether the tablets' server reaches control"),

    "pumpd_telemetry_connected": Metric("whether the sink is connected", ("sink",)),
    "pumpd_telemetry_connections_total": Metric("connections that it has made", ("sink",), "counter"),
    "pumpd_telemetry_unsent_entries": Metric("journal entries that it has not had acknowledged", ("sink",)),
}
# fmt: on


def file_of(process: str, settings: Settings) -> Path | None:
    """Where a process writes; None where no metrics are served."""
    found = (each.path for each in places(settings, DEFAULT_PATH) if each.row.name == f"{process}'s metrics")
    return next(found, None)


class Loop:
    """How late the event loop is: what RUN-16 and RUN-17 are about, seen from inside."""

    STEP_S = 0.05

    def __init__(self) -> None:
        self._worst_s = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + self.STEP_S
            await asyncio.sleep(self.STEP_S)
            self._worst_s = max(self._worst_s, loop.time() - due_s)

    def worst_s(self) -> float:
        """Since the last call."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst


class Speaker:
    """Writes what a process says of itself, every `EVERY_S`."""

    overdue = False

    def __init__(self, process: str, path: Path, values: Callable[[], Iterable[Value]]) -> None:
        self._process, self._path, self._values, self._loop = process, path, values, Loop()
        self._began_s, self._text, self._failed = time.monotonic(), "", False
        self._disk = OwnThread(f"metrics of {process}", lambda: _replace(path, self._text))

    async def run(self) -> None:
        watching = asyncio.create_task(self._loop.run())
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self._say()
        finally:
            watching.cancel()

    async def _say(self) -> None:
        try:
            said = [*own(self._process, self._began_s, self._loop.worst_s()), *self._values()]
            self._text = text(self._process, said)
            await self._disk.result()
            self._failed = False
        except Exception as error:  # noqa: BLE001 - a part of control that fails stops the pumps; metrics are not worth it
            if not self._failed:
                _log.error("metrics_not_written", file=str(self._path), error=str(error))
            self._failed = True


def own(process: str, began_s: float, late_s: float) -> Iterator[Value]:
    """What every process says. Reads the kernel's files about this process."""
    about = {"process": process}
    yield Value("pumpd_process_uptime_seconds", time.monotonic() - began_s, about)
    yield Value("pumpd_process_cpu_seconds_total", time.process_time(), about)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    yield Value("pumpd_process_resident_bytes", pages * os.sysconf("SC_PAGE_SIZE"), about)
    yield Value("pumpd_process_open_files", len(os.listdir("/proc/self/fd")), about)  # noqa: PTH208 - only their number
    yield Value("pumpd_loop_delay_seconds", late_s, about)


def text(process: str, values: Iterable[Value]) -> str:
    lines = [[each.name, dict(each.labels), each.value] for each in values]
    return json.dumps({"process": process, "monotonic_s": time.monotonic(), "values": lines}, separators=(",", ":"))


def _replace(path: Path, written: str) -> None:
    new = path.with_name(f".{path.name}")
    new.unlink(missing_ok=True)
    mode = mode_of("control's metrics")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123 - a descriptor
        os.fchmod(file, mode)  # whatever the umask
        out.write(written)
    new.replace(path)


def read(process: str, path: Path) -> list[Value]:
    """What the process said, and whether it works. Never fails: what cannot be understood was not said."""
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(LARGEST))
        age_s = time.monotonic() - float(said["monotonic_s"])
        values = list(_understood(said["values"])) if 0 <= age_s <= OLD_S and said["process"] == process else []
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        values = []
    return [Value("pumpd_up", float(bool(values)), {"process": process}), *values]


def _understood(lines: Iterable[tuple[object, object, object]]) -> Iterator[Value]:
    for name, labels, value in lines:
        metric = TABLE.get(name) if isinstance(name, str) else None
        if (
            metric is None
            or not isinstance(name, str)
            or not isinstance(labels, dict)
            or set(labels) != {*metric.labels}
        ):
            continue
        number = float(value) if isinstance(value, int | float) else math.nan
        if math.isfinite(number):
            yield Value(name, number, {str(key): str(each)[:64] for key, each in labels.items()})
