"""Opening the journal so that it stays as it is."""

import contextlib
from collections.abc import Iterator

from pumpd.doctor.facts import Facts
from pumpd.journal import JournalReader
from pumpd.messages.no_answer import holder
from pumpd.settings import Settings


@contextlib.contextmanager
def reading(facts: Facts, settings: Settings) -> Iterator[JournalReader | None]:
    """A reader of the journal; None when there is no journal. Raises JournalError, PermissionError."""
    path = facts.machine.at(settings.journal_path)
    if not path.exists():
        yield None
        return
    facts.machine.must_read(path)
    log = path.with_name(f"{path.name}-wal")
    used = holder(facts.machine.at(settings.lock_path), facts.machine.at("/proc/locks"))
    # Without a control process and a log there is nothing to share with, so SQLite need not make its files for that.
    with contextlib.closing(JournalReader(path, untouched=not used and not log.exists())) as reader:
        yield reader
