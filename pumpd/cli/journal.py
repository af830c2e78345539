"""`pumpd journal show|verify`: read the journal's file; no process needs to run."""

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse
from pumpd.journal import JournalError, JournalReader, Record

app = typer.Typer(help="Everything that happened. Not a cleared medical device.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", help="A journal elsewhere, instead of the configured one.")]


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
    path = file or load_settings(config, as_json=as_json).journal_path
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            rows = reader.last(last, kind)
    except JournalError as error:
        refuse([str(error)], as_json=as_json)
    for row in rows:
        print(json.dumps(_as_json(row), ensure_ascii=False) if as_json else _as_text(row))


def _as_json(row: Record) -> dict[str, object]:
    return {
        "id": row.id,
        "ts": row.ts,
        "mono_ns": row.mono_ns,
        "boot": row.boot,
        "pump": row.pump,
        "session": row.session,
        "kind": row.kind,
        "body": row.fields,
        "hash": row.hash,
    }


def _as_text(row: Record) -> str:
    said = "  ".join(f"{key}={value}" for key, value in row.fields.items() if not isinstance(value, dict))
    return f"{row.id:>6}  {row.ts}  {row.pump or '-':<8} {row.kind:<22} {said}"


@app.command()
def verify(*, file: File = None, config: Config = CONFIG, as_json: Json = False) -> None:
    """Check numbering and hash chain of every row; exit status 1 names the first that does not fit."""
    path = file or load_settings(config, as_json=as_json).journal_path
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            count = reader.verify()
    except JournalError as error:
        fail(f"{error}. Keep the file; do not trust what follows that row.", as_json=as_json)
    print(json.dumps({"rows": count, "intact": True}) if as_json else f"{count} rows, chain intact")
