"""The journal's writer thread: order, group commit, a failing disk, a slow disk (RUN-16)."""

import asyncio
import contextlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pumpd.journal import Entry, Journal, JournalError, JournalReader
from pumpd.journal.writer import InlineWriter, ThreadWriter
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime  # the writer is a thread


def note(number: int) -> Entry:
    return Entry("noted", {"number": number})


def numbers(path: Path, lost: int = 0) -> list[int]:
    """The numbers of the entries in the journal, which records how many are `lost`."""
    with contextlib.closing(JournalReader(path)) as reader:
        reader.verify()
        found = list(reader.all())
    assert sum(entry.fields["count"] for entry in found if entry.kind == "entries_lost") == lost
    return [entry.fields["number"] for entry in found if entry.kind == "noted"]


async def opened(path: Path) -> ThreadWriter:
    writer = ThreadWriter(path, "boot-1")
    await writer.opened()
    return writer


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A disk of a busy machine does not hang."""
    for bound in ("HUNG_S", "CLOSE_WITHIN_S"):
        monkeypatch.setattr(f"pumpd.journal.writer.{bound}", PATIENCE_S)


class Disk:
    """Replaces `Journal.append`: counts transactions, and can be slow or fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.transactions: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.error: Exception | None = None
        self.waiting = False
        real = Journal.append

        def append(journal, entries, now=None):
            self.waiting = True
            assert self.free.wait(PATIENCE_S)
            self.waiting = False
            if self.error is not None:
                raise self.error
            self.transactions.append(len(entries))
            return real(journal, entries, now)

        monkeypatch.setattr(Journal, "append", append)


async def test_posted_and_appended_entries_keep_the_order_of_the_calls(tmp_path):
    path = tmp_path / "journal.sqlite3"
    writer = await opened(path)
    for number in range(0, 300, 3):
        writer.post([note(number), note(number + 1)])
        if number % 30:
            writer.post([note(number + 2)])
        else:
            await writer.append([note(number + 2)])
            assert numbers(path) == list(range(number + 3))  # on disk when append returns, with everything before it
    await writer.close()
    assert numbers(path) == list(range(300))


async def test_what_gathers_while_the_disk_is_busy_is_written_in_one_transaction(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    disk.free.clear()
    writer.post([note(0)])
    await until(lambda: disk.waiting)
    for number in range(1, 100):
        writer.post([note(number)])
    done = asyncio.create_task(writer.append([note(100)]))
    await asyncio.sleep(0)
    disk.free.set()
    await done
    assert disk.transactions == [1, 100]
    await writer.close()


@pytest.mark.requirement("RUN-16")
async def test_a_slow_disk_does_not_block_the_loop(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    disk.free.clear()
    waiting = asyncio.create_task(writer.append([note(0)]))
    await asyncio.sleep(0)
    for number in range(1, 51):
        writer.post([note(number)])
        await asyncio.sleep(0)
    await until(lambda: disk.waiting)
    assert not waiting.done()  # the loop got here while the disk takes nothing
    disk.free.set()
    await waiting
    await writer.close()
    assert numbers(tmp_path / "journal.sqlite3") == list(range(51))


@pytest.mark.requirement("AUD-10")
@pytest.mark.parametrize(
    ("error", "left", "lost"),
    [(JournalError("journal x cannot be written: disk full"), [0, 2, 3], 0), (TypeError("no JSON"), [0, 3], 1)],
)
async def test_a_failing_disk_is_reported_and_what_was_posted_is_written_once_there_is_room(
    tmp_path, monkeypatch, error, left, lost
):
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    heard: asyncio.Queue[JournalError] = asyncio.Queue()
    writer.on_failure = heard.put_nowait
    await writer.append([note(0)])
    disk.error = error
    with pytest.raises(JournalError, match=str(error)):
        await writer.append([note(1)])
    async with asyncio.timeout(PATIENCE_S):
        await heard.get()
        writer.post([note(2)])
        await heard.get()
    assert heard.empty()
    disk.error = None
    await writer.append([note(3)])  # the thread lives on
    await writer.close()
    assert numbers(tmp_path / "journal.sqlite3", lost) == left


@pytest.mark.requirement("AUD-10", "AUD-02")
async def test_entries_lost_beyond_a_bound_are_counted_and_reported_and_the_others_keep_the_time_of_posting(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("pumpd.journal.backlog.KEPT_MOST", 3)
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    restored: asyncio.Queue[int] = asyncio.Queue()
    writer.on_restored = restored.put_nowait
    disk.error = JournalError("journal x cannot be written: disk full")
    begun = datetime.now(UTC)
    for number in range(5):
        writer.post([note(number)])
    posted = datetime.now(UTC)
    await asyncio.sleep(0.3)
    with pytest.raises(JournalError):
        await writer.append([])  # an append makes it try again
    disk.error = None
    await writer.append([])
    assert await restored.get() == 4
    await writer.close()
    with contextlib.closing(JournalReader(tmp_path / "journal.sqlite3")) as reader:
        reader.verify()
        entries = list(reader.all())
    assert [each.fields for each in entries] == [{"number": 0}, {"number": 1}, {"number": 2}, {"count": 2}]
    assert entries[-1].kind == "entries_lost"
    for each in entries[:3]:
        late = timedelta(milliseconds=10)  # AUD-02; they were on disk 300 ms later
        assert begun - late <= datetime.fromisoformat(each.ts) <= posted + late


async def test_one_bad_entry_does_not_affect_the_others(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    disk.free.clear()
    writer.post([note(0)])
    await until(lambda: disk.waiting)
    writer.post([note(1)])
    writer.post([Entry("noted", {"number": {1, 2}})])
    writer.post([note(2)])
    disk.free.set()
    await writer.append([])
    await writer.close()
    assert numbers(tmp_path / "journal.sqlite3", lost=1) == [0, 1, 2]


async def test_an_entry_that_is_not_json_fails_alone_and_the_writer_continues(tmp_path):
    writer = await opened(tmp_path / "journal.sqlite3")
    with pytest.raises(JournalError, match="not JSON serializable"):
        await writer.append([Entry("noted", {"number": {1, 2}})])
    with pytest.raises(JournalError):
        await writer.append([Entry("noted", {"number": "\ud800"})])
    await writer.append([note(1)])
    await writer.close()
    assert numbers(tmp_path / "journal.sqlite3") == [1]


async def test_a_journal_that_cannot_be_opened_is_reported_at_once(tmp_path):
    writer = ThreadWriter(tmp_path / "no-such-folder" / "journal.sqlite3", "boot-1")
    with pytest.raises(JournalError, match=r"no-such-folder/journal\.sqlite3 cannot be opened"):
        await writer.opened()


async def test_closing_writes_what_was_posted_and_ends_the_thread(tmp_path):
    before = set(threading.enumerate())
    writer = await opened(tmp_path / "journal.sqlite3")
    mine = [thread for thread in set(threading.enumerate()) - before if thread.name == "journal"]
    assert len(mine) == 1
    writer.post([note(number) for number in range(50)])
    await writer.close()
    assert not mine[0].is_alive()
    assert numbers(tmp_path / "journal.sqlite3") == list(range(50))


async def test_a_hung_disk_does_not_delay_the_end_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("pumpd.journal.writer.CLOSE_WITHIN_S", 0.2)
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    disk.free.clear()
    writer.post([note(0)])
    await until(lambda: disk.waiting)
    await writer.close()
    assert disk.waiting
    disk.free.set()


# -- a disk that hangs -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-10")
async def test_entries_that_wait_for_a_hung_disk_are_bounded_and_lost_ones_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("pumpd.journal.backlog.KEPT_MOST", 100)
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    heard: asyncio.Queue[JournalError] = asyncio.Queue()
    restored: asyncio.Queue[int] = asyncio.Queue()
    writer.on_failure, writer.on_restored = heard.put_nowait, restored.put_nowait
    disk.free.clear()
    for number in range(150):
        writer.post([note(number)])
        await asyncio.sleep(0.0005)
    async with asyncio.timeout(PATIENCE_S):
        assert "100 entries wait" in str(await heard.get())
        with pytest.raises(JournalError, match="100 entries wait"):
            await writer.append([note(1000)])
        disk.free.set()
        await restored.get()
    await writer.append([])
    await writer.close()
    assert numbers(tmp_path / "journal.sqlite3", lost=50) == list(range(100))


@pytest.mark.requirement("AUD-10", "PWR-11")
async def test_a_hung_disk_is_a_failure_for_all_who_wait_until_it_answers_again(tmp_path, monkeypatch):
    monkeypatch.setattr("pumpd.journal.writer.HUNG_S", 0.3)
    disk = Disk(monkeypatch)
    writer = await opened(tmp_path / "journal.sqlite3")
    heard: asyncio.Queue[JournalError] = asyncio.Queue()
    restored: asyncio.Queue[int] = asyncio.Queue()
    writer.on_failure, writer.on_restored = heard.put_nowait, restored.put_nowait
    disk.free.clear()
    writer.post([note(0)])
    await until(lambda: disk.waiting)
    with pytest.raises(JournalError, match="has not answered"):
        await writer.append([note(1)])
    at_once = writer.append([note(2)])
    with pytest.raises(JournalError, match="has not answered"):
        at_once.send(None)  # without waiting for anything
    assert not heard.empty()
    monkeypatch.setattr("pumpd.journal.writer.HUNG_S", PATIENCE_S)
    writer.post([note(3)])
    disk.free.set()
    assert await restored.get() >= 1
    await writer.append([note(4)])
    await writer.close()
    assert numbers(tmp_path / "journal.sqlite3") == [0, 3, 4], "what was refused is not written later"


@pytest.mark.requirement("AUD-10")
async def test_a_writer_whose_thread_has_ended_reports_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ThreadWriter, "_turn", lambda writer, journal: False)
    writer = await opened(tmp_path / "journal.sqlite3")
    writer._thread.join(PATIENCE_S)
    heard: asyncio.Queue[JournalError] = asyncio.Queue()
    writer.on_failure = heard.put_nowait
    with pytest.raises(JournalError, match="has ended"):
        await writer.append([note(1)])
    writer.post([note(2)])
    assert "has ended" in str(await heard.get())


async def test_the_inline_writer_groups_what_is_posted_and_writes_it_before_what_is_appended(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    writer = InlineWriter(Journal(tmp_path / "journal.sqlite3", "boot-1"), group=4)
    for number in range(5):
        writer.post([note(number)])
    assert disk.transactions == [4]
    await writer.append([note(5)])
    assert disk.transactions == [4, 2]
    heard: list[JournalError] = []
    writer.on_failure = heard.append
    disk.error = JournalError("disk full")
    with pytest.raises(JournalError, match="disk full"):
        await writer.append([note(6)])
    writer.post([note(7)] * 4)
    assert [str(error) for error in heard] == ["disk full", "disk full"]
    kept: list[int] = []
    writer.on_restored = kept.append
    disk.error = None
    await writer.close()
    assert kept == [4], "entries that were posted while the disk was full"
    assert numbers(tmp_path / "journal.sqlite3") == [*range(6), *[7] * 4]
