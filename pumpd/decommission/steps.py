"""Decommission a gateway: refuse, export, read back, erase, verify. The same command continues an interrupted one.

Promises:
- Nothing is erased before the export was read back, and nothing that was written since the export.
- What is reported as erased was listed again and is not there. What cannot be erased is named.

The file `decommission.json` in the folder of the export says that the export is complete. What is erased is always
derived from the gateway's own files, never from that folder.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pumpd.decommission import exported
from pumpd.decommission.erasing import erase, of_configuration, of_gateway
from pumpd.host.closed import closed
from pumpd.host.files import Owners
from pumpd.host.lock import ControlRunsError, alone
from pumpd.idle import activity
from pumpd.journal import JournalError
from pumpd.journal.copying import newest
from pumpd.settings import Settings
from pumpd.trust import replace_file

PROTOCOL = "decommission.json"

NOT_ERASED = (
    "copies that the card keeps for wear levelling, which no software reaches: destroy the card",
    "backups, exports, and what the MQTT broker and its receivers have stored",
    "the keys in the tablets' browsers: forget the gateway on each tablet",
    "the signing keys of pharmacy, site and release: they are not on this gateway",
)


class NotDecommissionedError(Exception):
    """Nothing was erased, for these reasons."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


def begun(folder: Path) -> dict[str, Any] | None:
    """The protocol of a decommission that was interrupted, or is finished; None when none began in this folder."""
    with contextlib.suppress(FileNotFoundError):
        found = json.loads((folder / PROTOCOL).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def prepare(settings: Settings, folder: Path, name: str, by: str, now: datetime, *, damaged: bool) -> dict[str, Any]:
    """Export everything and read it back. Nothing is erased yet. Raises NotDecommissionedError."""
    state = settings.state_dir
    if name != settings.gateway:
        raise NotDecommissionedError(f"this gateway is {settings.gateway}, not {name}: nothing is erased by mistake")
    if folder.resolve().is_relative_to(state.resolve()):
        raise NotDecommissionedError(f"{folder}: is in {state}, which is erased; export to another medium")
    found = activity(settings, now)
    if reasons := found.reasons if damaged else found.objections:
        raise NotDecommissionedError(*reasons)
    try:
        with alone(settings.lock_path, Owners.of(state)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise NotDecommissionedError(f"{folder}: is not empty; name a new folder for the export")
            anchor = None
            if settings.journal_path.exists():
                anchor = str(exported.write(settings.journal_path, folder, damaged=damaged))
            protocol = {
                "gateway": settings.gateway,
                "by": by,
                "at": now.isoformat(timespec="seconds"),
                "newest": anchor,
                "damaged": damaged,
                "state": "erasing",
            }
            _write(folder, protocol)
    except ControlRunsError as error:
        raise NotDecommissionedError(str(error)) from error
    except JournalError as error:
        raise NotDecommissionedError(
            f"{error}. To export the files of the damaged journal as they are: --damaged-journal"
        ) from error
    except (exported.ExportError, OSError, ValueError, KeyError) as error:
        raise NotDecommissionedError(f"the export failed: {error}") from error
    return protocol


def finish(
    settings: Settings | None, config: Path, folder: Path, protocol: Mapping[str, Any], vacuum: Callable[[], str]
) -> dict[str, Any]:
    """Erase everything, verify that it is gone, and return the protocol. Raises NotDecommissionedError, OSError.

    `settings`: None when the configuration is gone already. `vacuum`: erases the machine's log; returns why it could
    not, or nothing.
    """
    failed: dict[Path, str] = {}
    count = int(protocol.get("erased", 0))
    with contextlib.ExitStack() as stack:
        if settings is not None:
            _same(settings, protocol)
            owners = Owners.of(settings.state_dir)
            try:
                stack.enter_context(alone(settings.lock_path, owners))
                stack.enter_context(closed(settings.state_dir, owners))  # no path of the list is swapped meanwhile
            except ControlRunsError as error:
                raise NotDecommissionedError(str(error)) from error
            count += _erase(of_gateway(settings, config), failed)
        left = [] if settings is None else of_gateway(settings, config)
        if not left:
            if config.exists():  # in one step: half overwritten, it could not say what else there is
                config.rename(config.with_name(f"{config.name}.erasing"))
            count += _erase(of_configuration(config), failed)
            left = of_configuration(config)
        os.sync()
    log = vacuum()
    not_erased = [f"{path}: {failed.get(path, 'it is there again')}" for path in left]
    not_erased += [f"the log of this machine: {log}"] if log else []
    state = "erasing" if left else "erased"
    done = {**protocol, "state": state, "erased": count, "not_erased": [*not_erased, *NOT_ERASED]}
    _write(folder, done)
    return done


def _same(settings: Settings, protocol: Mapping[str, Any]) -> None:
    """The export is that of this gateway as it is now, or of the part that is left of it."""
    if protocol["gateway"] != settings.gateway or protocol["state"] != "erasing":
        raise NotDecommissionedError("this folder holds another, finished decommission: name a new folder")
    if protocol["newest"] is None or protocol["damaged"] or not settings.journal_path.exists():
        return
    try:
        now = newest(settings.journal_path)
    except JournalError:
        return  # it was being erased when the power failed
    if str(now) != protocol["newest"]:
        raise NotDecommissionedError("the journal has entries that this export does not have: name a new folder")


def _erase(listed: list[Path], failed: dict[Path, str]) -> int:
    count = 0
    for path in listed:
        try:
            erase(path)
            count += 1
        except OSError as error:
            failed[path] = error.strerror or str(error)
    return count


def _write(folder: Path, protocol: Mapping[str, Any]) -> None:
    replace_file(folder / PROTOCOL, json.dumps(protocol, indent=1, ensure_ascii=False).encode())


def vacuum_log() -> str:
    """Erase the log of this machine, which holds pumpd's lines. Returns why that failed; empty when it did not."""
    command = ["journalctl", "--rotate", "--vacuum-time=1s"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603  # fixed
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"journalctl failed: {error}"
    return "" if done.returncode == 0 else f"journalctl failed: {done.stderr.strip()[-300:]}"
