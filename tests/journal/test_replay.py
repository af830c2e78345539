"""An infusion rebuilt from its rows is the infusion that was; a row that says something else is named."""

import json
from dataclasses import replace

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


def rows_of(one: RecordedBench, boot: str = "boot-1", first: int = 1) -> list[Record]:
    """As a journal would hold them; hashes are not looked at here."""
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
def test_the_journal_gives_back_state_and_volume_exactly(story, tmp_path):
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
def test_whatever_happens_to_an_infusion_is_replayed_to_the_same(data):
    """Random requests, failures and times; the fold is over what was written, not over what was done."""
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
    made = Replay(rows_of(one))
    assert made.differences == []
    assert made.infusions["s-1"].infusion == one.infusion


def test_infusions_of_several_pumps_are_told_apart():
    first, second = completed(), tripped_and_cleared()
    for entry in list(second.entries):
        second.entries[second.entries.index(entry)] = replace(entry, session="s-2", pump="bed2")
    mixed = [row for pair in zip(rows_of(first), rows_of(second), strict=False) for row in pair]
    rest = rows_of(first)[len(mixed) // 2 :] + rows_of(second)[len(mixed) // 2 :]
    made = Replay([replace(row, id=number) for number, row in enumerate([*mixed, *rest], 1)])
    assert made.differences == []
    assert [made.infusions[name].infusion for name in ("s-1", "s-2")] == [first.infusion, second.infusion]


# -- what is not as it was ---------------------------------------------------------------------------------------------


def with_change(rows: list[Record], kind: str, nth: int = 0, **body) -> tuple[int, list[Record]]:
    row = [row for row in rows if row.kind == kind][nth]
    return row.id, [changed(each, **body) if each is row else each for each in rows]


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
def test_a_row_that_says_something_else_is_named(kind, body):
    number, rows = with_change(rows_of(completed()), kind, **body)
    (difference,) = Replay(rows).differences
    assert (difference.entry, difference.kind, difference.session) == (number, kind, "s-1")
    name, value = next(iter(body.items()))
    assert json.loads(difference.recorded)[name] == value
    assert json.loads(difference.replayed)[name] != value
    assert f"entry {number} ({kind}) of s-1: recorded" in str(difference)


@pytest.mark.parametrize("kind", ["state_changed", "confirmation_accepted", "infusion_ended"])
def test_a_row_that_is_missing_is_one_difference_and_not_one_for_each_row_after_it(kind):
    rows = rows_of(completed())
    gone = next(row for row in rows if row.kind == kind)
    event = [row for row in rows if row.kind == "happened" and row.id < gone.id][-1]
    after = Record(len(rows) + 1, "ts", rows[-1].mono_ns + 10 * S, "boot-1", "", "", "control_stopped", "{}", "")
    (difference,) = Replay([row for row in rows if row is not gone] + [after]).differences
    assert (difference.entry, difference.kind, difference.recorded) == (event.id, kind, "nothing")
    assert json.loads(difference.replayed) == gone.fields


@pytest.mark.parametrize("kind", ["state_changed", "alarm_raised", "refused", "infusion_ended"])
def test_a_row_that_no_event_left_behind_is_named(kind):
    rows = rows_of(completed())
    more = Record(len(rows) + 1, "ts", 0, "boot-1", "bed1", "s-1", kind, '{"code":"empty"}', "")
    (difference,) = Replay([*rows, more]).differences
    assert (difference.entry, difference.replayed) == (more.id, "nothing")


def test_an_event_that_is_missing_shows_in_what_was_delivered():
    rows = rows_of(completed())
    told = [row for row in rows if row.kind == "reading"]
    volumes = [row.fields["volume_infused_ml"] for row in told]
    grew = next(row for row, old, new in zip(told[1:], volumes, volumes[1:], strict=False) if old != new)
    event = [row for row in rows if row.kind == "happened" and row.id < grew.id][-1]
    named = {difference.entry for difference in Replay([row for row in rows if row is not event]).differences}
    assert grew.id in named


def test_an_alarm_that_the_next_order_clears_is_no_difference():
    rows = rows_of(tripped_and_cleared())
    assert Replay(rows).differences == []
    ended = recorded()
    ended.send(ev.StopRequested(0, "nurse", "no"))
    cleared = Record(99, "ts", 0, "boot-1", "bed1", "s-1", "alarm_cleared", '{"code":"empty"}', "")
    assert Replay([*rows_of(ended), cleared]).differences == []
    assert len(Replay([*rows, replace(cleared, id=len(rows) + 1)]).differences) == 1


# -- death and damage --------------------------------------------------------------------------------------------------


def test_at_every_point_a_journal_that_ends_there_has_no_difference():
    """A kill between any two rows: what the last event owes may be unwritten, all before must be there."""
    rows = rows_of(paused_resumed_and_stopped())
    for end in range(len(rows) + 1):
        assert Replay(rows[:end]).differences == [], rows[end - 1]


def test_what_a_dead_process_did_not_write_is_counted_and_the_next_goes_on():
    one = recorded().run()
    rows = rows_of(one)
    start = [row for row in rows if row.kind == "happened"][-1]
    cut = [row for row in rows if row.id <= start.id]
    owed = len([row for row in rows if row.id > start.id and row.kind in LEFT_BEHIND])
    assert owed
    one.entries = []
    one.send(ev.StopRequested(one.now_ns, "pumpd", "restart"))
    one.wait(5 * S)
    made = Replay([*cut, *rows_of(one, boot="boot-2", first=len(cut) + 1)])
    assert made.differences == []
    assert made.infusions["s-1"].unwritten == owed
    assert made.infusions["s-1"].infusion == one.infusion
    alive = Replay([*cut, *rows_of(one, first=len(cut) + 1)])
    assert {difference.entry for difference in alive.differences} == {start.id}


def test_only_what_the_newest_event_owes_may_be_unwritten():
    """Rows go down in order: a later event on the disk shows that the process lived to write what came before."""
    rows = rows_of(recorded())
    ready = next(row for row in rows if row.kind == "state_changed" and row.fields["to"] == "ready")
    later = Record(len(rows) + 1, "ts", 0, "boot-1", "bed1", "s-1", "happened", '{"event":"time_passed","at_ns":1}', "")
    (difference,) = Replay([*(row for row in rows if row is not ready), later]).differences
    assert json.loads(difference.replayed) == ready.fields


def test_a_restart_begins_the_infusion_again_with_other_instants_and_nothing_else():
    one = recorded().run()
    one.wait(MIN)
    rows = rows_of(one)
    again = Entry("began", {"infusion": to_data(one.infusion.but(since_ns=7))}, "bed1", "s-1")
    one.infusion, one.entries = one.infusion.but(since_ns=7), [again]
    one.send(ev.StopRequested(one.now_ns, "pumpd", "restart"))
    one.wait(5 * S)
    made = Replay([*rows, *rows_of(one, boot="boot-2", first=len(rows) + 1)])
    assert made.differences == []
    assert made.infusions["s-1"].infusion == one.infusion
    other = to_data(infusion(STEPS, minutes=4))
    (difference, *_) = Replay(
        [*rows, replace(rows[0], id=len(rows) + 1, body=canonical({"infusion": other}))]
    ).differences
    assert (difference.entry, difference.kind) == (len(rows) + 1, "began")


def test_an_infusion_without_a_beginning_is_named_and_not_judged():
    rows = [row for row in rows_of(completed()) if row.kind not in ("began", "happened", "reading")]
    made = Replay(rows)
    assert (made.unrecorded, made.infusions, made.differences) == ({"s-1"}, {}, [])


def test_an_event_without_a_beginning_is_a_difference():
    rows = rows_of(completed())
    (difference, *_) = Replay(rows[1:]).differences
    assert (difference.entry, difference.kind) == (2, "happened")


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{", '{"event":"none"}', '{"event":"time_passed"}', "{}", "[" * 100_000]
)
@pytest.mark.parametrize("kind", ["began", "happened"])
def test_a_damaged_body_is_a_difference_and_never_a_crash(kind, body):
    rows = rows_of(completed())
    damaged = next(row for row in rows if row.kind == kind)
    made = Replay([replace(row, body=body) if row is damaged else row for row in rows])
    assert made.differences[0].entry == damaged.id


def test_a_defect_of_the_state_machine_is_replayed_as_it_was(monkeypatch):
    """What `advance` raised is in the journal, and the infusion stayed as it was."""
    rows = rows_of(recorded())
    event = Record(len(rows) + 1, "ts", 0, "boot-1", "bed1", "s-1", "happened", '{"event":"time_passed","at_ns":1}', "")
    said = {"error": "ZeroDivisionError('x')", "event": "TimePassed"}
    failed = Record(len(rows) + 2, "ts", 0, "boot-1", "bed1", "s-1", "internal_error", canonical(said), "")
    from pumpd.journal import fold

    real = fold.advance

    def broken(one, what):
        if isinstance(what, ev.TimePassed):
            raise ZeroDivisionError("x")
        return real(one, what)

    monkeypatch.setattr(fold, "advance", broken)
    assert Replay([*rows, event, failed]).differences == []
    assert len(Replay([*rows, event, changed(failed, error="other")]).differences) == 1


def test_every_row_that_the_state_machine_asks_for_is_compared():
    """A kind that `advance` begins to write and the replay does not know would go unjudged."""
    import re
    from pathlib import Path

    source = "".join(file.read_text() for file in (Path(ev.__file__).parent).rglob("*.py"))
    asked = set(re.findall(r"\bRecord\(\"(\w+)\"", source))
    assert "state_changed" in asked
    assert asked | {"alarm_raised", "alarm_cleared", "refused"} == LEFT_BEHIND
