"""Power, temperature and the hardware watchdog."""

from collections.abc import Iterator
from pathlib import Path

from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Finding, Group, bad, line, missing, not_checked, ok, problem, warning
from pumpd.host.supply import read_supply
from pumpd.host.supply_rules import start_objections

# Bits of the Raspberry Pi's firmware: now, and 16 higher since boot.
_BITS = {0: "voltage too low", 1: "frequency limited", 2: "slowed down", 3: "temperature limit reached"}
_SINCE_BOOT = 16
WARM_C, HOT_C = 70, 80  # a Raspberry Pi slows down from 80 °C on
WATCHDOG_MOST_S = 15  # PWR-09


@line(
    "power.supply",
    "Power supply",
    when="its voltage is too low now, it runs on a battery that does not last, or its source is not known: no first "
    "start then",
    to_do="Use the power supply that the maker of the board names, with a short cable; remove other USB loads.",
)
def _supply(facts: Facts) -> Iterator[Finding]:
    minutes = facts.settings.supply.full_minutes if facts.settings and facts.settings.supply else None
    supply = read_supply(facts.machine.at("/sys"), minutes)
    if supply is None:
        yield missing(facts, "nothing is monitored: the kernel knows no battery, UPS or voltage sensor", _UNMONITORED)
        return
    for each in start_objections(supply):
        yield bad(facts, each.partition(": ")[2].partition(": ")[2])
    if not start_objections(supply):
        yield ok(f"{supply.source.value}, voltage good; monitored: {', '.join(sorted(supply.watched))}")


_UNMONITORED = (
    "On a Raspberry Pi load the driver `raspberrypi-hwmon`; connect a UPS that the kernel knows. Until then a power "
    "cut comes without a warning."
)


@line(
    "power.throttled",
    "Low voltage or heat",
    when="the board's firmware reports that voltage or temperature limited it, now (red) or since boot (yellow)",
    to_do="For low voltage: another power supply or cable. For heat: a heat sink, a fan, or a cooler place.",
)
def _throttled(facts: Facts) -> Iterator[Finding]:
    files = facts.machine.at("/sys/devices/platform").glob("soc*/*firmware*/get_throttled")
    text = next((file.read_text(encoding="ascii").strip() for file in files), None)
    if text is None:
        yield not_checked("this machine has no Raspberry Pi firmware that reports it")
        return
    bits = int(text, 16)
    now = [what for bit, what in _BITS.items() if bits >> bit & 1]
    before = [what for bit, what in _BITS.items() if bits >> (bit + _SINCE_BOOT) & 1]
    if now:
        yield bad(facts, f"now: {', '.join(now)}")
    elif before:
        yield warning(f"since boot: {', '.join(before)}")
    else:
        yield ok("neither now nor since boot")


@line(
    "power.temperature",
    "Temperature",
    when=f"{WARM_C} °C (yellow) or {HOT_C} °C (red) is reached",
    to_do="Give it a heat sink or a fan, and take it out of the sun.",
)
def _temperature(facts: Facts) -> Iterator[Finding]:
    folder = Path("/sys/class/thermal")
    zones = [name for name in facts.machine.names(folder) if name.startswith("thermal_zone")]
    temps = {name: milli for name in zones if (milli := facts.machine.number(folder / name / "temp")) is not None}
    if not temps:
        yield not_checked("the kernel knows no sensor")
        return
    worst = max(temps, key=lambda name: temps[name])
    degrees = temps[worst] // 1000
    found = f"{degrees} °C ({facts.machine.text(folder / worst / 'type') or worst})"
    if degrees >= HOT_C:
        yield bad(facts, found)
    elif degrees >= WARM_C:
        yield warning(found)
    else:
        yield ok(found)


@line(
    "power.watchdog",
    "Hardware watchdog",
    when=f"there is none, systemd does not use it, or it waits longer than {WATCHDOG_MOST_S} s: a kernel that hangs is "
    "then not reset",
    to_do="Install `systemd/system.conf.d/pumpd.conf` and reboot (docs/how-to/gateway.md).",
)
def _watchdog(facts: Facts) -> Iterator[Finding]:
    folder = "/sys/class/watchdog/watchdog0"
    if not facts.machine.names(folder):
        yield missing(facts, "this machine has none", "Use a board with a watchdog: every Raspberry Pi has one.")
        return
    identity = facts.machine.text(f"{folder}/identity") or "unnamed"
    used = facts.machine.properties.get("RuntimeWatchdogUSec", "")
    timeout = facts.machine.number(f"{folder}/timeout")
    if facts.machine.text(f"{folder}/state") == "inactive" or used in ("0", "off"):
        yield bad(facts, f"{identity}: nothing uses it")
    elif timeout is not None and timeout > WATCHDOG_MOST_S:
        yield bad(facts, f"{identity}: it waits {timeout} s, at most {WATCHDOG_MOST_S} s are allowed")
    else:
        waits = "" if timeout is None else f", resets after {timeout} s"
        yield ok(f"{identity}{waits}{f', systemd feeds it ({used})' if used else ''}")


@line(
    "memory.free",
    "Memory",
    when="less than 15 % (yellow) or 5 % (red) is available",
    to_do="See what takes it: `ps --sort=-rss aux | head`. Nothing but pumpd belongs on a gateway.",
)
def _memory(facts: Facts) -> Iterator[Finding]:
    info = {}
    for each in (facts.machine.text("/proc/meminfo") or "").splitlines():
        key, _, rest = each.partition(":")
        info[key] = rest.split()
    try:
        whole, left = int(info["MemTotal"][0]), int(info["MemAvailable"][0])
    except (KeyError, IndexError, ValueError):
        yield not_checked("the kernel does not say")
        return
    found = f"{left // 1024} MB of {whole // 1024} MB available"
    if left * 20 < whole:
        yield problem(found)
    elif left * 100 < whole * 15:
        yield warning(found)
    else:
        yield ok(found)


@line(
    "memory.swap",
    "Swap",
    when="memory is swapped to a disk or card: control then waits for it, and the card wears",
    to_do="Turn it off: `systemctl disable --now dphys-swapfile`, or remove it from /etc/fstab. Compressed memory "
    "(zram) may stay.",
)
def _swap(facts: Facts) -> Iterator[Finding]:
    places = [each.split()[0] for each in (facts.machine.text("/proc/swaps") or "").splitlines()[1:] if each.split()]
    on_disk = [place for place in places if not place.startswith("/dev/zram")]
    if on_disk:
        yield warning(", ".join(on_disk))
    else:
        yield ok("compressed memory only" if places else "none")


@line(
    "memory.killed",
    "Killed for lack of memory",
    when="the kernel has killed a process for lack of memory since boot",
    to_do="See which: `journalctl -k | grep -i 'killed process'`. Remove what needs that memory.",
)
def _killed(facts: Facts) -> Iterator[Finding]:
    for each in (facts.machine.text("/proc/vmstat") or "").splitlines():
        if each.startswith("oom_kill "):
            count = int(each.split()[1])
            yield warning(f"{count} since boot") if count else ok("none since boot")
            return
    yield not_checked("the kernel does not say")


POWER = Group("Power and temperature", (_supply, _throttled, _temperature, _watchdog))
MEMORY = Group("Memory", (_memory, _swap, _killed))
