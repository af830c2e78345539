"""Each interlock at its very edge: the last value that it permits, and the next one."""

from dataclasses import replace

import pytest

from pumpd.infusion import Infusion, Limits, State
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import (
    PERMIT,
    Permit,
    Refuse,
    Trip,
    Verdict,
    flow_deviation,
    link_freshness,
    near_end,
    pause_budget,
    pump_battery,
    volume_mismatch,
    window_least_time,
    window_most_time,
    window_program,
    window_rate,
    window_volume,
)
from pumpd.infusion.model import Sample
from pumpd.pump import AlarmCode, PumpState, Reading
from pumpd.quantities import Duration, Rate, Volume
from tests.infusion.bench import MIN, S, infusion, program

AT = 20 * MIN  # an instant of a running infusion, of which 52.5 mL/h have given 17.5 mL
LEAST = Volume("0.000001")  # the least difference that these tests make


def running(**changes: object) -> Infusion:
    """35 mL at 52.5 mL/h, started at 0, read at AT; its five minutes of samples are those of the program."""
    fields: dict[str, object] = {
        "state": State.RUNNING,
        "started_ns": 0,
        "flow_since_ns": 0,
        "reading": reading(),
        "counted": Volume("17.5"),
        "integral": Volume("17.5"),
        "samples": (Sample(15 * MIN, Volume("13.125")), Sample(AT, Volume("17.5"))),
    }
    return infusion().but(**fields | changes)


def reading(at_ns: int = AT, state: PumpState = PumpState.INFUSING, rate: str = "52.5", ml: str = "17.5") -> Reading:
    return Reading(at_ns, at_ns, state, Rate(rate), Volume(ml))


def trips(verdict: Verdict) -> AlarmCode | None:
    return verdict.alarm if isinstance(verdict, Trip) else None


# -- volume (RUN-04, PRG-25) -------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-04")
def test_a_count_of_the_program_and_its_allowance_is_permitted_and_the_least_more_trips():
    most = Volume("35.05")
    assert window_volume.check(running(counted=most), AT) is PERMIT
    assert trips(window_volume.check(running(counted=most + LEAST), AT)) is AlarmCode.OVER_DELIVERY


@pytest.mark.requirement("RUN-04")
def test_more_than_the_segment_s_own_program_trips_though_the_prescription_is_not_reached():
    """The program is the prescription rounded down to the pump's grid: up to 1 % less."""
    rounded = ev.Segment("digest-1", program(("52", "34.7")))
    here = running(segment=rounded, counted=Volume("34.75"))
    assert window_volume.check(here, AT) is PERMIT
    assert here.delivered < here.prescribed
    assert trips(window_volume.check(here.but(counted=Volume("34.75") + LEAST), AT)) is AlarmCode.OVER_DELIVERY


@pytest.mark.requirement("RUN-04")
def test_all_segments_together_give_the_prescription_and_its_allowance_and_no_more():
    rest = ev.Segment("digest-2", program(("52.5", "30")))
    here = running(segment=rest, given_before=Volume("10.05"), counted=Volume(25))
    assert window_volume.check(here, AT) is PERMIT
    more = here.but(given_before=Volume("10.05") + LEAST)
    assert trips(window_volume.check(more, AT)) is AlarmCode.OVER_DELIVERY
    part = more.but(of_treatment=Volume(40))  # the treatment would allow more, this delivery does not
    assert trips(window_volume.check(part, AT)) is AlarmCode.OVER_DELIVERY


@pytest.mark.requirement("PRG-25", "RUN-04")
def test_all_deliveries_together_give_the_treatment_and_its_allowance_and_no_more():
    here = running(of_treatment=Volume(40), earlier=Volume("22.55"))
    assert window_volume.check(here, AT) is PERMIT
    assert trips(window_volume.check(here.but(earlier=Volume("22.55") + LEAST), AT)) is AlarmCode.OVER_DELIVERY


# -- the window (WIN-02 to WIN-04) -------------------------------------------------------------------------------------


@pytest.mark.requirement("WIN-02")
@pytest.mark.parametrize("counted", ["34.95", "35"])
def test_the_whole_volume_may_be_given_at_thirty_eight_minutes_and_not_a_nanosecond_before(counted):
    whole = running(counted=Volume(counted))
    assert window_least_time.check(whole, 38 * MIN) is PERMIT
    assert trips(window_least_time.check(whole, 38 * MIN - 1)) is AlarmCode.WINDOW_TOO_FAST
    assert window_least_time.check(whole.but(counted=Volume("34.95") - LEAST), 38 * MIN - 1) is PERMIT


@pytest.mark.requirement("WIN-02", "PRG-25")
def test_the_flow_of_earlier_deliveries_counts_for_the_least_time():
    rest = running(counted=Volume(35), earlier_flow_ns=8 * MIN)
    assert window_least_time.check(rest, 30 * MIN) is PERMIT
    assert trips(window_least_time.check(rest, 30 * MIN - 1)) is AlarmCode.WINDOW_TOO_FAST


@pytest.mark.requirement("WIN-03", "WIN-04", "PRG-25")
@pytest.mark.parametrize(
    ("changes", "edge_ns"),
    [
        ({}, 42 * MIN),
        ({"earlier_flow_ns": 2 * MIN}, 40 * MIN),
        ({"flow_ended_ns": 41 * MIN}, 60 * MIN),
        ({"flow_ended_ns": 41 * MIN, "closes_ns": 50 * MIN}, 50 * MIN),
    ],
    ids=["flow", "flow of the treatment", "with pauses", "of the treatment"],
)
def test_a_window_is_closed_at_its_end_and_open_a_nanosecond_before(changes, edge_ns):
    here = running(**changes)
    assert window_most_time.check(here, edge_ns - 1) is PERMIT
    assert trips(window_most_time.check(here, edge_ns)) is AlarmCode.WINDOW_CLOSED
    assert window_most_time.check(here.but(started_ns=None), edge_ns) is PERMIT


@pytest.mark.requirement("PRG-25")
def test_a_delivery_starts_only_if_its_program_ends_within_the_time_for_the_treatment():
    armed = running(state=State.ARMED, started_ns=None, flow_since_ns=None, closes_ns=60 * MIN)
    assert armed.segment.program.duration == Duration(40 * 60)
    assert window_most_time.check(armed, 20 * MIN) is PERMIT
    assert isinstance(window_most_time.check(armed, 20 * MIN + 1), Refuse)


@pytest.mark.requirement("PRG-25")
def test_the_time_left_is_that_of_what_is_left_of_the_program():
    paused = running(state=State.PAUSED, closes_ns=60 * MIN)  # 17.5 mL, so 20 minutes, are left
    assert not window_most_time.no_time_left(paused, 40 * MIN)
    assert window_most_time.no_time_left(paused, 40 * MIN + 1)
    assert not window_most_time.no_time_left(paused.but(started_ns=None), 40 * MIN + 1)
    assert not window_most_time.no_time_left(paused.but(closes_ns=None), 40 * MIN + 1)
    assert not window_most_time.no_time_left(paused.but(counted=Volume(35)), 60 * MIN)


@pytest.mark.requirement("PRG-15", "WIN-11")
def test_a_step_that_gives_a_quarter_too_much_over_the_window_is_the_fastest():
    """35 mL in 38 min and a quarter more: 43.75 mL, at 3600 / 2280 s of that."""
    window = infusion().window
    fits, too_fast = Rate("69.078947"), Rate("69.078949")
    assert fits.volume_in(Duration.from_ns(window.least_ns)) <= Volume("43.75")
    for rate, permitted in ((fits, True), (too_fast, False)):
        held = ev.Segment("digest-1", program((rate.number, "35")))
        assert isinstance(window_program.check(running(segment=held), AT), Permit) is permitted
    exact = running(
        segment=ev.Segment("digest-1", program(("75", "35"))), prescribed=Volume(38), of_treatment=None
    )  # 75 mL/h for 38 min are 47.5 mL, and 38 mL and a quarter more, too
    assert window_program.check(exact, AT) is PERMIT


# -- five minutes (WIN-02) ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("WIN-02")
def test_five_minutes_may_give_105_percent_and_the_slack_and_no_more():
    """4.375 mL are programmed in five minutes: 4.59375 mL are 105 %, and 0.02 mL are the slack."""
    most = Volume("13.125") + Volume("4.59375") + Volume("0.02")
    assert window_rate.check(running(counted=most), AT) is PERMIT
    assert trips(window_rate.check(running(counted=most + LEAST), AT)) is AlarmCode.WINDOW_TOO_FAST


@pytest.mark.requirement("WIN-02")
def test_less_than_five_minutes_are_not_evaluated():
    younger = (Sample(15 * MIN + 1, Volume("13.125")), Sample(AT, Volume("17.5")))
    assert window_rate.check(running(samples=younger, counted=Volume(19)), AT) is PERMIT
    older = (replace(younger[0], at_ns=15 * MIN), younger[1])
    assert trips(window_rate.check(running(samples=older, counted=Volume(19)), AT)) is AlarmCode.WINDOW_TOO_FAST


@pytest.mark.requirement("WIN-02")
def test_five_minutes_are_evaluated_with_the_reading_of_their_newest_sample_while_running():
    fast = running(counted=Volume(19))
    assert trips(window_rate.check(fast, AT)) is AlarmCode.WINDOW_TOO_FAST
    assert window_rate.check(fast.but(reading=reading(AT + S)), AT + S) is PERMIT
    assert window_rate.check(fast.but(reading=None), AT) is PERMIT
    assert window_rate.check(fast.but(samples=()), AT) is PERMIT
    assert window_rate.check(fast.but(state=State.COMPLETING), AT) is PERMIT


# -- the counter against the program (RUN-02) --------------------------------------------------------------------------


def sampled(
    seconds: int, counted: str, *, rate: str = "52.5", limits: Limits | None = None, **changes: object
) -> Infusion:
    """A flow of which the oldest and the newest sample are so many seconds old; `counted` was counted since them."""
    start = Volume(10)
    begun = Sample(AT - seconds * S, start)
    fields: dict[str, object] = {
        "segment": ev.Segment("digest-1", program((rate, "35"))),
        "samples": (begun,),
        "counted": start + Volume(counted),
        "limits": limits or Limits(),
    }
    return running(**fields | changes)


@pytest.mark.requirement("RUN-02")
def test_twice_the_flow_stops_from_its_edge_on():
    """144 mL/h give 0.2 mL in 5 s: twice that less the slack of 0.02 mL is free flow, and the least less is not."""
    here = sampled(5, "0.38", rate="144")
    assert trips(flow_deviation.check(here, AT)) is AlarmCode.FREE_FLOW
    assert flow_deviation.check(here.but(counted=here.counted - LEAST), AT) is PERMIT


@pytest.mark.requirement("RUN-02")
def test_less_than_five_seconds_are_not_evaluated_and_five_are():
    fast = sampled(5, "0.38", rate="144")
    young = fast.but(samples=(Sample(AT - 5 * S + 1, Volume(10)),))
    assert trips(flow_deviation.check(fast, AT)) is AlarmCode.FREE_FLOW
    assert flow_deviation.check(young, AT) is PERMIT


@pytest.mark.requirement("RUN-02")
def test_a_flow_too_small_to_be_clear_is_evaluated_over_the_whole_period_and_with_the_slack_on_the_other_side():
    """28.8 mL/h give 0.04 mL in 5 s, twice the slack: not clear, so only more than twice and the slack is free flow."""
    here = sampled(5, "0.1", rate="28.8")
    assert trips(flow_deviation.check(here, AT)) is AlarmCode.FREE_FLOW
    assert flow_deviation.check(here.but(counted=here.counted - LEAST), AT) is PERMIT
    assert flow_deviation.check(sampled(5, "0", rate="28.8"), AT) is PERMIT, "nothing counted shows nothing yet"
    clear = sampled(5, "0", rate="28.9")
    assert trips(flow_deviation.check(clear, AT)) is AlarmCode.NOT_FLOWING
    assert flow_deviation.check(clear.but(counted=clear.counted + LEAST), AT) is PERMIT


@pytest.mark.requirement("RUN-02")
def test_the_youngest_clear_period_is_evaluated_and_of_an_unclear_flow_the_longest():
    """The last 10 s gave twice as much, the five minutes before were right."""
    samples = (Sample(15 * MIN, Volume("13.125")), Sample(AT - 10 * S, Volume("17.35")))
    burst = running(samples=samples, counted=Volume("17.35") + Volume("0.29"))
    assert trips(flow_deviation.check(burst, AT)) is AlarmCode.FREE_FLOW
    coarse = Limits().for_counter(Volume("0.1"))  # 0.15 mL in 10 s do not show in steps of 0.1 mL
    assert flow_deviation.check(burst.but(limits=coarse), AT) is PERMIT
    step = burst.but(limits=coarse, counted=Volume("17.35") + Volume("0.42"))  # nor does more than twice and the slack
    assert flow_deviation.check(step, AT) is PERMIT
    long = burst.but(
        limits=coarse, counted=Volume("13.125") + Volume("8.66")
    )  # twice 4.375 less 0.12, over five minutes
    assert trips(flow_deviation.check(long, AT)) is AlarmCode.FREE_FLOW


@pytest.mark.requirement("RUN-02")
def test_nothing_is_evaluated_without_flow_reading_or_samples():
    here = sampled(5, "0.38", rate="144")
    for changes in (
        {"state": State.STARTING},
        {"reading": None},
        {"samples": ()},
        {"reading": reading(state=PumpState.STOPPED)},
    ):
        assert flow_deviation.check(here.but(**changes), AT) is PERMIT


@pytest.mark.requirement("RUN-02")
def test_a_deviation_is_evaluated_from_sixty_seconds_on():
    """1.2 mL in 60 s at 72 mL/h; a tenth more is more than 2 % and than 0.5 mL/h, and less than twice."""

    def over(ns: int) -> Verdict:
        here = sampled(60, "1.32", rate="72")
        samples = (Sample(AT - ns, Volume(10)), Sample(AT, Volume("11.32")))
        return flow_deviation.check(here.but(samples=samples), AT)

    assert trips(over(60 * S)) is AlarmCode.FLOW_DEVIATION
    assert over(60 * S - 1) is PERMIT


@pytest.mark.requirement("RUN-02")
@pytest.mark.parametrize(
    ("seconds", "rate", "allowed"),
    [
        (60, "12", "0.02833"),  # 0.2 mL programmed: 0.5 mL/h are 0.00833 mL, more than 2 %
        (60, "72", "0.044"),  # 1.2 mL programmed: 2 % are 0.024 mL, more than 0.5 mL/h
    ],
)
def test_a_deviation_up_to_its_limit_is_permitted_and_beyond_it_stops_or_warns(seconds, rate, allowed):
    given = Rate(rate).volume_in(Duration(seconds))
    limit = Volume(allowed)

    def counted(volume: Volume) -> Verdict:
        here = sampled(seconds, "0", rate=rate).but(counted=Volume(10) + volume)
        return flow_deviation.check(here.but(samples=(*here.samples, Sample(AT, here.counted))), AT)

    assert counted(given + limit) is PERMIT
    assert counted(given - limit) is PERMIT
    more = limit + Volume("0.00001")
    assert trips(counted(given + more)) is AlarmCode.FLOW_DEVIATION
    assert counted(given - more) == Permit((AlarmCode.FLOW_DEVIATION,)), "too little is no danger: it warns"


@pytest.mark.requirement("RUN-02")
def test_between_two_samples_a_warning_stays_as_it_is():
    here = sampled(60, "1.1", rate="72")  # too little
    assert flow_deviation.check(here, AT) is PERMIT
    warned = here.but(alarms=frozenset({AlarmCode.FLOW_DEVIATION}))
    assert flow_deviation.check(warned, AT) == Permit((AlarmCode.FLOW_DEVIATION,))
    new = here.but(samples=(*here.samples, Sample(AT, here.counted)))
    assert flow_deviation.check(new, AT) == Permit((AlarmCode.FLOW_DEVIATION,))


# -- integral against counter (RUN-03) ---------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-03")
@pytest.mark.parametrize("sign", [1, -1])
def test_counter_and_rate_may_differ_by_a_tenth_of_a_millilitre_or_two_percent(sign):
    def differ(counted: str, by: Volume) -> Verdict:
        of = Volume(counted)
        return volume_mismatch.check(running(integral=of, counted=of + by.times(sign), reading=None), AT)

    for counted, most in (("1", "0.1"), ("20", "0.4")):
        assert differ(counted, Volume(most)) is PERMIT
        assert trips(differ(counted, Volume(most) + LEAST)) is AlarmCode.VOLUME_MISMATCH


@pytest.mark.requirement("RUN-03")
def test_a_counter_may_stay_and_never_go_back():
    assert volume_mismatch.check(running(reading=reading(ml="17.5")), AT) is PERMIT
    back = running(reading=reading(ml="17.499999"))
    assert trips(volume_mismatch.check(back, AT)) is AlarmCode.VOLUME_MISMATCH
    assert volume_mismatch.check(back.but(state=State.COMPLETING), AT) is PERMIT


# -- pauses, readings, notices, battery --------------------------------------------------------------------------------


@pytest.mark.requirement("WIN-05")
def test_a_pause_is_used_up_at_five_minutes_and_all_at_ten_and_not_before():
    paused = running(state=State.PAUSED, flow_ended_ns=AT)
    assert pause_budget.check(paused, AT + 5 * MIN - 1) is PERMIT
    assert isinstance(pause_budget.check(paused, AT + 5 * MIN), Refuse)
    third = paused.but(flow_since_ns=8 * MIN)  # 8 minutes of pauses before this one
    assert pause_budget.check(third, AT + 2 * MIN - 1) is PERMIT
    assert isinstance(pause_budget.check(third, AT + 2 * MIN), Refuse)
    for changes in ({"started_ns": None}, {"flow_ended_ns": None}, {"state": State.RUNNING}):
        assert pause_budget.check(third.but(**changes), AT + 10 * MIN) is PERMIT


@pytest.mark.requirement("RUN-01", "COM-01")
def test_a_reading_is_fresh_for_two_seconds_and_late_after_five():
    here = running()
    assert link_freshness.check(here, AT + 2 * S) is PERMIT
    assert isinstance(link_freshness.check(here, AT + 2 * S + 1), Refuse)
    assert link_freshness.warnings(here, AT + 5 * S) == ()
    assert link_freshness.warnings(here, AT + 5 * S + 1) == (AlarmCode.READING_STALE,)
    assert link_freshness.warnings(here.but(reading=None), AT) == (AlarmCode.READING_STALE,)
    assert link_freshness.warnings(here.but(link_lost=True), AT) == (AlarmCode.LINK_LOST,)
    assert isinstance(link_freshness.check(here.but(reading=None), AT), Refuse)


@pytest.mark.requirement("RUN-12")
def test_the_notice_comes_when_three_minutes_are_left_at_the_program_s_own_rates():
    """52.5 mL/h give 2.625 mL in three minutes. Of two steps, the last minute gives 1 mL, the two before 1 mL."""
    here = running(counted=Volume("32.375"))
    assert near_end.check(here, AT) == Permit((AlarmCode.NEAR_END,))
    assert near_end.check(here.but(counted=Volume("32.374999")), AT) is PERMIT
    stepped = running(segment=ev.Segment("digest-1", program(("30", "34"), ("60", "1"))), counted=Volume("33"))
    assert near_end.check(stepped, AT) == Permit((AlarmCode.NEAR_END,))
    assert near_end.check(stepped.but(counted=Volume("33") - LEAST), AT) is PERMIT
    assert near_end.check(here.but(state=State.COMPLETING), AT) is PERMIT
    assert near_end.check(here.but(limits=replace(Limits(), near_end_ns=0), counted=Volume(35)), AT) is PERMIT


@pytest.mark.requirement("STA-13")
def test_the_battery_s_limits_are_themselves_inside():
    def at(state: State, minutes: int | None, **changes: object) -> Verdict:
        power = {"mains": False, "battery_left_min": minutes}
        return pump_battery.check(running(state=state, reading=replace(reading(), **power), **changes), AT)

    assert at(State.ARMED, 60, started_ns=None) is PERMIT
    assert isinstance(at(State.ARMED, 59, started_ns=None), Refuse)
    assert at(State.ARMED, 59) is PERMIT, "a resume is not refused"
    assert at(State.RUNNING, 30) is PERMIT
    assert at(State.RUNNING, 29) == Permit((AlarmCode.BATTERY_LOW,))
    assert at(State.RUNNING, 10) == Permit((AlarmCode.BATTERY_LOW,))
    assert at(State.RUNNING, 9) == Permit((AlarmCode.BATTERY_ENDING,))
    assert at(State.RUNNING, None) is PERMIT
    assert pump_battery.check(running(reading=None), AT) is PERMIT
