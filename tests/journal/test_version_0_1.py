"""A journal of version 0.1 is read under the present names and continued; its chain does not change."""

import contextlib
import json

import pytest

from pumpd.control.infusions import recovery
from pumpd.control.infusions.recovery import last_loaded, recover
from pumpd.dosing import NO_LIBRARY
from pumpd.host.clock import Clock
from pumpd.journal import Entry, Journal, JournalReader
from pumpd.journal.doses import Doses
from pumpd.journal.export import Filter, export
from pumpd.journal.records import OLD_KINDS, names_of
from pumpd.journal.replay import Replay
from pumpd.pump import family
from pumpd.settings import PumpSettings
from pumpd.telemetry.messages import Translator
from tests.journal.version_0_1 import RUNNING, STOPPED, columns, write

PUMP = PumpSettings(
    name="bed1", driver="new-era", port="memory://bed1", model="ne-1000", serial="ASSET-bed1", simulated=True
)


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "journal.sqlite3")
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def reader(path):
    with contextlib.closing(JournalReader(path)) as opened:
        yield opened


def test_the_journal_holds_every_kind_whose_name_has_changed():
    assert set(OLD_KINDS) <= {kind for *_, kind, _, _ in columns()}


@pytest.mark.requirement("AUD-03")
def test_the_chain_is_intact_before_and_after_the_journal_is_continued(path, reader):
    count = reader.verify()
    with contextlib.closing(Journal(path, "boot-9")) as journal:
        journal.append([Entry("noted", {})])
    assert reader.verify() == count + 1
    assert [entry.written_kind for entry in reader.after(0)][:-1] == [kind for *_, kind, _, _ in columns()]


@pytest.mark.parametrize("kind", sorted(OLD_KINDS.values()))
def test_a_question_for_a_kind_finds_old_and_new_names(path, reader, kind):
    old = names_of(kind)[1]
    found = reader.last(100, kind)
    assert found
    assert {(entry.written_kind, entry.kind) for entry in found} == {(old, kind)}
    with contextlib.closing(Journal(path, "boot-9")) as journal:
        journal.append([Entry(kind, {}, "bed1")])
    assert [entry.written_kind for entry in reader.last(100, kind)] == [old] * len(found) + [kind]
    assert reader.newest(kind).written_kind == kind
    assert reader.newest(kind, before=reader.newest(kind).id).written_kind == old


def test_a_field_whose_name_has_changed_is_read_under_its_present_name(reader):
    (restored,) = reader.last(10, "journal_restored")
    assert "rows_kept" in restored.body
    assert "entries_kept" in restored.fields


@pytest.mark.requirement("PWR-02")
@pytest.mark.parametrize("here", ["77c09ef1-9698-4c37-95a0-2a5ccc7b4c2d", "another boot"])  # the journal's own first
async def test_the_infusion_that_was_running_is_recovered(reader, monkeypatch, here):
    monkeypatch.setattr(recovery, "machine_boot", lambda: here)
    found = recover(reader, PUMP, family("new-era"), NO_LIBRARY, Clock(1), time_known=True)
    assert found.infusion.state.value == "running"
    assert found.infusion.patient == RUNNING
    assert found.infusion.delivered.decimal > 0
    assert not found.failed
    assert (found.moved_ns == 0) is (here != "another boot")
    assert last_loaded(reader, "bed1") == found.session


@pytest.mark.requirement("PRG-14", "PWR-13")
def test_no_dose_is_missing_and_none_is_under_booked(reader):
    doses = Doses()
    doses.take(reader.all())
    first, second = sorted(doses.all(), key=lambda dose: dose.patient)
    assert (first.patient, second.patient) == (STOPPED, RUNNING)
    assert first.given.decimal > 0
    assert first.uncertain, "its pump flowed again after its end"
    assert second.uncertain, "it has no end on record"


@pytest.mark.requirement("AUD-05")
def test_the_infusions_are_replayed_without_a_difference(reader):
    made = Replay(reader.all())
    assert made.differences == []
    assert sorted(one.infusion.state.value for one in made.infusions.values()) == ["running", "stopped"]


def test_the_export_can_be_verified_because_it_shows_what_was_hashed(reader):
    _, *entries, foot = map(json.loads, export(reader, Filter()))
    assert [entry["kind"] for entry in entries] == [kind for *_, kind, _, _ in columns()]
    assert foot["entries"] == len(entries)


def test_telemetry_publishes_the_present_names(reader):
    translator = Translator("ward-7", {"bed1": True})
    kinds = {
        json.loads(message.payload)["kind"]
        for entry in reader.all()
        for message in translator.messages(entry)
        if message.topic.endswith("/events")
    }
    assert kinds >= set(OLD_KINDS.values())
    assert not kinds & set(OLD_KINDS)
