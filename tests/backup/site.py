"""A gateway's files on a card: configuration, library, keys, and a journal with doses."""

import contextlib
import json
import shutil
from datetime import datetime
from pathlib import Path

from pumpd.journal import Entry, Journal, JournalReader
from pumpd.journal.doses import Doses
from pumpd.library.files import CHECKOUT
from pumpd.settings import Settings
from tests.journal.test_doses import whole


class Card:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config, self.state = folder / "etc" / "pumpd.toml", folder / "state"
        self.journal = self.state / "journal.sqlite3"

    def set_up(self, settings: str = "") -> "Card":
        (self.config.parent / "pumpd.d").mkdir(parents=True)
        (self.config.parent / "trust").mkdir()
        (self.state / "tls").mkdir(parents=True)
        shutil.copytree(CHECKOUT, self.folder / "library")
        self.config.write_text(
            f'gateway = "ward-7"\nstate_dir = "{self.state}"\nlibrary_dir = "{self.folder}/library"\n{settings}'
        )
        (self.config.parent / "pumpd.toml.sig").write_bytes(bytes(64))
        (self.config.parent / "pumpd.d" / "10-site.toml").write_text("clock_trusted = true\n")
        (self.config.parent / "trust" / "update.pub").write_text("# a key\n")
        for name, text in (("paired-keys.json", "[]"), ("staff.json", '{"1001": "secret"}')):
            (self.state / name).write_text(text)
        for name in ("ca.pem", "ca.key", "gateway.pem", "gateway.key"):
            (self.state / "tls" / name).write_text(f"the {name}")
        return self

    def infuse(self, session: str = "s1") -> None:
        """A whole infusion, from its order to its end."""
        entries = [
            Entry(each.kind, json.loads(each.body), each.pump, session, each.mono_ns, datetime.fromisoformat(each.ts))
            for each in whole().entries
        ]
        self.append(*entries)

    def append(self, *entries: Entry, boot: str = "boot-1") -> None:
        with contextlib.closing(Journal(self.journal, boot)) as journal:
            journal.append(entries)

    @property
    def settings(self) -> Settings:
        return Settings.load(self.config)

    def doses(self):
        taken = Doses()
        with contextlib.closing(JournalReader(self.journal)) as reader:
            reader.verify()
            taken.take(reader.since(1))
        return taken.all()

    def entries(self):
        with contextlib.closing(JournalReader(self.journal)) as reader:
            return list(reader.since(1))

    def files(self) -> dict[str, bytes]:
        """Everything but the journal and what belongs to it."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.startswith(("journal", "control.lock"))
        }
