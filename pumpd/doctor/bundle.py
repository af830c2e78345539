"""The bundle for support: what is in it, in files of fixed names, and the archive of them.

Its size is bounded: each part keeps its newest lines. Every text in it has passed `redaction.py`.
"""

import contextlib
import gzip
import io
import json
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pumpd.doctor.examination import GROUPS, examine, report
from pumpd.doctor.facts import Facts
from pumpd.doctor.journal_file import reading
from pumpd.doctor.line import Check
from pumpd.doctor.redaction import (
    LEFT_OUT,
    People,
    alarms_shown,
    check_shown,
    kernel_shown,
    log_shown,
    places_of,
    pump_shown,
    settings_shown,
)
from pumpd.doctor.units import expected
from pumpd.journal import JournalError

FOLDER = "pumpd-diagnostics"
LOG_LINES, KERNEL_LINES = 2000, 2000  # of each unit, and of the kernel
MOST_BYTES = 1024 * 1024  # of one file; with eleven at most, the whole is below 10 MB even before it is compressed
JOURNAL_ENTRIES = 50_000  # the newest, whose kinds are counted

_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}")
_HOME = re.compile(r"/(home|Users)/[^/\s\"']+")

Parts = Mapping[str, str]  # by the name of the file

NOTICE = "pumpd is not a cleared medical device: it is for simulation, research and integration only."
NOT_IN_IT = f"""What is not in it: keys, passwords, PINs and their hashes, patient tokens, wristbands, names and badges
of people, the content of journal entries, and every text that came from outside of pumpd. "{LEFT_OUT}" is in the place
of such a text. A person in a log is a code that means nothing outside of this bundle.
"""

CONTENTS = {
    "doctor.json": "what `pumpd doctor` found, and the versions",
    "configuration.json": "the configuration: keys, numbers, ports and hosts",
    "pumps.json": "the state of each pump, if control answered",
    "units.json": "the state of the services",
    "journal.json": "size of the journal, and how many entries of each kind",
    "kernel.txt": "the kernel's lines about USB, serial adapters, power, the card and memory",
    "log-": "the newest lines of a service's log: events, numbers and places in the program",
}


def parts(facts: Facts, checks: Sequence[Check] | None = None) -> Parts:
    """Every file of the bundle."""
    people = People()
    checks = examine(facts) if checks is None else checks
    made: dict[str, str] = {
        "doctor.json": _json(_doctor(facts, checks)),
        "configuration.json": _json(_configuration(facts)),
        "pumps.json": _json(_pumps(facts)),
        "units.json": _json(_units(facts)),
        "journal.json": _json(_journal(facts)),
        "kernel.txt": _newest(_kernel(facts)),
    }
    for unit in expected(facts):
        made[f"log-{unit.removesuffix('.service')}.jsonl"] = _newest(_log(facts, unit, people))
    made = {name: _HOME.sub(rf"/\1/{LEFT_OUT}", text) for name, text in made.items()}
    return {"README.txt": _readme(facts, made), **made}


def archive(made: Parts, at_s: int) -> bytes:
    """The compressed archive. The same parts make the same bytes; `at_s`: the time of its files, seconds since 1970."""
    raw = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=at_s) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, text in sorted(made.items()):
            data = text.encode()
            file = tarfile.TarInfo(f"{FOLDER}/{name}")
            file.size, file.mtime, file.mode = len(data), at_s, 0o600
            tar.addfile(file, io.BytesIO(data))
    return raw.getvalue()


def write(data: bytes, path: Path) -> None:
    """Write a new file that only its owner can read. Raises OSError, also when the file exists."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _newest(lines: Iterator[str]) -> str:
    """The last lines that have room."""
    kept: list[str] = []
    left = MOST_BYTES
    for each in reversed(list(lines)):
        left -= len(each.encode()) + 1
        if left < 0:
            break
        kept.append(each)
    return "".join(f"{each}\n" for each in reversed(kept))


def _readme(facts: Facts, made: Mapping[str, str]) -> str:
    contents = "\n".join(f"  {name}: {about(name)}" for name in sorted(made))
    gateway = "not known" if facts.settings is None else facts.settings.gateway
    ts = facts.now.isoformat(timespec="seconds")
    return f"pumpd-diagnostics of gateway {gateway}, {ts}\n\n{NOTICE}\n\nWhat is in it:\n{contents}\n\n{NOT_IN_IT}"


def about(name: str) -> str:
    """What a file of the bundle holds."""
    return next((text for start, text in CONTENTS.items() if name.startswith(start)), "")


def _doctor(facts: Facts, checks: Sequence[Check]) -> dict[str, Any]:
    outside = {each.id for group in GROUPS for each in group.lines if each.outside}
    return {**report(facts, ()), "checks": [check_shown(check, outside=check.id in outside) for check in checks]}


def _configuration(facts: Facts) -> dict[str, Any]:
    if facts.settings is None:
        return {"errors": places_of(facts.errors)}
    return {"errors": places_of(facts.errors), "settings": settings_shown(facts.settings)}


def _pumps(facts: Facts) -> dict[str, Any]:
    status = facts.control.status
    if status is None or facts.settings is None:
        return {"control": "did not answer"}
    names = {pump.name for pump in facts.settings.pumps}
    return {
        "clock_synchronized": status.get("clock_synchronized") is True,
        "journal_ok": status.get("journal") == "ok",
        "alarms": alarms_shown(status.get("alarms", ())),
        "pumps": [pump_shown(pump, names) for pump in status.get("pumps", ())],
    }


def _units(facts: Facts) -> dict[str, Any]:
    return {name: facts.machine.unit(name) for name in expected(facts)}


def _journal(facts: Facts) -> dict[str, Any]:
    if facts.settings is None:
        return {}
    path = facts.machine.at(facts.settings.journal_path)
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        found["bytes"] = path.stat().st_size
    with contextlib.suppress(OSError):
        found["wal_bytes"] = path.with_name(f"{path.name}-wal").stat().st_size
    try:
        with reading(facts, facts.settings) as reader:
            newest = [] if reader is None else reader.last(1)
            if reader is not None and newest:
                first = max(1, newest[0].id - JOURNAL_ENTRIES + 1)
                kinds = Counter(_kind(entry.kind) for entry in islice(reader.since(first), JOURNAL_ENTRIES))
                found |= {"entries": newest[0].id, "counted_from": first, "kinds": dict(sorted(kinds.items()))}
    except (JournalError, OSError):
        found["readable"] = False
    return found


def _kind(kind: str) -> str:
    return kind if _KIND.fullmatch(kind) else LEFT_OUT


def _kernel(facts: Facts) -> Iterator[str]:
    options = ("-k", "-b", "-q", "--no-pager", "-o", "short-monotonic", "--no-hostname")
    lines = [each for each in (facts.machine.program("journalctl", *options) or "").splitlines() if kernel_shown(each)]
    return iter(lines[-KERNEL_LINES:])


def _log(facts: Facts, unit: str, people: People) -> Iterator[str]:
    names = [pump.name for pump in facts.settings.pumps] if facts.settings is not None else []
    printed = facts.machine.program("journalctl", "-u", unit, "-n", str(LOG_LINES), "-q", "--no-pager", "-o", "json")
    for each in (printed or "").splitlines():
        try:
            entry = json.loads(each)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and (shown := log_shown(entry, names, people)):
            yield json.dumps(shown, ensure_ascii=False)
