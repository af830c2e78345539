"""The bench of the state machine, with a journal beside it that holds what control writes of an infusion."""

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
    """Each event, what `advance` asks to have written, and each reading, as entries in their order."""

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
            row = describe.of_action(action)
            if row is not None:
                self.note(*row)
        if isinstance(event, ev.ReadingTaken):
            self.note("reading", describe.reading(self.infusion, event.reading, self.now_ns))
        self.check_order(actions)
        self.carry_out(actions)
        return actions


def written(path: Path, *batches: list[Entry], boot: str = "boot-1", at=None) -> list[Record]:
    """These entries in a journal, and the rows that they became."""
    with closing(Journal(path, boot)) as journal:
        return [row for batch in batches for row in journal.append(batch, at)]


def read(path: Path) -> list[Record]:
    with closing(JournalReader(path)) as reader:
        return list(reader.all())


def verify(path: Path, *anchors) -> int:
    with closing(JournalReader(path)) as reader:
        return reader.verify(anchors)


def changed(row: Record, **body) -> Record:
    """The row with a part of its body changed."""
    fields = {name: getattr(row, name) for name in Record.__slots__}
    return Record(**fields | {"body": json.dumps(row.fields | body)})
