"""The intent is on disk before the first byte of its command reaches the pump (PWR-01).

A tap at the pump's end of the line reads the journal's files, as they are at that instant, through a copy: what a
gateway would find that lost its power right then.
"""

import asyncio
import contextlib
import shutil

import pytest

from pumpd.journal import JournalError, JournalReader
from tests.control.testbed import open_testbed
from tests.control.wire_tap import Tap


class Witness(Tap):
    """For each command that reaches the pump, the kinds of entry that are in the journal at that instant."""

    def __init__(self, here, folder):
        super().__init__(here.pump)
        self.there: list[tuple[str, list[str]]] = []
        self._journal, self._folder = here.journal, folder

    def _listen(self, data):
        known = len(self.commands)
        super()._listen(data)
        for command in self.commands[known:]:
            if not command.startswith(("DIS", "VER")) and command not in ("", "RAT", "VOL", "DIR"):
                self.there.append((command, self._on_disk()))

    def _on_disk(self):
        copy = self._folder / "copy.sqlite3"
        for extra in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{self._journal}{extra}", f"{copy}{extra}")
        with contextlib.closing(JournalReader(copy)) as reader:
            return [entry.kind for entry in reader.all()]


@pytest.mark.requirement("PWR-01")
async def test_the_intent_is_on_disk_before_its_first_byte_reaches_the_pump(tmp_path):
    (tmp_path / "seen").mkdir()
    async with open_testbed(tmp_path) as here:
        witness = Witness(here, tmp_path / "seen")
        await here.start()
        await asyncio.sleep(30)
        await here.ask(op="pause", pump="bed1", reason="test")
        await here.until("paused")
        await here.ask(op="resume", pump="bed1", by="nurse")
        await here.until("ready")
        await here.confirm(request="r-2")
        await here.until("running")
    settings = [kinds for command, kinds in witness.there if command.startswith(("VOL ", "VOL0", "RAT", "DIA", "PHN"))]
    starts = [kinds for command, kinds in witness.there if command.startswith("RUN")]
    assert len(starts) == 2
    for number, kinds in enumerate(starts, start=1):
        assert kinds.count("intent_start") == number
        assert kinds.count("start_answered") == number - 1
    assert settings
    assert all("order_accepted" in kinds for kinds in settings)


@pytest.mark.requirement("PWR-01")
@pytest.mark.parametrize("failing", [False, True], ids=["slow", "failing"])
async def test_a_slow_or_failing_disk_holds_back_the_start(tmp_path, monkeypatch, failing):
    async with open_testbed(tmp_path) as here:
        tap, append = Tap(here.pump), type(here.gateway.journal).append
        assert (await here.order()).ok
        await here.until("ready")
        committed = asyncio.Event()

        async def slow(self, entries):
            if any(entry.kind == "intent_start" for entry in entries):
                await asyncio.sleep(2)
                assert tap.count("RUN") == 0
                committed.set()
                if failing:
                    raise JournalError("the disk is gone")
            await append(self, entries)

        monkeypatch.setattr(type(here.gateway.journal), "append", slow)
        assert (await here.confirm()).ok
        await committed.wait()
        await asyncio.sleep(2)
        assert tap.count("RUN") == (0 if failing else 1)
