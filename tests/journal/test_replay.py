"""An infusion rebuilt from its entries equals the original; an entry that differs is named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.record import to_data
from pumpd.journal import Entry, Record
from pumpd.journal.records import canonical
from pumpd.journal.replay import LEFT_BEHIND, Replay
from pumpd.pump import PumpAlarm
from pumpd.quantities import Volume
from tests.infusion.bench import MIN, S, infusion, program

from .recorded import RecordedBench, changed, read, written

pytestmark = pytest.mark.requirement("AUD-05")

STEPS = program(("54", "1.8"), ("36", "1.2"))


def recorded(held=None, **more) -> RecordedBench:
    return RecordedBench(infusion(held or STEPS, minutes=4), **more)


def entries_of(one: RecordedBench, boot: str = "boot-1", first: int = 1) -> list[Record]:
    """As a journal would hold them; hashes do not matter here."""
    return [
        Record(
            first + number, "ts", entry.mono_ns, boot, entry.pump, entry.session, entry.kind, canonical(entry.body), ""
        )
        for number, entry in enumerate(one.entries)
    ]


def completed() -> RecordedBench:
    one = recorded().run()
    one.wait(5 * MIN)
    assert one.state is State.COMPLETED
    return one


def paused_resumed_and_stopped() -> RecordedBench:
    one = recorded().run()
    one.wait(MIN)
    one.send(ev.PauseRequested(one.now_ns, "nurse", "patient moves"))
    one.wait(10 * S)
    assert one.state is State.PAUSED
    one.send(ev.ResumeRequested(one.now_ns, "nurse"))
    one.wait(S)
    one.confirm(request="r-2", nonce="n-2")
    one.wait(30 * S)
    assert one.state is State.RUNNING
    one.send(ev.ResumeRequested(one.now_ns, "nurse"))  # refused
    one.send(ev.StopRequested(one.now_ns, "nurse", "enough"))
    one.wait(5 * S)
    assert one.state is State.STOPPED
    return one


def tripped_and_cleared() -> RecordedBench:
    one = recorded().run()
    one.wait(MIN)
    one.pump.alarms, one.pump.flowing = (PumpAlarm.OCCLUSION,), False
    one.wait(10 * S)
    assert one.state is State.TRIPPED
    one.send(ev.TripsCleared(one.now_ns, "nurse"))
    one.pump.alarms = ()
    one.wait(S)
    assert one.state is State.PAUSED
    return one


def uncertain() -> RecordedBench:
    lost = iter(["lost-reply"])
    one = recorded(line=lambda what: next(lost, "ok") if what == "start" else "ok")
    one.confirm()
    one.wait(10 * S)
    assert one.state is State.TRIPPED
    return one


STORIES = [completed, paused_resumed_and_stopped, tripped_and_cleared, uncertain]


@pytest.mark.parametrize("story", STORIES)
def test_the_journal_reproduces_state_and_volume_exactly(story, tmp_path):
    one = story()
    written(tmp_path / "journal.sqlite3", one.entries)
    made = Replay(read(tmp_path / "journal.sqlite3"))
    assert made.differences == []
    assert made.infusions["s-1"].infusion == one.infusion
    assert made.infusions["s-1"].infusion.delivered == one.infusion.delivered
    assert (one.infusion.delivered > Volume(0)) == (story is not uncertain)
    assert made.infusions["s-1"].unwritten == 0
    assert made.unrecorded == set()


@settings(max_examples=40)
@given(st.data())
def test_any_history_of_an_infusion_is_replayed_to_the_same_infusion(data):
    """Random requests, failures and times; the fold uses what was written, not what was done."""
    one = recorded(line=lambda _what: data.draw(st.sampled_from(["ok"] * 8 + ["lost-request", "lost-reply", "down"])))
    if one.state is State.READY:
        one.confirm()
    for _ in range(data.draw(st.integers(0, 12))):
        match data.draw(st.sampled_from(["wait", "pause", "resume", "stop", "clear", "confirm", "tick", "journal"])):
            case "wait":
                one.wait(data.draw(st.sampled_from([S, 5 * S, 40 * S])), every=5 * S)
            case "pause":
                one.send(ev.PauseRequested(one.now_ns, "nurse", "why"))
            case "resume":
                one.send(ev.ResumeRequested(one.now_ns, "nurse"))
            case "stop":
                one.send(ev.StopRequested(one.now_ns, "nurse", "why"))
            case "clear":
                one.send(ev.TripsCleared(one.now_ns, "nurse"))
            case "confirm" if one.state is State.READY:
                one.confirm(request=f"r-{one.now_ns}", nonce=f"n-{one.now_ns}")
            case "journal":
                one.send(ev.JournalFailed(one.now_ns, "disk"))
            case _:
                one.send(ev.TimePassed(one.now_ns))
    made = Replay(entries_of(one))
    assert made.differences == []
    assert made.infusions["s-1"].infusion == one.infusion


def test_infusions_of_several_pumps_are_kept_apart():
    first, second = completed(), tripped_and_cleared()
    for entry in list(second.entries):
        second.entries[second.entries.index(entry)] = entry._replace(session="s-2", pump="bed2")
    mixed = [each for pair in zip(entries_of(first), entries_of(second), strict=False) for each in pair]
    rest = entries_of(first)[len(mixed) // 2 :] + entries_of(second)[len(mixed) // 2 :]
    made = Replay([each._replace(id=number) for number, each in enumerate([*mixed, *rest], 1)])
    assert made.differences == []
    assert [made.infusions[name].infusion for name in ("s-1", "s-2")] == [first.infusion, second.infusion]


# -- what differs ---------------------------------------------------------------------------------------------


def with_change(entries: list[Record], kind: str, nth: int = 0, **body) -> tuple[int, list[Record]]:
    entry = [entry for entry in entries if entry.kind == kind][nth]
    return entry.id, [changed(each, **body) if each is entry else each for each in entries]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("state_changed", {"to": "tripped"}),
        ("state_changed", {"reason": "another"}),
        ("reading", {"volume_infused_ml": "0.01"}),
        ("reading", {"volume_remaining_ml": "9"}),
        ("reading", {"state": "running"}),
        ("reading", {"digest": "x"}),
        ("infusion_ended", {"delivered_ml": "2.99"}),
        ("intent_start", {"vtbi_ml": "4"}),
        ("confirmation_accepted", {"by": "somebody"}),
        ("read_back", {"equal": False}),
    ],
)
def test_an_entry_that_differs_from_the_replay_is_named(kind, body):
    number, entries = with_change(entries_of(completed()), kind, **body)
    (difference,) = Replay(entries).differences
    assert (difference.entry, difference.kind, difference.session) == (number, kind, "s-1")
    name, value = next(iter(body.items()))
    assert json.loads(difference.recorded)[name] == value
    assert json.loads(difference.replayed)[name] != value
    assert f"entry {number} ({kind}) of s-1: recorded" in str(difference)


@pytest.mark.parametrize("kind", ["state_changed", "confirmation_accepted", "infusion_ended"])
def test_a_missing_entry_is_one_difference_and_not_one_for_each_later_entry(kind):
    entries = entries_of(completed())
    gone = next(entry for entry in entries if entry.kind == kind)
    event = [entry for entry in entries if entry.kind == "happened" and entry.id < gone.id][-1]
    after = Record(len(entries) + 1, "ts", entries[-1].mono_ns + 10 * S, "boot-1", "", "", "control_stopped", "{}", "")
    (difference,) = Replay([entry for entry in entries if entry is not gone] + [after]).differences
    assert (difference.entry, difference.kind, difference.recorded) == (event.id, kind, "nothing")
    assert json.loads(difference.replayed) == gone.fields


@pytest.mark.parametrize("kind", ["state_changed", "alarm_raised", "refused", "infusion_ended"])
def test_an_entry_that_no_event_produced_is_named(kind):
    entries = entries_of(completed())
    more = Record(len(entries) + 1, "ts", 0, "boot-1", "bed1", "s-1", kind, '{"code":"empty"}', "")
    (difference,) = Replay([*entries, more]).differences
    assert (difference.entry, difference.replayed) == (more.id, "nothing")


def test_a_missing_event_shows_in_the_delivered_volume():
    entries = entries_of(completed())
    readings = [entry for entry in entries if entry.kind == "reading"]
    volumes = [entry.fields["volume_infused_ml"] for entry in readings]
    grew = next(entry for entry, old, new in zip(readings[1:], volumes, volumes[1:], strict=False) if old != new)
    event = [entry for entry in entries if entry.kind == "happened" and entry.id < grew.id][-1]
    named = {difference.entry for difference in Replay([entry for entry in entries if entry is not event]).differences}
    assert grew.id in named


def test_an_alarm_that_the_next_order_clears_is_no_difference():
    entries = entries_of(tripped_and_cleared())
    assert Replay(entries).differences == []
    ended = recorded()
    ended.send(ev.StopRequested(0, "nurse", "no"))
    cleared = Record(99, "ts", 0, "boot-1", "bed1", "s-1", "alarm_cleared", '{"code":"empty"}', "")
    assert Replay([*entries_of(ended), cleared]).differences == []
    assert len(Replay([*entries, cleared._replace(id=len(entries) + 1)]).differences) == 1


# -- death and damage --------------------------------------------------------------------------------------------------


def test_a_journal_that_ends_at_any_point_has_no_difference():
    """A kill between any two entries: those of the last event may be missing, all earlier ones must be there."""
    entries = entries_of(paused_resumed_and_stopped())
    for end in range(len(entries) + 1):
        assert Replay(entries[:end]).differences == [], entries[end - 1]


def test_what_a_dead_process_did_not_write_is_counted_and_the_next_one_continues():
    one = recorded().run()
    entries = entries_of(one)
    start = [entry for entry in entries if entry.kind == "happened"][-1]
    cut = [entry for entry in entries if entry.id <= start.id]
    owed = len([entry for entry in entries if entry.id > start.id and entry.kind in LEFT_BEHIND])
    assert owed
    one.entries = []
    one.send(ev.StopRequested(one.now_ns, "pumpd", "restart"))
    one.wait(5 * S)
    made = Replay([*cut, *entries_of(one, boot="boot-2", first=len(cut) + 1)])
    assert made.differences == []
    assert made.infusions["s-1"].unwritten == owed
    assert made.infusions["s-1"].infusion == one.infusion
    alive = Replay([*cut, *entries_of(one, first=len(cut) + 1)])
    assert {difference.entry for difference in alive.differences} == {start.id}


def test_only_the_entries_of_the_newest_event_may_be_missing():
    """Entries are written in order: a later event on disk shows that the process lived to write the earlier ones."""
    entries = entries_of(recorded())
    ready = next(entry for entry in entries if entry.kind == "state_changed" and entry.fields["to"] == "ready")
    later = Record(
        len(entries) + 1, "ts", 0, "boot-1", "bed1", "s-1", "happened", '{"event":"time_passed","at_ns":1}', ""
    )
    (difference,) = Replay([*(entry for entry in entries if entry is not ready), later]).differences
    assert json.loads(difference.replayed) == ready.fields


def test_a_restart_begins_the_infusion_again_with_other_instants_and_nothing_else():
    one = recorded().run()
    one.wait(MIN)
    entries = entries_of(one)
    again = Entry("began", {"infusion": to_data(one.infusion.but(since_ns=7))}, "bed1", "s-1")
    one.infusion, one.entries = one.infusion.but(since_ns=7), [again]
    one.send(ev.StopRequested(one.now_ns, "pumpd", "restart"))
    one.wait(5 * S)
    made = Replay([*entries, *entries_of(one, boot="boot-2", first=len(entries) + 1)])
    assert made.differences == []
    assert made.infusions["s-1"].infusion == one.infusion
    other = to_data(infusion(STEPS, minutes=4))
    (difference, *_) = Replay(
        [*entries, entries[0]._replace(id=len(entries) + 1, body=canonical({"infusion": other}))]
    ).differences
    assert (difference.entry, difference.kind) == (len(entries) + 1, "began")


def test_an_infusion_without_a_beginning_is_named_and_not_compared():
    entries = [entry for entry in entries_of(completed()) if entry.kind not in ("began", "happened", "reading")]
    made = Replay(entries)
    assert (made.unrecorded, made.infusions, made.differences) == ({"s-1"}, {}, [])


def test_an_event_without_a_beginning_is_a_difference():
    entries = entries_of(completed())
    (difference, *_) = Replay(entries[1:]).differences
    assert (difference.entry, difference.kind) == (2, "happened")


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{", '{"event":"none"}', '{"event":"time_passed"}', "{}", "[" * 100_000]
)
@pytest.mark.parametrize("kind", ["began", "happened"])
def test_a_damaged_body_is_a_difference_and_never_a_crash(kind, body):
    entries = entries_of(completed())
    damaged = next(entry for entry in entries if entry.kind == kind)
    made = Replay([entry._replace(body=body) if entry is damaged else entry for entry in entries])
    assert made.differences[0].entry == damaged.id


def test_a_defect_of_the_state_machine_is_replayed_as_it_was(monkeypatch):
    """The exception that `advance` raised is in the journal, and the infusion did not change."""
    entries = entries_of(recorded())
    event = Record(
        len(entries) + 1, "ts", 0, "boot-1", "bed1", "s-1", "happened", '{"event":"time_passed","at_ns":1}', ""
    )
    failure = {"error": "ZeroDivisionError('x')", "event": "TimePassed"}
    failed = Record(len(entries) + 2, "ts", 0, "boot-1", "bed1", "s-1", "internal_error", canonical(failure), "")
    from pumpd.journal import fold

    real = fold.advance

    def broken(one, what):
        if isinstance(what, ev.TimePassed):
            raise ZeroDivisionError("x")
        return real(one, what)

    monkeypatch.setattr(fold, "advance", broken)
    assert Replay([*entries, event, failed]).differences == []
    assert len(Replay([*entries, event, changed(failed, error="other")]).differences) == 1


def test_every_kind_of_entry_that_the_state_machine_writes_is_compared():
    """A new kind that `advance` writes and the replay does not know would not be compared."""
    import re
    from pathlib import Path

    source = "".join(file.read_text() for file in (Path(ev.__file__).parent).rglob("*.py"))
    asked = set(re.findall(r"\bRecord\(\"(\w+)\"", source))
    assert "state_changed" in asked
    assert asked | {"alarm_raised", "alarm_cleared", "refused"} == LEFT_BEHIND
