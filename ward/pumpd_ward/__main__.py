"""`pumpd-ward`: take in what gateways send, serve the board, and what an administrator needs for them."""

import argparse
import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from pumpd_ward import STATEMENT, export
from pumpd_ward.board import accounts
from pumpd_ward.board.service import serve
from pumpd_ward.ingest.service import ingest
from pumpd_ward.notify import alive
from pumpd_ward.roles import Role
from pumpd_ward.settings import DEFAULT_PATH, SettingsError, WardSettings
from pumpd_ward.store.history import Span
from pumpd_ward.store.migrate import NewerSchemaError, OlderSchemaError, migrate
from pumpd_ward.store.rights import missing

REFUSED = 2


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="pumpd-ward", description=__doc__, epilog=STATEMENT)
    made.add_argument("--config", type=Path, default=DEFAULT_PATH, help="configuration file (default %(default)s)")
    commands = made.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("ingest", help="from the stream into the store; run as many as you like")
    taking.add_argument("--workers", type=int, default=1, help="workers in this process (default %(default)s)")
    commands.add_parser("board", help="the page for the ward")
    commands.add_parser("migrate", help="bring the store's schema up to date, and give the services their rights")
    account = commands.add_parser("account", help="who may see the board")
    account.add_argument("action", choices=["add", "remove", "list"])
    account.add_argument("name", nargs="?", default="")
    account.add_argument(
        "--role",
        type=Role,
        choices=list(Role),
        help="what it may see: `nurse` beds and alarms, `engineer` everything (default: as before; new: nurse)",
    )
    out = commands.add_parser("export", help="alarms or infusions into a file")
    out.add_argument("what", choices=list(export.WHAT))
    out.add_argument("file", type=Path, help="its ending decides: .csv or .parquet")
    out.add_argument("--from", dest="begin", type=_time, default=datetime(2000, 1, 1, tzinfo=UTC))
    out.add_argument("--to", dest="end", type=_time, default=datetime(2100, 1, 1, tzinfo=UTC))
    out.add_argument("--gateway")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        settings = WardSettings.load(options.config)
        return asyncio.run(_run(settings, options))
    except (SettingsError, NewerSchemaError, OlderSchemaError, accounts.PasswordError, export.MissingError) as error:
        print(f"pumpd-ward: {error}", file=sys.stderr)
    except (OSError, asyncpg.PostgresError) as error:
        print(f"pumpd-ward: the store or a file cannot be used: {error}; nothing was changed", file=sys.stderr)
    return REFUSED


async def _run(settings: WardSettings, options: argparse.Namespace) -> int:
    if options.command == "ingest":
        return await _until_signal(ingest(settings, options.workers))
    if options.command == "board":
        return await _until_signal(serve(settings))
    store = await asyncpg.connect(settings.store.dsn, timeout=10)
    try:
        version = await migrate(store)
        if options.command == "account":
            return await _account(store, options)
        if options.command == "export":
            return await _export(store, options)
        print(f"the store has schema {version}")
        for role in await missing(store):
            print(f"PostgreSQL has no role {role}: `createuser {role}`, then run this again; its service needs it")
        return 0
    finally:
        await store.close()


async def _until_signal(work: Coroutine[Any, Any, None]) -> int:
    """Until SIGTERM or SIGINT, or until the work ends by an error, which is raised."""
    task = asyncio.ensure_future(work)
    telling = asyncio.create_task(alive())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        telling.cancel()
    return 0


async def _account(store: asyncpg.Connection, options: argparse.Namespace) -> int:
    action, name = options.action, options.name
    if action == "list":
        for each in await store.fetch("SELECT name, role, made_at FROM account ORDER BY name"):
            print(f"{each['name']}  {each['role']}  since {each['made_at']:%Y-%m-%d}")
        return 0
    if not name:
        print("pumpd-ward: name the account; nothing was changed", file=sys.stderr)
        return REFUSED
    if action == "remove":
        print(f"{name} was removed" if await accounts.remove(store, name) else f"there is no account {name}")
        return 0
    typed = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if sys.stdin.isatty() and getpass.getpass("Again: ") != typed:
        raise accounts.PasswordError("the two passwords differ; no account was changed")
    await accounts.add(store, name, typed, options.role)
    print(f"{name} may see the board")
    return 0


async def _export(store: asyncpg.Connection, options: argparse.Namespace) -> int:
    kind = options.file.suffix.removeprefix(".")
    if kind not in export.KINDS:
        print(f"pumpd-ward: {options.file}: must end with .csv or .parquet; nothing was written", file=sys.stderr)
        return REFUSED
    data = await export.exported(store, options.what, kind, Span(options.begin, options.end), options.gateway)
    options.file.write_bytes(data)
    print(f"{options.file}: {len(data)} bytes")
    return 0


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
