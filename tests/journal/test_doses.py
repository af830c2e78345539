"""From journal entries to doses: booked exactly when the end is on record, as the worst case when it is not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing.history import History, Wanted, position
from pumpd.dosing.history_limits import objections, warnings
from pumpd.infusion import State
from pumpd.journal import Entry, Journal, JournalError, JournalReader
from pumpd.journal.doses import Doses
from pumpd.journal.records import Record, canonical
from pumpd.quantities import Mass
from tests.dosing.samples import LIBRARY, program

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLANNED = program(patient="P-17", ordered_by="dr-2", weight_again="70 kg", entry="ketamine-2mg-ml")  # 35 mg, 17.5 mL
MINUTE = 60_000_000_000
LONGEST_NS = 40 * MINUTE  # 17.5 mL at 26.25 mL/h, which the sample pump rounds down to 26.2: a little longer


def ns(minutes):
    """The instant this many minutes after noon."""
    return int((NOON + timedelta(minutes=minutes)).timestamp()) * 1_000_000_000


class Recording:
    """Journal entries as control writes them, at minutes after noon."""

    def __init__(self):
        self.entries = []

    def add(self, minutes, kind, session="s1", **body):
        ts = (NOON + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
        self.entries.append(Record(len(self.entries) + 1, ts, 0, "boot-1", "bed1", session, kind, canonical(body), ""))
        return self

    def order(self, minutes, session="s1", planned=PLANNED):
        return self.add(minutes, "order_accepted", session, digest=planned.digest, program=planned.fields)

    def state(self, minutes, state, session="s1"):
        return self.add(minutes, "state_changed", session, to=state.value, may_flow=state.may_flow)

    def start(self, minutes, session="s1"):
        return self.add(minutes, "intent_start", session, vtbi_ml="17.5").state(minutes, State.STARTING, session)

    def reading(self, minutes, volume_ml, session="s1"):
        return self.add(minutes, "reading", session, volume_infused_ml=volume_ml, state="running")

    def end(self, minutes, volume_ml, session="s1", **body):
        self.add(minutes, "infusion_ended", session, delivered_ml=volume_ml, **body)
        return self

    def doses(self, live=()):
        taken = Doses()
        taken.take(self.entries)
        return taken.all(live)

    def dose(self, live=()):
        [only] = self.doses(live)
        return only


def whole():
    """An infusion from its order to its end, with everything given."""
    recording = Recording().order(0).state(1, State.READY).start(5).state(5, State.RUNNING).reading(20, "7")
    recording.reading(45, "17.5").state(45, State.COMPLETING).state(46, State.COMPLETED)
    return recording.end(46, "17.5", outcome="completed", booked_ml="17.5")


def test_a_whole_infusion_is_booked_as_the_pump_counted_it():
    dose = whole().dose()
    assert (dose.session, dose.patient, dose.drug) == ("s1", "P-17", "ketamine")
    assert (dose.ordered, dose.given, dose.still) == (Mass(35), Mass(35), Mass(0))
    assert (dose.started_ns, dose.ended_ns, dose.seen_ns) == (ns(5), ns(46), ns(46))
    assert not dose.running
    assert not dose.uncertain


def test_an_infusion_that_ended_early_is_booked_as_what_it_gave():
    recording = Recording().order(0).start(5).reading(10, "2").state(10, State.STOPPING)
    recording.add(11, "stop_confirmed", delivered_ml="2.05").state(11, State.STOPPED).end(11, "2.05", booked_ml="2.05")
    assert recording.dose().worst == Mass("4.1")  # at 2 mg/mL


def test_what_is_booked_above_the_counter_counts():
    """The counter was lost for a while: the end states what can have been given at most (COM-05)."""
    recording = Recording().order(0).start(5).state(10, State.STOPPED).end(10, "2", booked_ml="3")
    assert recording.dose().worst == Mass(6)
    assert Recording().order(0).start(5).state(10, State.STOPPED).end(10, "2").dose().worst == Mass(4)


def test_flow_ends_with_the_stop_and_not_when_the_trip_is_cleared():
    recording = Recording().order(0).start(5).state(10, State.STOPPING).state(11, State.TRIPPED)
    recording.reading(20, "2").state(90, State.STOPPED).end(90, "2")
    assert (recording.dose().ended_ns, recording.dose().seen_ns) == (ns(11), ns(90))


def test_an_infusion_with_pauses_lasts_from_its_first_flow_to_its_last():
    recording = Recording().order(0).start(5).state(10, State.PAUSING).state(11, State.PAUSED)
    recording.start(30).state(40, State.COMPLETED).end(40, "17.5")
    assert (recording.dose().started_ns, recording.dose().ended_ns) == (ns(5), ns(40))


def test_an_order_that_never_flowed_is_no_dose():
    recording = Recording().order(0).state(1, State.LOADING).reading(2, "0").state(3, State.ABANDONED).end(3, "0")
    assert recording.doses() == ()
    assert Recording().order(0).state(1, State.READY).doses() == ()


@pytest.mark.requirement("PRG-14")
def test_flow_started_at_the_pump_before_the_start_is_a_dose():
    recording = (
        Recording().order(0).state(1, State.READY).state(2, State.STOPPING).state(3, State.STOPPED).end(3, "0.5")
    )
    assert recording.dose().given == Mass(1)


def test_entries_after_the_end_change_nothing():
    """A pump's entries carry the session of its last infusion for days, and the clock may be set meanwhile."""
    assert whole().add(9000, "pump_unavailable").add(8999, "pump_ready").doses() == whole().doses()


@pytest.mark.requirement("PWR-13")
def test_the_doses_are_the_same_after_retention_removed_the_readings():
    pruned = whole()
    pruned.entries = [entry for entry in pruned.entries if entry.kind != "reading"]
    assert pruned.doses() == whole().doses()


# -- torn --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-14", "PWR-13")
def test_an_infusion_torn_at_any_entry_after_its_intent_counts_as_the_whole_program():
    entries = whole().entries
    intent = next(place for place, entry in enumerate(entries) if entry.kind == "intent_start")
    for kept in range(intent + 1, len(entries)):
        torn = Recording()
        torn.entries = entries[:kept]
        dose = torn.dose()
        assert dose.uncertain
        assert dose.worst == Mass(35)
        assert dose.ended_ns >= dose.seen_ns + LONGEST_NS


def test_a_torn_infusion_that_gave_more_than_was_ordered_counts_as_that():
    assert Recording().order(0).start(5).reading(44, "17.6").dose().worst == Mass("35.2")


def test_a_torn_infusion_may_have_flowed_until_its_program_would_have_ended():
    dose = Recording().order(0).start(5).dose()
    assert ns(45) < dose.ended_ns < ns(45) + MINUTE
    assert dose.seen_ns == ns(5)


@pytest.mark.requirement("PRG-14")
def test_a_running_infusion_still_has_the_rest_of_its_program_to_give():
    recording = Recording().order(0).start(5).reading(20, "7")
    dose = recording.dose(live={"s1"})
    assert (dose.given, dose.still, dose.worst) == (Mass(14), Mass(21), Mass(35))
    assert dose.running
    assert not dose.uncertain


@pytest.mark.requirement("PRG-14")
def test_an_order_that_waits_for_its_confirmation_has_its_whole_program_to_give():
    recording = Recording().order(0).state(1, State.READY)
    dose = recording.dose(live={"s1"})
    assert (dose.given, dose.still, dose.started_ns) == (Mass(0), Mass(35), ns(0))


def test_an_ended_infusion_is_not_live_even_if_listed_as_such():
    assert whole().doses(live={"s1"}) == whole().doses()


def test_flow_after_the_end_makes_the_whole_program_uncertain_again():
    recording = Recording().order(0).start(5).state(10, State.STOPPED).end(10, "2")
    assert recording.add(50, "unprescribed_flow", stopping=False).dose().worst == Mass(4)  # started by another person
    dose = recording.add(60, "unprescribed_flow", stopping=True).dose()
    assert dose.worst == Mass(35)
    assert dose.ended_ns >= ns(60) + LONGEST_NS


@pytest.mark.requirement("PRG-17")
def test_a_clock_that_was_set_back_during_an_infusion_moves_its_end_to_the_latest_possible():
    recording = (
        Recording().order(0).start(5).reading(20, "7").reading(-40, "8").state(-10, State.STOPPED).end(-10, "17.5")
    )
    dose = recording.dose()
    assert dose.seen_ns == ns(20)
    assert dose.ended_ns >= ns(20) + LONGEST_NS
    assert dose.worst == Mass(35)


# -- strange entries ---------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "s1", "s2"]), st.text(max_size=8)), max_size=5))
def test_unknown_kinds_are_ignored(strange):
    recording = whole()
    for place, session, text in strange:
        at = recording.entries[place].ts  # wall time continues
        recording.entries.insert(
            place, replace(recording.entries[0], ts=at, session=session, written_kind=f"new_{text}", body=text)
        )
    assert recording.doses() == whole().doses()


@pytest.mark.parametrize("kind", ["infusion_ended", "stop_confirmed", "state_changed", "reading"])
@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"delivered_ml":"NaN","volume_infused_ml":[]}', "{"])
def test_an_unreadable_entry_makes_its_infusion_uncertain(kind, body):
    recording = Recording().order(0).start(5).add(6, kind)
    recording.entries[-1] = replace(recording.entries[-1], body=body)
    assert recording.state(10, State.STOPPED).end(10, "2").dose().worst == Mass(35)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda program: program.pop("dose"),
        lambda program: program.update(dose="35"),
        lambda program: program.update(dose="35 g"),
        lambda program: program["entry"].update(concentration="2"),
        lambda program: program["prescription"].pop("patient"),
        lambda program: program["pump_program"].update(steps=[]),
    ],
)
def test_an_unreadable_order_is_an_error_now_and_later(spoil):
    fields = json.loads(canonical(PLANNED.fields))
    spoil(fields)
    recording = Recording().add(0, "noted", "").add(0, "order_accepted", program=fields).order(1, "s2")
    doses = Doses()
    for _ in range(2):
        with pytest.raises(JournalError, match="entry 2: the order cannot be read"):
            doses.take([entry for entry in recording.entries if entry.id > doses.last_id])


def test_a_second_order_under_the_same_session_hides_nothing():
    assert whole().order(50).doses() == whole().doses()


def test_a_volume_without_any_state_of_flow_is_a_dose_until_its_last_entry():
    dose = Recording().order(0).reading(3, "1").end(4, "1").dose()
    assert (dose.given, dose.started_ns, dose.ended_ns) == (Mass(2), ns(0), ns(4))


def test_a_dose_with_more_places_than_a_person_may_type_is_read():
    planned = program(patient="P-17", weight="77.77 kg", dose="0.3333 mg/kg")
    assert Recording().order(0, planned=planned).start(5).dose().ordered == Mass("25.920741")


def test_entries_of_a_session_without_an_order_are_ignored():
    assert Recording().start(5, "s9").end(6, "1", "s9").doses() == ()


# -- restart -----------------------------------------------------------------------------------------------------------


def verdict(doses, now_ns):
    entry = LIBRARY.entries["ketamine-1mg-ml"]
    past = History.of(doses, "P-17", {"ketamine"})
    wanted = Wanted(Mass(35), PLANNED.prescription.weight)
    rules = entry.course
    return (
        past,
        objections(past, wanted, now_ns, rules),
        warnings(past, wanted, now_ns, rules),
        position(past, wanted, now_ns, rules),
    )


@pytest.mark.requirement("PWR-13")
def test_course_spacing_and_daily_dose_are_the_same_after_a_restart(tmp_path):
    path, before = tmp_path / "journal.sqlite3", Doses()
    journal = Journal(path, "boot-1")
    for day in (0, 2, 4):
        session = f"s{day}"
        recording = Recording().order(0, session).start(5, session).reading(20, "7", session)
        recording.state(46, State.COMPLETED, session).end(46, "17.5", session, booked_ml="17.5")
        for entry in recording.entries:
            at = datetime.fromisoformat(entry.ts) + timedelta(days=day)
            before.take(journal.append([Entry(entry.kind, entry.fields, entry.pump, entry.session)], at))
    journal.close()

    Journal(path, "boot-2").close()
    reader, after = JournalReader(path), Doses()
    while entries := reader.after(after.last_id, limit=4):
        after.take(entries)
    reader.close()

    now_ns = ns(46) + 4 * 1440 * MINUTE + 1380 * MINUTE  # 23 hours after the last
    assert verdict(after.all(), now_ns) == verdict(before.all(), now_ns)
    past, refusals, _, where = verdict(after.all(), now_ns)
    assert [refusal.requirement for refusal in refusals] == ["PRG-17"]
    assert (where.maintenance, where.number, where.of) == (False, 4, 6)
    assert [infusion.worst for infusion in past.treatments] == [Mass(35)] * 3
