"""`pumpd journal show|verify|export|prune`: the journal's file; no process needs to run, and for `prune` none may."""

import contextlib
import fcntl
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse
from pumpd.journal import Anchor, Journal, JournalError, JournalReader, Record
from pumpd.journal.export import Filter
from pumpd.journal.export import export as exported
from pumpd.journal.retention import Retention
from pumpd.journal.retention import prune as pruned

app = typer.Typer(help="Everything that happened. Not a cleared medical device.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", help="A journal elsewhere, instead of the configured one.")]


def journal_path(file: Path | None, config: Path, *, as_json: bool) -> Path:
    return file or load_settings(config, as_json=as_json).journal_path


@app.command()
def show(
    *,
    last: Annotated[int, typer.Option(min=1, help="How many rows, the newest.")] = 50,
    kind: Annotated[str | None, typer.Option(help="Only rows of this kind.")] = None,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """The newest rows, oldest first; with --json one object a line."""
    path = journal_path(file, config, as_json=as_json)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            rows = reader.last(last, kind)
    except JournalError as error:
        refuse([str(error)], as_json=as_json)
    for row in rows:
        print(json.dumps(_as_json(row), ensure_ascii=False) if as_json else _as_text(row))


def _fields(row: Record) -> dict[str, object]:
    """The body, or as it stands when damage made it something else."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        if isinstance(row.fields, dict):
            return row.fields
    return {"unreadable": str(row.body)}


def _as_json(row: Record) -> dict[str, object]:
    return {
        "id": row.id,
        "ts": row.ts,
        "mono_ns": row.mono_ns,
        "boot": row.boot,
        "pump": row.pump,
        "session": row.session,
        "kind": row.kind,
        "body": _fields(row),
        "hash": row.hash,
    }


def _as_text(row: Record) -> str:
    said = "  ".join(f"{key}={value}" for key, value in _fields(row).items() if not isinstance(value, dict))
    return f"{row.id:>6}  {row.ts}  {row.pump or '-':<8} {row.kind:<22} {said}"


@app.command()
def verify(
    *,
    anchor: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH that was kept elsewhere, to find rows cut off; repeatable.")
    ] = None,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Check numbering and hash chain of every row; exit status 1 names the first that does not fit.

    Without an anchor from elsewhere nobody can see that the newest rows were cut off, or that all were written anew.
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
        fail(f"{error}. Keep the file; do not trust what follows that row.", as_json=as_json)
    told = f"{newest[0].id}:{newest[0].hash}" if newest else None
    if as_json:
        print(json.dumps({"rows": count, "intact": True, "anchors": len(anchors), "newest": told}))
    else:
        held = f", {len(anchors)} anchor{'s' if len(anchors) > 1 else ''} found" if anchors else ""
        print(f"{count} rows, chain intact{held}" + (f"\nnewest: {told}" if told else ""))


def _instant(text: str) -> datetime:
    """Raises ValueError, which the option says."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Instant = Annotated[datetime | None, typer.Option(parser=_instant, metavar="TIME", help="ISO 8601; UTC by default.")]


@app.command()
def export(
    *,
    since: Instant = None,
    until: Instant = None,
    pump: Annotated[str | None, typer.Option(help="Only rows of this pump.")] = None,
    session: Annotated[str | None, typer.Option(help="Only rows of this infusion.")] = None,
    file: File = None,
    config: Config = CONFIG,
) -> None:
    """JSON Lines with all that is needed to verify them without pumpd (docs/reference/journal.md).

    The rows hold what was ordered, for which patient token and by whom: an export is to be kept like the journal.
    """
    path = journal_path(file, config, as_json=False)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            for line in exported(reader, Filter(since, until, pump, session)):
                print(line)
    except JournalError as error:
        fail(f"{error}. The export has no foot: it is not complete.", as_json=False)


@app.command()
def prune(
    *,
    hours: Annotated[float, typer.Option(help="Keep every row that is younger.")] = 1000,
    reason: Annotated[str, typer.Option(help="Why, for the journal.")] = "retention",
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Take away old readings and events; never an order, an alarm of an infusion, or what a patient was given.

    Refused while the control process runs, for a shorter time than the catalogue's, and for a broken chain.
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
    print(json.dumps(what) if as_json else f"{plan.count} rows of before {plan.before} taken away")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of the control process: a journal has one writer. Raises OSError."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{path.parent} is in use: a control process runs on it") from error
        yield
