"""`pumpd update`: install a signed package, or go back to the previous one by itself."""

import contextlib
import getpass
import os
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse, show
from pumpd.cli.terminal import say
from pumpd.host.files import UPDATES
from pumpd.trust import UPDATE_KEYS, trusted_path
from pumpd.update.debian import Debian
from pumpd.update.steps import HostError, RefusedUpdateError, Update
from pumpd.update.store import Store

Unreadable = Annotated[
    bool,
    typer.Option(
        "--journal-unreadable", help="The journal cannot be read, and I have seen that no pump infuses: update anyway."
    ),
]


def update(
    file: Annotated[Path | None, typer.Argument(help="The package; FILE.sig beside it is its signature.")] = None,
    *,
    roll_back: Annotated[bool, typer.Option("--roll-back", help="End an interrupted update by the old one.")] = False,
    journal_unreadable: Unreadable = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Install a newer, signed version while nobody is infused or observed; without FILE, how the last update ended.

    A version that does not come up healthy is replaced by the previous one.
    """
    store = Store()
    if file is None and not roll_back:
        _show_last(store, as_json=as_json)
        return
    if os.geteuid() != 0:
        refuse(["only root can install a package: use sudo"], as_json=as_json)
    settings = load_settings(config, as_json=as_json)

    def tell(text: str) -> None:
        if not as_json:
            with contextlib.suppress(OSError):  # the terminal is gone; the update must still end well
                say(text)

    host = Debian(settings, tell, journal_unreadable=journal_unreadable)
    made = Update(store, host, trusted_path(config, UPDATE_KEYS))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # a lost connection must not leave it half done
        signal.signal(number, signal.SIG_IGN)
    by = os.environ.get("SUDO_USER") or getpass.getuser()
    try:
        if file is None:
            result = made.roll_back(by, journal_unreadable=journal_unreadable)
        else:
            result = made.install(file, by, journal_unreadable=journal_unreadable)
    except RefusedUpdateError as error:
        refuse(error.reasons, as_json=as_json)
    except (HostError, OSError) as error:
        fail(f"{error}. An update that began is rolled back at the next boot", as_json=as_json)
    if result["outcome"] == "installed" or file is None:
        show(result, _text(result), as_json=as_json)
    else:
        fail(_text(result), as_json=as_json)


def _show_last(store: Store, *, as_json: bool) -> None:
    try:
        under_way, last = store.under_way, store.last
    except OSError as error:
        refuse([f"{UPDATES}: {error.strerror}; use sudo"], as_json=as_json)
    if under_way:
        old, _, new = under_way.partition(" ")
        text = f"An update from {old} to {new} is under way or was interrupted; the next boot rolls it back"
    else:
        text = _text(last) if last else "There was no update on this gateway yet"
    show({"under_way": under_way or None, "last": last or None}, text, as_json=as_json)


def _text(result: dict[str, Any]) -> str:
    old, new, outcome = (result.get(each, "?") for each in ("from", "to", "outcome"))
    match outcome:
        case "installed":
            return f"{new} is installed and healthy; {old} is kept for the way back"
        case "rolled back":
            return f"{new} was rolled back, {old} is installed: {result.get('why')}"
        case _:
            return f"{new} was not installed, {old} runs as before: {result.get('why')}"
