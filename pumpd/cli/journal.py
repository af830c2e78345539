"""`pumpd journal show|verify|export|prune|accept-loss`: the journal's file. No process needs to run.

`prune` asks control where it runs, because a journal has one writer; `accept-loss` needs it stopped.
"""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, By, Config, Json, ask, fail, load_settings, refuse
from pumpd.cli.client import show as printed
from pumpd.cli.terminal import say, say_json, say_json_line
from pumpd.host.files import Owners
from pumpd.host.lock import alone
from pumpd.journal import Anchor, BrokenChainError, Entry, Journal, JournalError, JournalReader, Record
from pumpd.journal.archive import Archived, archive
from pumpd.journal.export import Filter
from pumpd.journal.export import export as exported
from pumpd.journal.loss import ACCEPTED, booked
from pumpd.journal.retention import Retention, bounds
from pumpd.journal.retention import prune as pruned
from pumpd.messages.requests import PruneJournal
from pumpd.text import cause, shown

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
    since: Annotated[
        str | None, typer.Option(help="SEQ:HASH of the newest entry of an earlier check: only what follows is checked.")
    ] = None,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Check numbering and hash chain of every entry, and the indexes; exit status 1 names the first that does not fit.

    Without an anchor from elsewhere, entries cut off at the end, or a journal rewritten as a whole, cannot be detected.
    """
    path = journal_path(file, config, as_json=as_json)
    try:
        anchors = [Anchor.parse(text) for text in [*(anchor or []), *([since] if since else [])]]
        first = Anchor.parse(since).seq if since else 1
    except ValueError as error:
        refuse([f"anchor: {error}"], as_json=as_json)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            count = reader.verify(anchors, max(first, 1))
            newest = reader.last(1)
    except BrokenChainError as error:
        fail(f"{error}. Keep the file; do not trust what follows that entry.", as_json=as_json)
    except JournalError as error:
        fail(f"{error}. Nothing was verified; keep the file if there is one.", as_json=as_json)
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
    without_archive: Annotated[bool, typer.Option(help="Keep no files, on a full disk.")] = False,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Remove old readings and events; never an order, an alarm of an infusion, or a patient's dose.

    What is old is first kept as files, unless the journal is given by --file. It is removed in small steps, also while
    control runs. Refused for a time shorter than the catalogue allows; it ends at an entry that does not fit the chain.
    """
    settings = None if file else load_settings(config, as_json=as_json)
    path = file or load_settings(config, as_json=as_json).journal_path
    archived, last = Archived(0), None
    try:
        retention = Retention(timedelta(hours=hours))
        if settings is not None and settings.archive_mb and not without_archive:
            with contextlib.closing(JournalReader(path)) as reader:
                before = bounds(reader, datetime.now(UTC), retention).before
                archived = archive(reader, settings.archive_path, before, settings.archive_mb * 1_000_000)
            last = archived.last
        if settings is None or not_held(settings.lock_path):
            removed, before = _pruned_here(path, retention, reason, last)
        else:
            removed, before = _pruned_by_control(config, hours, reason, last, as_json=as_json)
    except (ValueError, OverflowError, OSError, JournalError) as error:
        refuse([cause(error)], as_json=as_json)
    what = {"removed": removed, "before": before, "archived": archived.entries, "archive": str(archived.path or "")}
    kept = f"; {archived.entries} entries kept in {archived.path}" if archived.path else ""
    printed(what, f"{removed} entries from before {before} removed{kept}", as_json=as_json)


def _pruned_here(path: Path, retention: Retention, reason: str, last: int | None) -> tuple[int, str]:
    with alone(path.parent / "control.lock", Owners.of(path.parent)), contextlib.closing(JournalReader(path)):
        journal = Journal(path, boot="prune")
        with contextlib.closing(journal):
            plan, _ = pruned(journal, datetime.now(UTC), retention, reason, last)
    return plan.count, plan.before


def _pruned_by_control(config: Path, hours: float, reason: str, last: int | None, *, as_json: bool) -> tuple[int, str]:
    request, removed = PruneJournal(hours=hours, reason=reason, last=last, by="command line"), 0
    while True:
        answer = ask(config, request, as_json=as_json)
        removed += answer["removed"]
        if answer["done"]:
            return removed, answer["before"]


@app.command()
def accept_loss(
    *,
    reason: Annotated[str, typer.Option(help="What happened, and what was done about the doses, for the journal.")],
    by: By = "command line",
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Take the journal as it is, although its newest entries are missing. Control must be stopped.

    Keep a copy of the file first: it is evidence. The orders of which entries are missing count as given in full.
    Earlier doses that are missing are not known afterwards; the person who orders next has to know them.
    """
    path = journal_path(file, config, as_json=as_json)
    try:
        with alone(path.parent / "control.lock", Owners.of(path.parent)):
            journal = Journal(path, boot="accept-loss")
            with contextlib.closing(journal), contextlib.closing(JournalReader(path)) as reader:
                loss = journal.kept.loss
                if not loss:
                    refuse(["nothing is missing of this journal, as far as its anchor shows"], as_json=as_json)
                entries = booked(reader, loss, journal.kept.orders, 0)
                accepted = Entry(ACCEPTED, {"why": loss, "reason": reason, "by": by})
                journal.append([*entries, accepted])
                journal.kept.accept(journal.newest)
    except (OSError, JournalError) as error:
        refuse([cause(error)], as_json=as_json)
    sessions = entries[0].body["booked"]
    text = f"{loss}: accepted. {len(sessions)} orders count as given in full. Start control."
    printed({"loss": loss, "booked": sessions}, text, as_json=as_json)


def not_held(lock: Path) -> bool:
    """Whether no control process runs on this state directory. Raises OSError."""
    try:
        with alone(lock, Owners.of(lock.parent)):
            return True
    except OSError:
        if not lock.exists():
            raise
        return False
