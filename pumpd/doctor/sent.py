"""How far the journal has been sent, and whether metrics are served."""

import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.journal_file import reading
from pumpd.doctor.line import NEEDS_ROOT, Finding, line, not_checked, ok, problem, warning
from pumpd.host.files import place
from pumpd.host.metrics import LARGEST
from pumpd.journal import JournalError
from pumpd.settings import MetricsSettings, Settings

BEHIND = timedelta(hours=1)  # [P]; a broker that is restarted takes less
ANSWER_S = 3.0
_HERE = ("127.0.0.1", "::1", "localhost")
_UP = re.compile(r'^pumpd_up\{process="(\w+)"\} (\S+)$', re.MULTILINE)


@line(
    "telemetry.sent",
    "Sent so far",
    when="the oldest entry that the broker or the ward's stream has not acknowledged is older than an hour, or nothing "
    "was ever sent",
    to_do="See why: `journalctl -u pumpd-telemetry -p warning`. Nothing is lost: the journal keeps what is not sent.",
)
def sent(facts: Facts) -> Iterator[Finding]:
    settings = facts.settings
    if settings is None:
        yield not_checked(NO_SETTINGS)
        return
    sinks = {"telemetry's cursor": ("mqtt", settings.mqtt), "ward's cursor": ("fleet", settings.fleet)}
    for row, (section, configured) in sinks.items():
        if configured is not None:
            path = facts.machine.at(place(row, settings, facts.config).path)
            yield _sent_to(facts, settings, path, section)


def _sent_to(facts: Facts, settings: Settings, path: Path, of: str) -> Finding:
    try:
        if not path.exists():
            return warning("nothing was ever sent", of=of)
        facts.machine.must_read(path)
        last = _position(path)
        with reading(facts, settings) as reader:
            unsent = [] if reader is None else reader.after(last, 1)
            newest = [] if reader is None else reader.last(1)
    except PermissionError:
        return not_checked(NEEDS_ROOT, of=of)
    except sqlite3.Error as error:
        return problem(
            f"{path.name} cannot be read: {error}", "Restart telemetry; if it comes again, move it away.", of=of
        )
    except JournalError:
        return not_checked("the journal cannot be read", of=of)
    if not unsent or not newest:
        return ok(f"everything, up to entry {last}", of=of)
    age = facts.now - datetime.fromisoformat(unsent[0].ts)
    found = (
        f"entry {last} of {newest[0].id}; the oldest that is not sent is {max(0, age // timedelta(minutes=1))} min old"
    )
    return warning(found, of=of) if age > BEHIND else ok(found, of=of)


def _position(path: Path) -> int:
    """The last entry that was acknowledged. Leaves the file and those beside it as they are."""
    untouched = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{untouched}", uri=True)) as db:
        found = db.execute("SELECT id FROM cursor").fetchone()
    return int(found[0]) if found else 0


@line(
    "metrics.served",
    "Metrics",
    when="telemetry does not answer where `[metrics]` says, or a process is not heard (red); or others than this "
    "machine can read them (yellow)",
    to_do="See why: `journalctl -u pumpd-telemetry`, and of the process that is not heard.",
)
def served(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    metrics = facts.settings.metrics
    if metrics is None:
        return
    where = str(metrics.socket or f"{metrics.host}:{metrics.port}")
    try:
        said = dict(_UP.findall(_asked(metrics)))
    except OSError as error:
        yield problem(f"{where}: {error.strerror or error}")
        return
    if silent := sorted(process for process, up in said.items() if float(up) != 1) or ([] if said else ["telemetry"]):
        yield problem(f"{where}: {', '.join(silent)} said nothing for 15 s")
    elif metrics.socket is None and metrics.host not in _HERE:
        yield warning(
            f"{where}: served to anyone who reaches it, without TLS",
            "Serve them to this machine only (`metrics.host`), unless the network is yours alone.",
        )
    else:
        yield ok(f"{where}: {', '.join(sorted(said))}")


def _asked(metrics: MetricsSettings) -> str:
    """What is served. Raises OSError."""
    if metrics.socket is not None:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(ANSWER_S)
        client.connect(str(metrics.socket))
    else:
        client = socket.create_connection((metrics.host, metrics.port), timeout=ANSWER_S)
    with client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        found = b""
        while (more := client.recv(65536)) and len(found) < LARGEST:
            found += more
    return found.decode(errors="replace")
