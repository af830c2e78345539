"""The disk or card that holds the journal: room, options, wear, and how fast it is."""

import os
from collections.abc import Iterator
from pathlib import Path

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, bad, line, not_checked, ok, problem, warning

MB = 1024 * 1024
LOW_MB, EMPTY_MB = 1024, 200  # [P] a gateway with eight pumps writes about 50 MB a day
FEW_INODES = 1000
SLOW_S, STUCK_S = 0.2, 2.0  # the second is the limit of the self-test
BUSY_MB_H = 200  # [P] 1.7 TB a year; a card of 32 GB may take 10 to 30 TB in its life
SECTOR = 512  # of /sys/block/*/stat, whatever the disk's own are
SYNCS = 5
IN_MEMORY = ("tmpfs", "ramfs", "overlay")
NO_LOCKS = ("nfs", "nfs4", "cifs", "smb3", "vfat", "exfat", "9p")
WEAR_SHOWN = 11  # the code of eMMC 5.0 for "more than its life"


def _state(facts: Facts) -> Path | None:
    """The state directory if it is there."""
    if facts.settings is None:
        return None
    place = facts.settings.state_dir
    return place if facts.machine.at(place).is_dir() else None


def _without(facts: Facts) -> Finding:
    if facts.settings is None:
        return not_checked(NO_SETTINGS)
    return not_checked(f"there is no directory {facts.settings.state_dir}")


@line(
    "disk.state",
    "State directory",
    when="it is not there: control has never run with this configuration",
    to_do="Start control: `systemctl enable --now pumpd-control`; or correct `state_dir`.",
)
def _there(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
    elif _state(facts) is None:
        yield bad(facts, f"there is no directory {facts.settings.state_dir}")
    else:
        yield ok(str(facts.settings.state_dir))


@line(
    "disk.space",
    "Free space",
    when=f"less than {LOW_MB} MB (yellow) or {EMPTY_MB} MB (red), or less than {FEW_INODES} files, are left where the "
    "journal is",
    to_do="Remove what does not belong there; `pumpd journal export`, `pumpd journal prune`; or use a larger card.",
)
def _space(facts: Facts) -> Iterator[Finding]:
    place = _state(facts)
    if place is None:
        yield _without(facts)
        return
    found = facts.machine.space(place)
    free_mb = found.f_bavail * found.f_frsize // MB
    whole_mb = found.f_blocks * found.f_frsize // MB
    text = f"{free_mb} MB of {whole_mb} MB free"
    if free_mb < EMPTY_MB:
        yield problem(text)
    elif found.f_files and found.f_favail < FEW_INODES:
        yield problem(f"{text}, but only {found.f_favail} more files are possible (inodes)")
    elif free_mb < LOW_MB:
        yield warning(text)
    else:
        yield ok(text)


@line(
    "disk.writable",
    "File system",
    when="it is read-only, in memory, or of a kind that loses the journal; or its options give up safety for speed",
    to_do="Put `state_dir` on a local ext4 file system, mounted `rw` and with its default options. If it became "
    "read-only by itself, the card has failed: see `dmesg`, make a backup, and replace it.",
)
def _writable(facts: Facts) -> Iterator[Finding]:
    place = _state(facts)
    mount = None if place is None else facts.machine.mount(place)
    if place is None or mount is None:
        yield _without(facts) if place is None else not_checked("the kernel does not say")
        return
    shown = f"{mount.kind} on {mount.point}"
    unsafe = {"nobarrier", "barrier=0", "data=writeback"} & {*mount.options}
    if "ro" in mount.options or facts.machine.space(place).f_flag & os.ST_RDONLY:
        yield problem(f"{shown} is read-only: nothing can be recorded, so nothing is started")
    elif mount.kind in IN_MEMORY:
        yield bad(facts, f"{shown} is in memory: a power cut loses the journal")
    elif mount.kind in NO_LOCKS:
        yield bad(facts, f"{shown}: the journal needs a local file system with locks and fsync")
    elif unsafe:
        yield bad(facts, f"{shown}, mounted with {', '.join(sorted(unsafe))}: a power cut may damage the journal")
    else:
        yield ok(f"{shown}, writable")


@line(
    "disk.fsync",
    "Time to write safely (fsync)",
    when=f"the slowest of {SYNCS} small writes takes {SLOW_S:g} s (yellow) or {STUCK_S:g} s (red): an order is refused "
    "then",
    to_do="See what else writes: `iotop -o`. Replace a worn or slow card; use one of class A2, or an SSD.",
)
def _fsync(facts: Facts) -> Iterator[Finding]:
    place = _state(facts)
    if place is None:
        yield _without(facts)
        return
    try:
        slowest_s = facts.machine.slowest_sync_s(place, SYNCS)
    except PermissionError:
        yield not_checked(f"{NEEDS_ROOT} to write in {place}")
        return
    except OSError as error:
        yield not_checked(f"not possible in {place}: {error.strerror}")
        return
    text = f"slowest of {SYNCS}: {slowest_s * 1000:.0f} ms"
    if slowest_s >= STUCK_S:
        yield problem(text)
    elif slowest_s >= SLOW_S:
        yield warning(text)
    else:
        yield ok(text)


@line(
    "disk.writes",
    "Writes to the disk",
    when=f"more than {BUSY_MB_H} MB an hour are written, on average since boot: a card wears out early",
    to_do="See what writes: `iotop -oa`. Turn off swap and logs of other programs.",
)
def _writes(facts: Facts) -> Iterator[Finding]:
    block = _block(facts)
    if block is None:
        yield _without(facts) if _state(facts) is None else not_checked("the kernel does not count it for this disk")
        return
    fields = (block / "stat").read_text(encoding="ascii").split()
    written_mb = int(fields[6]) * SECTOR / MB
    hours = facts.machine.up_s / 3600
    if hours < 1:
        yield ok(f"{written_mb:.0f} MB since boot, which was less than an hour ago")
        return
    text = f"{written_mb / hours:.0f} MB an hour, over {hours:.0f} hours"
    yield warning(text) if written_mb / hours > BUSY_MB_H else ok(text)


@line(
    "disk.wear",
    "Wear of the disk",
    when="80 % of its life is used (yellow), or it says that its end is near (red)",
    to_do="Make a backup, and move to a new card or SSD.",
)
def _wear(facts: Facts) -> Iterator[Finding]:
    block = _block(facts)
    whole = block.parent if block is not None and (block / "partition").exists() else block
    device = None if whole is None else whole / "device"
    try:
        codes = [] if device is None else [int(each, 16) for each in (device / "life_time").read_text("ascii").split()]
        end = 0 if device is None else int((device / "pre_eol_info").read_text("ascii"), 16)
    except (FileNotFoundError, ValueError):
        codes, end = [], 0
    if device is None or not any(codes):
        name = "this disk" if whole is None else whole.name
        yield not_checked(f"the kernel does not report it for {name} (SD cards and most SSDs)")
        return
    used = "more than its life" if max(codes) >= WEAR_SHOWN else f"at most {max(codes) * 10} % of its life"
    if end >= 3 or max(codes) >= WEAR_SHOWN:
        yield problem(f"{used} is used")
    elif end == 2 or max(codes) > 8:
        yield warning(f"{used} is used")
    else:
        yield ok(f"{used} is used")


def _block(facts: Facts) -> Path | None:
    """The disk or partition of the state directory, in /sys."""
    place = _state(facts)
    mount = None if place is None else facts.machine.mount(place)
    if mount is None:
        return None
    block = facts.machine.at(f"/sys/dev/block/{mount.device}").resolve()
    return block if (block / "stat").exists() else None


GROUP = Group("Disk", (_there, _space, _writable, _fsync, _writes, _wear))
