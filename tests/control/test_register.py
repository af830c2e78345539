"""One writer for each file of keys and staff: no change is lost, no disk delays anything, everything is on record."""

import asyncio
import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.control.tablets import files, keys, staff
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.staff import StaffStore
from pumpd.messages.signing import der_of
from tests.control.testbed import open_testbed


def public_key() -> str:
    return base64.b64encode(der_of(ec.generate_private_key(ec.SECP256R1()).public_key())).decode()


class HangingDisk:
    """A disk that does not answer until `go` is set."""

    def __init__(self, monkeypatch):
        self.go, self.writes = asyncio.Event(), 0
        monkeypatch.setattr(files.asyncio, "to_thread", self.to_thread)

    async def to_thread(self, call, *arguments):
        self.writes += 1
        await self.go.wait()
        return call(*arguments)


@pytest.mark.requirement("SEC-18")
async def test_a_revoked_key_does_not_come_back_with_one_that_is_paired_at_the_same_moment(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        store = KeyStore(here.gateway.settings.keys_path)
        lost = (await here.ask(op="key_add", name="lost", public_key=public_key())).result["id"]
        plain = keys.write_entries
        reading = asyncio.get_running_loop()

        def slow(path, entries, *, mode):  # the lost key is revoked while the new one is being written
            monkeypatch.setattr(keys, "write_entries", plain)
            revoking.append(asyncio.run_coroutine_threadsafe(here.ask(op="key_revoke", key=lost), reading))
            plain(path, entries, mode=mode)

        revoking = []
        monkeypatch.setattr(keys, "write_entries", slow)
        added = await here.ask(op="key_add", name="new", public_key=public_key())
        assert added.ok
        assert (await asyncio.wrap_future(revoking[0])).ok
        assert lost not in store.all()
        assert added.result["id"] in store.all()


@pytest.mark.parametrize("number", range(3))
async def test_simultaneous_changes_are_all_made(tmp_path, number):
    async with open_testbed(tmp_path) as here:
        people = [
            here.ask(op="staff_add", badge=f"10{each:02d}", name=f"Nurse {each}", roles=["view"], pin="471133")
            for each in range(4)
        ]
        added = [here.ask(op="key_add", name=f"key {each}", public_key=public_key()) for each in range(8)]
        answers = await asyncio.gather(*people, *added)
        assert all(answer.ok for answer in answers), answers
        assert len(StaffStore(here.gateway.settings.staff_path).all()) == 4
        assert len(KeyStore(here.gateway.settings.keys_path).all()) == 8 + 1  # the testbed's own


@pytest.mark.requirement("STP-01", "AUD-08")
async def test_a_disk_that_hangs_holds_one_thread_and_neither_a_stop_nor_the_answer(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await here.start()
        disk = HangingDisk(monkeypatch)
        requests = [{"op": "key_add", "name": f"key {each}", "public_key": public_key()} for each in range(5)]
        adding = [asyncio.create_task(here.ask(**request)) for request in requests]
        await asyncio.sleep(0.1)
        assert (await here.ask(op="stop")).ok
        await here.until("stopped")
        answers = [await each for each in adding]
        assert disk.writes == 1
        assert "the disk did not answer" in answers[0].reasons[0]
        assert all("nothing was changed" in answer.reasons[0] for answer in answers[1:])
        assert "software_key_paired" not in here.kinds()
        disk.go.set()
        await asyncio.sleep(0.1)
        assert here.kinds().count("software_key_paired") == 1, "a change that is made late is on record all the same"
        assert (await here.ask(op="key_add", name="later", public_key=public_key())).ok


async def test_a_file_that_cannot_be_written_is_named_and_nothing_else_happens(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:

        def full(*_, **__):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(keys, "write_entries", full)
        monkeypatch.setattr(staff, "write_entries", full)
        key = await here.ask(op="key_add", name="key", public_key=public_key())
        person = await here.ask(op="staff_add", badge="1001", name="Nurse", roles=["view"], pin="471133")
        for answer, name in ((key, "paired-keys.json"), (person, "staff.json")):
            assert name in answer.reasons[0]
            assert "No space left" in answer.reasons[0]
        assert (await here.ask(op="stop")).ok


@pytest.mark.requirement("AUD-08")
async def test_the_journal_records_every_change_and_who_made_it_but_no_pin(tmp_path):
    async with open_testbed(tmp_path) as here:
        key = (await here.ask(op="key_add", name="nurse", public_key=public_key())).result["id"]
        await here.ask(op="key_rename", key=key, name="another")
        await here.ask(op="key_revoke", key=key)
        await here.ask(op="staff_add", badge="1001", name="Nurse", roles=["view"], pin="471153")
        await here.ask(op="pin_reset", badge="1001", pin="815399")
        await here.ask(op="pin_reset", badge="1002", pin="815399")  # there is none
        await here.ask(op="staff_remove", badge="1001")
        made = {entry.kind: entry.fields for entry in here.entries()}
        kinds = ("software_key_paired", "key_renamed", "key_revoked", "staff_added", "pin_reset", "staff_removed")
        assert all(made[kind]["by"] == "test" for kind in kinds)
        assert made["key_revoked"]["key"] == key
        text = "".join(str(entry) for entry in here.entries()) + str(here.answers)
        assert "471153" not in text
        assert "815399" not in text


@pytest.mark.requirement("SEC-18")
def test_a_power_cut_does_not_bring_a_replaced_file_back(tmp_path, monkeypatch):
    """The name of a file is durable once its folder was synchronized, and not before."""
    done, replace, fsync = [], Path.replace, os.fsync
    monkeypatch.setattr(Path, "replace", lambda self, to: (done.append("replaced"), replace(self, to)))

    def synchronized(descriptor):
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synchronized)
    files.write_entries(tmp_path / "keys.json", [], mode=0o640)
    assert done == [str(tmp_path / "keys.new"), "replaced", str(tmp_path)]


@pytest.mark.requirement("SEC-19")
@pytest.mark.parametrize("text", ["", "{", "null", "[null]", "[{}]", "[" * 100_000, '[{"id": 1}]'], ids=len)
async def test_damaged_files_are_named_and_keep_neither_the_state_nor_a_stop_from_anyone(tmp_path, text):
    async with open_testbed(tmp_path) as here:
        settings = here.gateway.settings
        for path in (settings.keys_path, settings.staff_path):
            path.write_text(text)
        for op, path in (("key_list", settings.keys_path), ("staff_list", settings.staff_path)):
            answer = await here.ask(op=op)
            assert not answer.ok
            assert path.name in answer.reasons[0]
        assert (await here.ask(op="status")).result["tablets"] == {}
        assert (await here.ask(op="stop")).ok
