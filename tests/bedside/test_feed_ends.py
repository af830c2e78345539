"""What the feed does with the journal when it ends in the middle of a read."""

import asyncio
import threading

import pytest

from pumpd.bedside import feed as module
from pumpd.bedside.feed import Feed
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime


class SlowReader:
    """A journal whose opening or reading takes until the test permits its end."""

    slow_to_open = False
    inside: threading.Event
    go_on: threading.Event
    closed_during_a_read: list[bool]

    def __init__(self, _path) -> None:
        self.reading = False
        if self.slow_to_open:
            self._wait()

    def _wait(self) -> None:
        self.reading = True
        self.inside.set()
        assert self.go_on.wait(PATIENCE_S)
        self.reading = False

    def last(self, *_) -> list:
        return []

    def after(self, *_) -> list:
        self._wait()
        return []

    def close(self) -> None:
        self.closed_during_a_read.append(self.reading)


@pytest.mark.parametrize("slow_to_open", [False, True], ids=["reading", "opening"])
async def test_a_journal_is_closed_after_the_read_that_was_under_way(monkeypatch, tmp_path, slow_to_open):
    SlowReader.slow_to_open = slow_to_open
    SlowReader.inside, SlowReader.go_on, SlowReader.closed_during_a_read = threading.Event(), threading.Event(), []
    monkeypatch.setattr(module, "JournalReader", SlowReader)
    feed = Feed(None, tmp_path / "journal.sqlite3")
    following = asyncio.create_task(feed._follow_journal())
    await asyncio.to_thread(SlowReader.inside.wait, PATIENCE_S)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert SlowReader.closed_during_a_read == []
    SlowReader.go_on.set()
    await until(lambda: bool(SlowReader.closed_during_a_read))
    assert SlowReader.closed_during_a_read == [False]
