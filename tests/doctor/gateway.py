"""A gateway in a directory: the files of a good one, which a test then breaks in one place."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pumpd.bedside.certificates import make, read
from pumpd.doctor.facts import Control, Facts
from pumpd.doctor.machine import Machine
from pumpd.host.clock_rules import KernelClock
from pumpd.journal import Entry, Journal
from pumpd.library.files import CHECKOUT
from pumpd.library.signing import throwaway
from pumpd.settings import Settings

NOW = datetime.now(UTC).replace(microsecond=0)
UP_S = 86400.0
STATE = "var/lib/pumpd"
PORT = "/dev/serial/by-path/usb-1"
CONTROL_PID, OTHER_PID = 400, 900
DAY = "2026-11-30T02:00:00.000+00:00"

PUMP: dict[str, Any] = {
    "pump": "bed1",
    "model": "ne-1000",
    "serial": "A-1",
    "simulated": False,
    "problem": "",
    "to_identify": None,
    "links": {"pump": "ok"},
    "alarms": [],
    "loss_of_control": ["native"],
    "loss_of_control_text": "the pump's own watchdog stops it",
    "self_test": {"ts": DAY, "passed": True, "results": []},
}
STATUS: dict[str, Any] = {
    "gateway": "ward-7",
    "journal": "ok",
    "alarms": [],
    "pumps": [PUMP],
    "tablets_connected": 1,
}
UNIT = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "ActiveEnterTimestamp": "Mon 2026-11-30 02:00:00 UTC",
    "NRestarts": "0",
    "FragmentPath": "/usr/lib/systemd/system/pumpd.service",
    "DropInPaths": "",
    "Result": "success",
    "MemoryCurrent": str(60 << 20),
    "MemoryMax": str(256 << 20),
}
TABLET = {"id": "k1", "name": "Tablet 1", "roles": ["confirm"], "public_pem": "-", "kind": "tablet"}
NURSE = {"badge": "2001", "name": "Nurse A", "roles": ["view", "confirm"], "pin_hash": "-", "person": ""}


class FakeMachine(Machine):
    """A directory instead of the machine. Room and speed of the disk are numbers, and the programs are texts."""

    free_mb, files, sync_s, read_only = 20_000, 100_000, 0.01, False

    def __init__(self, root: Path, *, is_root: bool = True) -> None:
        super().__init__(root, self._program, is_root=is_root)
        self.units: dict[str, dict[str, str]] = {}
        self.printed: dict[str, str | None] = {"dpkg": "", "dpkg-query": "0.2.0+deb12 arm64"}
        self.watchdog = "15s"
        self.groups = {PORT: "dialout", "/dev/gpiochip0": "gpio"}

    def _program(self, words: Sequence[str]) -> str | None:
        if words[0] != "systemctl":
            return self.printed.get(words[0])
        if words[-1].endswith(".service"):
            return _pairs(UNIT | self.units.get(words[-1], {}))
        return _pairs({"RuntimeWatchdogUSec": self.watchdog, "Version": "252", "SystemState": "running"})

    def group(self, path: Path | str) -> str:
        return self.groups.get(str(path), "dialout")

    def space(self, folder: Path) -> os.statvfs_result:
        flags = os.ST_RDONLY if self.read_only else 0
        return os.statvfs_result((4096, 4096, 7_500_000, 0, self.free_mb * 256, 10**6, 0, self.files, flags, 255))

    def slowest_sync_s(self, folder: Path, times: int) -> float:
        return self.sync_s


def _pairs(found: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in found.items())


class Gateway:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.machine = FakeMachine(root)
        self.given: dict[str, Any] = {}
        self.clock = KernelClock(synchronized=True, error_us=5000, ahead_ns=0)
        self.status: dict[str, Any] | None = json.loads(json.dumps(STATUS))
        self.now = NOW
        self.changes: dict[str, Any] = {}
        self._files()
        self._state()
        until = read(self.root / STATE / "tls/gateway.pem").not_valid_after_utc
        self.status["certificate"] = {"until_ts": until.isoformat(), "days_left": 397, "ending": False}

    @property
    def facts(self) -> Facts:
        control = Control(self.status, "" if self.status else "nobody answers")
        settings = Settings.model_validate(self.given)
        config = Path("/etc/pumpd/pumpd.toml")
        return replace(Facts(self.machine, config, settings, self.now, self.clock, control=control), **self.changes)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def process(self, pid: int, *words: str, unit: str = "", parent: int = 1, opened: Sequence[str] = ()) -> None:
        """A process that started an hour ago."""
        fields = [str(parent), *["0"] * 17, str(round((UP_S - 3600) * os.sysconf("SC_CLK_TCK"))), "0"]
        self.write(f"proc/{pid}/stat", f"{pid} ({words[0].rpartition('/')[2]}) S {' '.join(fields)}")
        self.write(f"proc/{pid}/cmdline", "\0".join(words) + "\0")
        self.write(f"proc/{pid}/cgroup", f"0::/system.slice/{unit}" if unit else "0::/user.slice")
        self.write(f"proc/{pid}/limits", "Limit  Soft\nMax open files            1024                 4096  files")
        (self.root / f"proc/{pid}/fd").mkdir()
        for number, path in enumerate(opened):
            (self.root / f"proc/{pid}/fd/{number}").symlink_to(self.root / path.lstrip("/"))

    def _files(self) -> None:
        for path, text in {
            "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"',
            "proc/uptime": f"{UP_S} 0",
            "proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB",
            "proc/swaps": "Filename Type Size Used Priority",
            "proc/vmstat": "pgfault 1\noom_kill 0",
            "proc/cmdline": "console=tty1 root=/dev/mmcblk0p2",
            "proc/locks": "",
            "proc/sys/kernel/osrelease": "6.12",
            "proc/self/mountinfo": (
                "20 1 179:2 / / rw,relatime - ext4 /dev/root rw\n21 20 0:5 / /proc rw - proc proc rw"
            ),
            "sys/class/rtc/rtc0/since_epoch": str(round(NOW.timestamp())),
            "sys/class/thermal/thermal_zone0/temp": "51000",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
            "sys/class/watchdog/watchdog0/identity": "Broadcom BCM2835 Watchdog timer",
            "sys/class/watchdog/watchdog0/state": "active",
            "sys/class/watchdog/watchdog0/timeout": "15",
            "sys/class/hwmon/hwmon0/name": "rpi_volt",
            "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "0",
            "sys/devices/platform/soc/soc:firmware/get_throttled": "0",
            "sys/block/mmcblk0/mmcblk0p2/stat": "0 0 0 0 0 0 2048 0 0 0 0",  # 1 MiB in a day
            "sys/block/mmcblk0/mmcblk0p2/partition": "2",
            "sys/block/mmcblk0/device/life_time": "0x01 0x02",
            "sys/block/mmcblk0/device/pre_eol_info": "0x01",
            "usr/lib/udev/rules.d/60-pumpd.rules": 'ENV{ID_MM_PORT_IGNORE}="1"',
            "usr/lib/systemd/system/pumpd-control.service": "",
            "sys/class/leds/buzzer/brightness": "0",
            "dev/gpiochip0": "",
            "dev/ttyUSB0": "",
            "var/lib/dpkg/info/pumpd.list": "/opt/pumpd",
        }.items():
            self.write(path, text)
        os.utime(self.root / "var/lib/dpkg/info/pumpd.list", (NOW.timestamp() - 7200,) * 2)
        (self.root / "dev/ttyUSB0").chmod(0o660)
        (self.root / "dev/gpiochip0").chmod(0o660)
        link = self.root / PORT.lstrip("/")
        link.parent.mkdir(parents=True)
        link.symlink_to("../../ttyUSB0")
        block = self.root / "sys/dev/block/179:2"
        block.parent.mkdir(parents=True)
        block.symlink_to("../../block/mmcblk0/mmcblk0p2")
        self.process(
            CONTROL_PID,
            "/usr/bin/python3.11",
            "-m",
            "pumpd.control",
            unit="pumpd-control.service",
            opened=["dev/ttyUSB0"],
        )

    def _state(self) -> None:
        state = self.root / STATE
        state.mkdir(parents=True, mode=0o750)
        make(state / "tls", "ward-7", ["ward-7.local"])
        journal = Journal(state / "journal.sqlite3", boot="b1")
        reading = Entry("reading", {"patient": "P-CANARY"}, "bed1", "s1", at=NOW)
        journal.append([Entry("control_started", {}, at=NOW), reading])
        journal.close()
        self.write(f"{STATE}/paired-keys.json", json.dumps([TABLET]))
        self.write(f"{STATE}/staff.json", json.dumps([NURSE]))
        text = throwaway(CHECKOUT, self.root / "etc/pumpd/library", "day-clinic")
        key = text.partition('throwaway = "')[2].partition('"')[0]
        self.given = {
            "gateway": "ward-7",
            "state_dir": "/var/lib/pumpd",
            "library_dir": "/etc/pumpd/library",
            "care_area": "day-clinic",
            "library_keys": {"pharmacy": key},
            "hardware": {"enabled": True, "acknowledged": "not a cleared medical device"},
            "gpio": {"light": 17},
            "alarm": {"output": "/sys/class/leds/buzzer/brightness"},
            "bedside": {"names": ["ward-7.local"]},
            "pump": [{"name": "bed1", "driver": "new-era", "port": PORT, "serial": "A-1", "model": "ne-1000"}],
        }


Break = Callable[[Gateway], object]
