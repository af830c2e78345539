"""`pumpd decommission`: export everything, then erase keys, orders and logs of this gateway."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse, show
from pumpd.decommission.steps import NotDecommissionedError, begun, finish, prepare, vacuum_log
from pumpd.text import cause


def decommission(
    *,
    export: Annotated[Path, typer.Option("--export", help="A new folder for the export, on another medium.")],
    gateway: Annotated[str | None, typer.Option("--gateway", help="The gateway's name, typed to confirm.")] = None,
    damaged_journal: Annotated[
        bool, typer.Option("--damaged-journal", help="The journal cannot be read: export its files as they are.")
    ] = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Export everything, read it back, then erase keys, orders, logs and configuration. It cannot be undone."""
    try:
        protocol = begun(export)
        # Without a configuration, only an interrupted decommission can be continued.
        settings = None if protocol is not None and not config.exists() else load_settings(config, as_json=as_json)
        if protocol is None and settings is not None:
            name = gateway if gateway is not None else typer.prompt("Type the gateway's name to erase all of it")
            by = os.environ.get("SUDO_USER") or getpass.getuser()
            protocol = prepare(settings, export, name, by, datetime.now(UTC), damaged=damaged_journal)
        assert protocol is not None
        done = finish(settings, config, export, protocol, vacuum_log)
    except NotDecommissionedError as error:
        refuse(error.reasons, as_json=as_json)
    except (OSError, ValueError, KeyError) as error:
        fail(f"{cause(error)}. What is erased stays erased: give the same command again", as_json=as_json)
    lines = [
        f"{done['gateway']}: {done['erased']} files and directories erased; verified by listing them again.",
        f"The export in {export} was read back before. Its newest entry: {done['newest'] or 'there was no journal'}.",
        "NOT erased:",
        *(f"  - {each}" for each in done["not_erased"]),
    ]
    if done["state"] != "erased":
        fail("\n".join([*lines, "NOT everything is erased. Give the same command again, with sudo."]), as_json=as_json)
    show(done, "\n".join(lines), as_json=as_json)
