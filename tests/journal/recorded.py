"""The state machine's bench, with a journal of what control writes about an infusion."""

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pumpd.control import describe
from pumpd.infusion import advance
from pumpd.infusion import events as ev
from pumpd.infusion.record import event_to_data, to_data
from pumpd.journal import Entry, Journal, JournalReader, Record
from tests.infusion.bench import Bench


@dataclass
class RecordedBench(Bench):
    """Each event, everything that `advance` asks to write, and each reading, as entries in order."""

    entries: list[Entry] = field(default_factory=list)
    session: str = "s-1"

    def __post_init__(self) -> None:
        self.note("began", {"infusion": to_data(self.infusion)})
        super().__post_init__()

    def note(self, kind, body) -> None:
        self.entries.append(Entry(kind, body, "bed1", self.session, self.now_ns))

    def send(self, event):
        before = self.infusion
        self.infusion, actions = advance(self.infusion, event)
        if not isinstance(event, ev.TimePassed) or actions or self.infusion != before:
            self.note("happened", event_to_data(event))
        for action in actions:
            entry = describe.of_action(action)
            if entry is not None:
                self.note(*entry)
        if isinstance(event, ev.ReadingTaken):
            self.note("reading", describe.reading(self.infusion, event.reading, self.now_ns))
        self.check_order(actions)
        self.carry_out(actions)
        return actions


def written(path: Path, *batches: list[Entry], boot: str = "boot-1", at=None) -> list[Record]:
    """Write these entries into a journal; returns them as written."""
    with closing(Journal(path, boot)) as journal:
        return [entry for batch in batches for entry in journal.append(batch, at)]


def read(path: Path) -> list[Record]:
    with closing(JournalReader(path)) as reader:
        return list(reader.all())


def verify(path: Path, *anchors) -> int:
    with closing(JournalReader(path)) as reader:
        return reader.verify(anchors)


def changed(entry: Record, **body) -> Record:
    """The entry with part of its body changed."""
    return entry._replace(body=json.dumps(entry.fields | body))
