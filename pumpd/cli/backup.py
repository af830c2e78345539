"""`pumpd backup`, `pumpd restore`: the journal, keys and configuration of a gateway in one encrypted file."""

import getpass
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pumpd.backup.make import BackupError, check_passphrase, make
from pumpd.backup.opened import RestoreError
from pumpd.backup.restore import restore as put_back
from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse, show
from pumpd.cli.terminal import say
from pumpd.journal import JournalError
from pumpd.text import cause

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="A file that holds only the passphrase; otherwise it is asked for."),
]


def backup(
    file: Annotated[Path, typer.Argument(help="The new file; on another medium than the card.")],
    *,
    passphrase_file: PassphraseFile = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Write journal, keys, staff, certificates, library and configuration to one encrypted file. Control may run."""
    settings = load_settings(config, as_json=as_json)
    os.nice(10)  # pumps come first
    try:
        passphrase = _passphrase(passphrase_file, twice=True)
        made = make(settings, config, file, passphrase, datetime.now(UTC))
    except (BackupError, OSError) as error:
        refuse([cause(error)], as_json=as_json)
    found = {"file": str(file), "gateway": made.gateway, "made": made.made, "entries": made.entries}
    found |= {"newest": made.newest, "files": made.files}
    text = (
        f"{file}: {made.entries} journal entries and {made.files} files of {made.gateway}.\nnewest: {made.newest}\n"
        "Without the passphrase, nobody can open it, you neither. What is given from now on is not in it."
    )
    show(found, text, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    *,
    keep_journal: Annotated[
        bool, typer.Option("--keep-journal", help="The journal here is newer: keep it, and restore the rest.")
    ] = False,
    replace_damaged: Annotated[
        bool, typer.Option("--replace-damaged", help="The journal here cannot be read: set it aside.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Put a backup onto this card, whose control is not running. The journal here is never set back."""
    try:
        passphrase = _passphrase(passphrase_file, twice=False)
        by = os.environ.get("SUDO_USER") or getpass.getuser()
        done = put_back(
            file,
            passphrase,
            config,
            by,
            datetime.now(UTC),
            keep_journal=keep_journal,
            replace_damaged=replace_damaged,
        )
    except (RestoreError, BackupError) as error:
        refuse([str(error)], as_json=as_json)
    except (OSError, JournalError) as error:
        fail(f"{cause(error)}. The card is only partly restored: give the same command again", as_json=as_json)
    found = {
        "gateway": done.gateway,
        "made": done.made,
        "newest": done.newest,
        "journal": done.journal,
        "left": list(done.left),
    }
    journal = {
        "replaced": f"The journal is that of the backup, up to {done.newest}",
        "kept": "The journal of this card was kept",
        "damaged": f"The damaged journal was set aside; what was given after {done.newest} counts at its worst",
    }[done.journal]
    lines = [f"{done.gateway} of {done.made} is restored. {journal}."]
    lines += [f"Not restored, because the configuration has no place for it: {each}" for each in done.left]
    lines += [
        "Never use the other card again: it and this one would each have only a part of the dose history.",
        "Next: `pumpd doctor`, then `systemctl start pumpd-control`.",
    ]
    show(found, "\n".join(lines), as_json=as_json)


def _passphrase(file: Path | None, *, twice: bool) -> str:
    """Raises BackupError."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip("\r\n")
        except OSError as error:
            raise BackupError(f"passphrase file {cause(error)}") from error
        except UnicodeDecodeError as error:
            raise BackupError(f"passphrase file {file}: it is no UTF-8 text") from error
    if not sys.stdin.isatty():
        raise BackupError("no terminal to ask for the passphrase; name a file that holds it: --passphrase-file")
    given = getpass.getpass("Passphrase of the backup: ")
    if twice:
        check_passphrase(given)
        if getpass.getpass("Again: ") != given:
            raise BackupError("the two passphrases differ")
    else:
        say("Reading the backup …", err=True)
    return given
