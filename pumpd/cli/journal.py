"""`pumpd journal show|verify|export|prune`: the journal's file. No process needs to run, and for `prune` none may."""

import contextlib
import fcntl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse
from pumpd.cli.client import show as printed
from pumpd.cli.terminal import say, say_json, say_json_line
from pumpd.journal import Anchor, Journal, JournalError, JournalReader, Record
from pumpd.journal.export import Filter
from pumpd.journal.export import export as exported
from pumpd.journal.retention import Retention
from pumpd.journal.retention import prune as pruned
from pumpd.text import shown

app = typer.Typer(help="Everything that happened. Not a cleared medical device.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", help="A journal elsewhere, instead of the configured one.")]


def journal_path(file: Path | None, config: Path, *, as_json: bool) -> Path:
    return file or load_settings(config, as_json=as_json).journal_path


@app.command()
def show(
    *,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 50,
    kind: Annotated[str | None, typer.Option(help="Only entries of this kind.")] = None,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """The newest entries, oldest first; with --json one object per line."""
    path = journal_path(file, config, as_json=as_json)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            entries = reader.last(last, kind)
    except JournalError as error:
        refuse([str(error)], as_json=as_json)
    for entry in entries:
        if as_json:
            say_json(_as_json(entry))
        else:
            say(_as_text(entry))


def _fields(entry: Record) -> dict[str, object]:
    """The body; as raw text when it is damaged."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        if isinstance(entry.fields, dict):
            return entry.fields
    return {"unreadable": str(entry.body)}


def _as_json(entry: Record) -> dict[str, object]:
    return {
        "id": entry.id,
        "ts": entry.ts,
        "mono_ns": entry.mono_ns,
        "boot": entry.boot,
        "pump": entry.pump,
        "session": entry.session,
        "kind": entry.kind,
        "body": _fields(entry),
        "hash": entry.hash,
    }


def _as_text(entry: Record) -> str:
    text = "  ".join(f"{key}={value}" for key, value in _fields(entry).items() if not isinstance(value, dict))
    return shown(f"{entry.id:>6}  {entry.ts}  {entry.pump or '-':<8} {entry.kind:<22} {text}")


@app.command()
def verify(
    *,
    anchor: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH that was kept elsewhere, to find entries cut off; repeatable.")
    ] = None,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Check numbering and hash chain of every entry; exit status 1 names the first that does not fit.

    Without an anchor from elsewhere, entries cut off at the end, or a journal rewritten as a whole, cannot be detected.
    """
    path = journal_path(file, config, as_json=as_json)
    try:
        anchors = [Anchor.parse(text) for text in anchor or []]
    except ValueError as error:
        refuse([f"anchor: {error}"], as_json=as_json)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            count = reader.verify(anchors)
            newest = reader.last(1)
    except JournalError as error:
        fail(f"{error}. Keep the file; do not trust what follows that entry.", as_json=as_json)
    anchor_now = f"{newest[0].id}:{newest[0].hash}" if newest else None
    if as_json:
        say_json({"entries": count, "intact": True, "anchors": len(anchors), "newest": anchor_now})
    else:
        held = f", {len(anchors)} anchor{'s' if len(anchors) > 1 else ''} found" if anchors else ""
        say(f"{count} entries, chain intact{held}" + (f"\nnewest: {anchor_now}" if anchor_now else ""))


def _instant(text: str) -> datetime:
    """Raises ValueError, whose message the option shows."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Instant = Annotated[datetime | None, typer.Option(parser=_instant, metavar="TIME", help="ISO 8601; UTC by default.")]


@app.command()
def export(
    *,
    since: Instant = None,
    until: Instant = None,
    pump: Annotated[str | None, typer.Option(help="Only entries of this pump.")] = None,
    session: Annotated[str | None, typer.Option(help="Only entries of this infusion.")] = None,
    file: File = None,
    config: Config = CONFIG,
) -> None:
    """JSON Lines with everything that is needed to verify them without pumpd (docs/reference/journal.md).

    The entries show what was ordered, for which patient token and by whom: protect an export like the journal.
    """
    path = journal_path(file, config, as_json=False)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            for line in exported(reader, Filter(since, until, pump, session)):
                say_json_line(line)
    except JournalError as error:
        fail(f"{error}. The export has no foot: it is not complete.", as_json=False)


@app.command()
def prune(
    *,
    hours: Annotated[float, typer.Option(help="Keep every entry that is younger.")] = 1000,
    reason: Annotated[str, typer.Option(help="Why, for the journal.")] = "retention",
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Remove old readings and events; never an order, an alarm of an infusion, or a patient's dose.

    Refused while the control process runs, for a time shorter than the catalogue allows, and for a broken chain.
    """
    path = journal_path(file, config, as_json=as_json)
    try:
        retention = Retention(timedelta(hours=hours))
        with _alone(path.parent / "control.lock"), contextlib.closing(JournalReader(path)):
            journal = Journal(path, boot="prune")
            with contextlib.closing(journal):
                plan, _ = pruned(journal, datetime.now(UTC), retention, reason)
    except (ValueError, OverflowError, OSError, JournalError) as error:
        refuse([str(error)], as_json=as_json)
    what = {"removed": plan.count, "gaps": len(plan.gaps), "before": plan.before}
    printed(what, f"{plan.count} entries from before {plan.before} removed", as_json=as_json)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of the control process: a journal has one writer. Raises OSError."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{path.parent} is in use: a control process runs on it") from error
        yield
