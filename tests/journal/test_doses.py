"""From journal entries to doses: booked exactly when the end is on record, as the worst case when it is not."""

import contextlib
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
from pumpd.journal.retention import Retention, prune
from pumpd.quantities import Mass, Weight
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
        self.boot = "boot-1"
        self.ahead_min = 0  # by how much the wall clock is wrong

    def add(self, minutes, kind, session="s1", **body):
        wall = NOON + timedelta(minutes=minutes + self.ahead_min)
        ts, mono_ns = wall.isoformat(timespec="milliseconds"), int(minutes * MINUTE)
        number = len(self.entries) + 1
        self.entries.append(Record(number, ts, mono_ns, self.boot, "bed1", session, kind, canonical(body), ""))
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


@pytest.mark.requirement("PRG-14", "PRG-25")
def test_what_a_person_read_after_the_end_counts_if_it_is_more():
    recording = Recording().order(0).start(5).state(10, State.STOPPED).end(10, "2", booked_ml="3")
    assert recording.add(20, "delivery_reconciled", volume_ml="2.5").dose().worst == Mass(6)
    assert recording.add(30, "delivery_reconciled", volume_ml="5").dose().worst == Mass(10)


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


# -- by what a dose is known -------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-27")
def test_a_dose_has_the_substance_of_its_library_entry_with_its_codes():
    dose = whole().dose()
    assert dose.substance == {"ketamine", "rxnorm:6130", "unii:690G0D6V8H"}
    assert (dose.entry, dose.container, dose.weight, dose.weight_basis) == (
        "ketamine-2mg-ml",
        "50 mL",
        Weight(70),
        "actual",
    )
    assert dose.program.steps == PLANNED.pump_program.steps


@pytest.mark.requirement("PRG-27")
def test_a_dose_of_version_0_1_has_only_a_name_and_counts_by_it():
    fields = json.loads(canonical(PLANNED.fields))
    del fields["entry"]["substance"], fields["treatment"]
    fields["entry"]["drug"] = "Ketamin"
    recording = Recording().add(0, "order_accepted", program=fields).start(5).end(10, "2")
    assert recording.dose().substance == {"name:Ketamin"}
    assert recording.dose().treatment == ""
    library = LIBRARY.counted(LIBRARY.entries["ketamine-1mg-ml"])
    assert len(History.of(recording.doses(), "P-17", library).treatments) == 1


@pytest.mark.requirement("PRG-25")
def test_the_rest_of_a_treatment_is_a_delivery_of_it():
    rest = replace(PLANNED, treatment="s1")
    recording = Recording().order(0).start(5).state(10, State.STOPPED).end(10, "2")
    recording.order(20, "s2", rest).start(25, "s2").end(60, "15.5", "s2", outcome="completed")
    [treatment] = History.of(recording.doses(), "P-17", {"ketamine"}).treatments
    assert [each.session for each in treatment.deliveries] == ["s1", "s2"]
    assert (treatment.given, treatment.completed) == (Mass(35), True)


# -- corrected by two people -------------------------------------------------------------------------------------------

YEAR = 365 * 1440


def utc(minutes):
    return (NOON + timedelta(minutes=minutes)).isoformat()


def in_a_wrong_year():
    """Flow from 5 to 45, the end at 46, with a clock that was a year ahead; another order before and after."""
    recording = Recording().order(-60, "before")
    recording.ahead_min = YEAR
    recording.entries += [entry._replace(id=entry.id + 1) for entry in _ahead(whole().entries)]
    recording.ahead_min = 0
    return recording.order(120, "after")


def _ahead(entries):
    later = timedelta(minutes=YEAR)
    return [e._replace(ts=(datetime.fromisoformat(e.ts) + later).isoformat(timespec="milliseconds")) for e in entries]


@pytest.mark.requirement("PRG-28")
def test_a_corrected_dose_has_the_instants_of_the_correction():
    recording = in_a_wrong_year()
    assert recording.dose().suspect(ns(200))
    recording.add(300, "dose_corrected", started=utc(7), reason="the clock was a year ahead")
    dose = recording.dose()
    assert (dose.started_ns, dose.ended_ns, dose.seen_ns) == (ns(7), ns(48), ns(48))
    assert not dose.suspect(ns(200))
    assert (dose.given, dose.running, dose.uncertain) == (Mass(35), False, False)


@pytest.mark.requirement("PRG-28")
def test_a_clock_that_jumped_during_the_infusion_does_not_make_the_corrected_dose_last_a_year():
    """The monotonic clock shows how long it lasted."""
    recording = Recording().order(0).start(5).reading(20, "7")
    recording.ahead_min = YEAR
    recording.state(46, State.COMPLETED).end(47, "17.5", outcome="completed")
    assert recording.dose().ended_ns == ns(46 + YEAR)
    recording.add(300, "dose_corrected", started=utc(5))
    assert (recording.dose().started_ns, recording.dose().ended_ns, recording.dose().seen_ns) == (ns(5), ns(46), ns(47))


@pytest.mark.requirement("PRG-28")
def test_a_corrected_dose_that_a_dying_process_left_open_may_have_flowed_to_the_end_of_its_program():
    recording = Recording()
    recording.ahead_min = YEAR
    recording.order(0).start(5).reading(20, "7").add(300, "dose_corrected", started=utc(5))
    dose = recording.dose()
    assert dose.uncertain
    assert dose.ended_ns >= ns(20) + LONGEST_NS


@pytest.mark.requirement("PRG-28")
def test_between_two_processes_the_wall_clock_counts_unless_it_is_impossible():
    def lasted(jump_min):
        recording = Recording().order(0).start(5).reading(20, "7")
        recording.boot, recording.ahead_min = "boot-2", jump_min
        recording.add(30, "recovered").state(40, State.STOPPED).end(40, "8")
        recording.add(300, "dose_corrected", started=utc(5))
        return recording.dose().seen_ns - ns(5)

    assert lasted(0) == 35 * MINUTE
    assert lasted(YEAR) == 15 * MINUTE + PLANNED.duration.ns + 10 * MINUTE
    assert lasted(-YEAR) == 15 * MINUTE + PLANNED.duration.ns + 10 * MINUTE


@pytest.mark.requirement("PRG-28")
def test_the_last_correction_counts_and_a_restart_keeps_it(tmp_path):
    recording = in_a_wrong_year().add(300, "dose_corrected", started=utc(7)).add(301, "dose_corrected", started=utc(6))
    assert recording.dose().started_ns == ns(6)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite3", "boot-1")) as journal:
        for entry in recording.entries:
            row = Entry(entry.kind, entry.fields, entry.pump, entry.session, entry.mono_ns)
            journal.append([row], datetime.fromisoformat(entry.ts))
    again = Doses()
    with contextlib.closing(JournalReader(tmp_path / "journal.sqlite3")) as reader:
        again.take(reader.all())
    assert again.all() == recording.doses()


@pytest.mark.requirement("PRG-28")
def test_a_correction_that_cannot_be_read_makes_the_dose_uncertain_and_moves_nothing():
    recording = in_a_wrong_year().add(300, "dose_corrected", started="yesterday")
    dose = recording.dose()
    assert (dose.started_ns, dose.uncertain) == (ns(5 + YEAR), True)


@pytest.mark.requirement("PRG-28")
def test_the_order_of_the_entries_says_between_which_orders_a_dose_began():
    taken = Doses()
    taken.take(in_a_wrong_year().entries)
    limits = taken.possible("s1", ns(500))
    assert (limits.least_ns, limits.most_ns) == (ns(-60), ns(120))
    limits = taken.possible("s1", ns(130))  # it lasted 41 minutes from its first flow, and has ended
    assert (limits.least_ns, limits.most_ns) == (ns(-60), ns(89))


@pytest.mark.requirement("PRG-28", "AUD-04")
def test_a_correction_outlives_retention_like_the_dose_itself(tmp_path):
    recording = in_a_wrong_year().add(300, "dose_corrected", started=utc(7))
    later = NOON + timedelta(days=800)
    with contextlib.closing(Journal(tmp_path / "journal.sqlite3", "boot-1")) as journal:
        for entry in recording.entries:
            row = Entry(entry.kind, entry.fields, entry.pump, entry.session, entry.mono_ns)
            journal.append([row], datetime.fromisoformat(entry.ts))
        journal.append([Entry("course_ordered", {}), Entry("noted", {})], NOON)
        journal.append([Entry("noted", {})] * 5000 + [Entry("reading", {})], later)
        made, _ = prune(journal, later, Retention(), "test")
    assert made.count
    again = Doses()
    with contextlib.closing(JournalReader(tmp_path / "journal.sqlite3")) as reader:
        again.take(reader.all())
        kinds = [entry.kind for entry in reader.all() if datetime.fromisoformat(entry.ts) == NOON]
    assert again.all() == recording.doses()
    assert "course_ordered" in kinds
    assert "noted" not in kinds


# -- strange entries ---------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "s1", "s2"]), st.text(max_size=8)), max_size=5))
def test_unknown_kinds_are_ignored(strange):
    recording = whole()
    for place, session, text in strange:
        at = recording.entries[place].ts  # wall time continues
        recording.entries.insert(
            place, recording.entries[0]._replace(ts=at, session=session, written_kind=f"new_{text}", body=text)
        )
    assert recording.doses() == whole().doses()


@pytest.mark.parametrize("kind", ["infusion_ended", "stop_confirmed", "state_changed", "reading"])
@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"delivered_ml":"NaN","volume_infused_ml":[]}', "{"])
def test_an_unreadable_entry_makes_its_infusion_uncertain(kind, body):
    recording = Recording().order(0).start(5).add(6, kind)
    recording.entries[-1] = recording.entries[-1]._replace(body=body)
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
            doses.take(recording.entries)


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


def test_the_doses_of_a_patient_or_of_some_sessions_are_those_of_all():
    strangers = program(patient="P-18", ordered_by="dr-2", weight_again="70 kg", entry="ketamine-2mg-ml")
    recording = Recording()
    for session, planned in (("s1", PLANNED), ("s2", strangers), ("s3", PLANNED)):
        recording.order(0, session, planned).start(5, session)
    taken = Doses()
    taken.take(recording.entries)
    first, second, third = taken.all({"s3"})
    assert taken.of_patient("p-17", {"s3"}) == (first, third)
    assert taken.of_sessions({"s2", "s3", "s9"}, {"s3"}) == (second, third)


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
    for entry in reader.all():
        after.take([entry])
    reader.close()

    now_ns = ns(46) + 4 * 1440 * MINUTE + 1380 * MINUTE  # 23 hours after the last
    assert verdict(after.all(), now_ns) == verdict(before.all(), now_ns)
    past, refusals, _, where = verdict(after.all(), now_ns)
    assert [refusal.requirement for refusal in refusals] == ["PRG-17"]
    assert (where.maintenance, where.number, where.of) == (False, 4, 6)
    assert [infusion.worst for infusion in past.treatments] == [Mass(35)] * 3
