"""Deliberate breaks of the guards of the state machine, and the rule of the explorer that catches each.

A mutant is one text replaced in the source of one function; the function is compiled anew and put in place while the
mutant lives. A text that is no longer there, or is there twice, is an error: the list cannot rot in silence.
"""

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.infusion.explore import SLICES, Explorer, Found

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanations" / "exploration.md"
BEFORE, AFTER = "<!-- figures: written by python -m tests.infusion.explore --doc -->\n", "<!-- end of figures -->\n"

DEPTH = 25_000  # nodes of a mutant's own slice


@dataclass(frozen=True)
class Mutant:
    """`where` is module:function below pumpd.infusion. `caught_by` is a rule; empty says that another guard covers."""

    about: str
    where: str
    old: str
    new: str
    caught_by: str = ""
    slice: str = "start"
    also: "Mutant | None" = None  # broken at the same time, where each covers for the other

    @contextmanager
    def alive(self) -> Iterator[None]:
        function = _function(self.where)
        source = textwrap.dedent(inspect.getsource(function))
        if source.count(self.old) != 1:
            raise LookupError(f"{self.about}: {self.old!r} is there {source.count(self.old)} times in {self.where}")
        source = source.replace("@property\n", "").replace(self.old, self.new)
        good = function.__code__
        code = compile("from __future__ import annotations\n" + source, self.where, "exec")
        function.__code__ = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == good.co_name)
        try:
            with self.also.alive() if self.also else nullcontext():
                yield
        finally:
            function.__code__ = good


def _function(where: str) -> FunctionType:
    module, _, name = where.partition(":")
    found: Any = importlib.import_module(f"pumpd.infusion.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    if isinstance(found, property):
        found = found.fget
    assert isinstance(found, FunctionType), where
    return found


def caught(mutant: Mutant, everywhere: bool = False) -> Found | None:
    """The first rule that breaks while the mutant lives, in its slice, then, if asked for, in the others."""
    slices = sorted(SLICES, key=lambda each: each.name != mutant.slice)
    with mutant.alive():
        for each in slices if everywhere else slices[:1]:
            explorer = Explorer(replace(each, nodes=DEPTH if each is slices[0] else each.nodes)).run()
            if explorer.found:
                return next(iter(explorer.found.values()))
    return None


_NO = "False"
LOCKS = "interlocks."

_READ_BACK = Mutant(
    "`read_back.check` permits all: `_read_back` has left ARMED",
    LOCKS + "read_back:check",
    "return Refuse(reasons) if reasons else PERMIT",
    "return PERMIT",
)
_DIGEST = Mutant(
    "`confirmation.check` knows no digest: `faults` asked for it",
    LOCKS + "confirmation:check",
    "and confirmed.digest == infusion.segment.digest",
    "",
)
_EXPIRY = Mutant(
    "a confirmation never expires before the start",
    LOCKS + "confirmation:check",
    "if now_ns >= confirmed.expires_ns:",
    "if False:",
    "start_is_confirmed",
)

MUTANTS = (
    # interlocks
    Mutant(
        "an alarm beside flow is ignored",
        LOCKS + "pump_alarms:check",
        "    if infusion.state.may_flow:\n        return Trip(",
        "    if infusion.state.may_flow:\n        return PERMIT or Trip(",
        "alarm_stops",
        "alarm",
    ),
    Mutant(
        "an alarm without a name is ignored",
        LOCKS + "pump_alarms:check",
        "if not stopping and reading.state is not PumpState.ALARM:",
        "if not stopping:",
        "alarm_stops",
        "alarm",
    ),
    Mutant(
        "a start beside an alarm",
        LOCKS + "pump_alarms:check",
        'return Refuse((f"the pump reports',
        'return PERMIT or ((f"the pump reports',
        "start_is_idle",
        "alarm",
    ),
    Mutant(
        "flow at a stand is permitted",
        LOCKS + "front_panel:check",
        "if reading.state in (PumpState.STOPPED, PumpState.PAUSED):",
        "if True:",
        "flow_at_a_stand_stops",
        "panel",
    ),
    Mutant(
        "another rate is permitted",
        LOCKS + "front_panel:check",
        "if reading.rate not in near:",
        "if False:",
        "change_at_the_panel_stops",
        "panel",
    ),
    Mutant(
        "a stop at the panel is permitted",
        LOCKS + "front_panel:check",
        "or volume_given(infusion)",
        "or True",
        "change_at_the_panel_stops",
        "panel",
    ),
    Mutant(
        "too much volume is permitted",
        LOCKS + "window_volume:check",
        "if infusion.counted > infusion.segment.program.vtbi + over or",
        "if False and",
        "too_much_counted_stops",
        "counter",
    ),
    _EXPIRY,
    Mutant("any nonce", LOCKS + "confirmation:faults", "or given.nonce != challenge.nonce", "", "start_is_confirmed"),
    *(
        Mutant(
            f"any {name}",
            LOCKS + "confirmation:faults",
            f'("{name}", given.',
            f'("{name}", challenge.',
            "start_is_confirmed",
        )
        for name in ("action", "pump serial", "channel", "session", "gateway", "expiry")
    ),
    Mutant(
        "another rate reads back as equal",
        LOCKS + "read_back:differences",
        "if want.rate != have.rate:",
        "if False:",
        "read_back_before_ready",
    ),
    Mutant(
        "another volume reads back as equal",
        LOCKS + "read_back:differences",
        "if want.volume != have.volume:",
        "if False:",
        "read_back_before_ready",
    ),
    Mutant(
        "twice the rate is permitted",
        LOCKS + "flow_deviation:check",
        "if counted >= (",
        "if False and counted >= (",
        "twice_the_rate_stops",
        "flow",
    ),
    Mutant(
        "no growth is permitted",
        LOCKS + "flow_deviation:check",
        "if counted == ZERO and clear:",
        "if False:",
        "no_growth_stops",
        "flow",
    ),
    Mutant(
        "a flow too fast is only a warning",
        LOCKS + "flow_deviation:check",
        "if counted > expected:",
        "if False:",
        "faster_than_programmed_stops",
        "flow",
    ),
    Mutant(
        "volume and rate need not agree",
        LOCKS + "volume_mismatch:check",
        "if difference <= limits.mismatch_floor:",
        "if True:",
        "mismatch_stops",
        "sum",
    ),
    Mutant(
        "the counter may go back",
        LOCKS + "volume_mismatch:check",
        "infusion.reading.delivered < infusion.counted",
        _NO,
        "counter_going_back_stops",
        "counter",
    ),
    Mutant(
        "the whole volume at any time",
        LOCKS + "window_least_time:check",
        "if running >= infusion.window.least_ns:",
        "if True:",
        "whole_volume_not_too_soon",
        "sum",
    ),
    Mutant(
        "any mean rate",
        LOCKS + "window_rate:check",
        "return Trip(AlarmCode.WINDOW_TOO_FAST",
        "return PERMIT or Trip(AlarmCode.WINDOW_TOO_FAST",
        "mean_rate_is_bounded",
        "mean",
    ),
    Mutant(
        "flow past 105 % of the time",
        LOCKS + "window_most_time:closed",
        "if infusion.running_ns(now_ns) >= infusion.window.most_ns:",
        "if False:",
        "window_closes",
        "line",
    ),
    Mutant(
        "flow past 150 % in all",
        LOCKS + "window_most_time:closed",
        "if infusion.elapsed_ns(now_ns) >= infusion.window.elapsed_ns:",
        "if False:",
        "window_closes",
        "start",
    ),
    Mutant(
        "a closed window only refuses",
        LOCKS + "window_most_time:check",
        "if infusion.state.may_flow else",
        "if False else",
        "window_closes",
    ),
    Mutant(
        "one pause of any length",
        LOCKS + "pause_budget:used_up",
        "if now_ns - infusion.flow_ended_ns >= limits.pause_single_ns:",
        "if False:",
        "pause_is_bounded",
        "pause",
    ),
    Mutant(
        "pauses of any length in all",
        LOCKS + "pause_budget:used_up",
        "if infusion.paused_ns(now_ns) >= limits.pause_total_ns:",
        "if False:",
        "pause_is_bounded",
        "pause",
    ),
    Mutant(
        "a counter that is not at zero",
        LOCKS + "pump_idle:check",
        "if infusion.reading.delivered != ZERO:",
        "if False:",
        "start_is_idle",
        "counter",
    ),
    Mutant(
        "a pump that is not idle",
        LOCKS + "pump_idle:objections",
        "if reading.state is PumpState.STOPPED:",
        "if True:",
        "busy_pump_is_left_alone",
        "panel",
    ),
    Mutant(
        "an old reading renews",
        LOCKS + "link_freshness:check",
        "if age > infusion.limits.renewal_ns:",
        "if False:",
        "lease_rests_on_a_reading",
        "line",
    ),
    # what an event does
    Mutant(
        "confirmed in any state",
        "advance:_confirmation_given",
        "if infusion.state is not State.READY:",
        "if False:",
        "table_is_kept",
        "stand",
    ),
    Mutant(
        "a read-back from before the confirmation",
        "advance:_confirmation_given",
        "        read_back=None,\n",
        "",
        "start_is_read_back",
    ),
    Mutant(
        "a reading from before the confirmation",
        "advance:_confirmation_given",
        "        reading=None,\n",
        "",
        "start_is_idle",
    ),
    Mutant(
        "a challenge answered twice",
        "advance:_confirmation_given",
        "        challenge=None,\n",
        "",
        "start_is_confirmed",
    ),
    Mutant(
        "an answer to a start in any state",
        "advance:_start_answered",
        "if turn.infusion.state is not State.STARTING:",
        "if False:",
        "table_is_kept",
        "line",
    ),
    Mutant(
        "unknown is taken for done",
        "advance:_start_answered",
        "case Done():",
        "case Done() | Unknown():",
        "lost_start_is_uncertain",
    ),
    Mutant(
        "unknown is taken for refused",
        "advance:_start_answered",
        "turn.stop_flow(State.UNCERTAIN,",
        "turn.stop_flow(State.STOPPING,",
        "lost_start_is_uncertain",
    ),
    Mutant(
        "a refused start goes on",
        "advance:_start_answered",
        'turn.trip(AlarmCode.START_FAILED, "; ".join(reasons))',
        "pass",
        "refused_start_stops",
    ),
    Mutant(
        "resumed after any trip",
        "advance:_trips_cleared",
        "if final or infusion.started_ns is None:",
        "if infusion.started_ns is None:",
        "final_trip_ends",
        "alarm",
    ),
    Mutant(
        "cleared in any state",
        "advance:_trips_cleared",
        "if infusion.state is not State.TRIPPED:",
        "if False:",
        "table_is_kept",
        "alarm",
    ),
    Mutant(
        "the same trip for ever",
        "advance:_again_and_again",
        "return len(recent) >= limits.same_trips",
        "return False",
        "same_trip_again_ends",
        "again",
    ),
    Mutant(
        "any number of pauses",
        "advance:_pause_requested",
        "elif infusion.pauses >= infusion.limits.pauses:",
        "elif False:",
        "pauses_are_counted",
        "pauses",
    ),
    Mutant(
        "paused in any state",
        "advance:_pause_requested",
        "if infusion.state not in (State.STARTING, State.RUNNING):",
        "if False:",
        "table_is_kept",
        "pause",
    ),
    Mutant(
        "a remainder in any state",
        "advance:_segment_planned",
        "if infusion.state is not State.PAUSED:",
        "if False:",
        "table_is_kept",
        "line",
    ),
    Mutant(
        "resumed in any state",
        "advance:_resume_requested",
        "if infusion.state is not State.PAUSED:",
        "if False:",
        "an_end_is_an_end",
        "pause",
    ),
    Mutant(
        "given before is forgotten",
        "advance:_segment_planned",
        "        given_before=infusion.delivered,\n",
        "",
        "booked_covers_the_truth",
        "pause",
    ),
    Mutant(
        "a read-back in any state",
        "advance:_read_back",
        "if state not in (State.LOADING, State.ARMED):",
        "if False:",
        "table_is_kept",
        "line",
    ),
    Mutant(
        "a read-back that differs is ready",
        "advance:_read_back",
        "if state is State.LOADING and reasons:",
        "if False:",
        "read_back_before_ready",
    ),
    Mutant(
        "loaded in any state",
        "advance:_loaded",
        "if turn.infusion.state is not State.LOADING:",
        "if False:",
        "an_end_is_an_end",
        "line",
    ),
    Mutant(
        "a failing journal lets it run",
        "advance:_journal_failed",
        "elif state.may_flow and not state.ending:",
        "elif False:",
        "journal_failing_stops",
        "alarm",
    ),
    Mutant(
        "a failing journal lets it start",
        "advance:_journal_failed",
        "if state is State.ARMED:",
        "if False:",
        "start_is_confirmed",
        "alarm",
    ),
    Mutant("stop without a stop", "advance:_stop_requested", "    turn.send_stop()\n", "", "stop_is_taken"),
    Mutant("a stop is believed at once", "advance:_stop_requested", "if state.may_flow:", "if False:", "table_is_kept"),
    Mutant(
        "a restart lets it run",
        "advance:_control_restarted",
        "turn.trip(AlarmCode.CONTROL_RESTARTED, why)",
        "pass",
        "restart_starts_nothing",
        "stand",
    ),
    Mutant(
        "a restart forgets a start under way",
        "advance:_control_restarted",
        "elif state is State.STARTING:",
        "elif False:",
        "restart_in_starting_is_uncertain",
        "doubt",
    ),
    Mutant(
        "a restart keeps what was being prepared",
        "advance:_control_restarted",
        "turn.go(State.ABANDONED, why)",
        "pass",
        "restart_starts_nothing",
        "doubt",
    ),
    Mutant(
        "reconciled without a reason",
        "advance:_delivery_reconciled",
        "if len(event.reason.strip()) < LEAST_REASON:",
        "if False:",
        "reconciling_is_refused_when_wrong",
        "doubt",
    ),
    Mutant(
        "reconciled below the pump's count",
        "advance:_delivery_reconciled",
        "if event.volume < infusion.counted:",
        "if False:",
        "reconciling_is_refused_when_wrong",
        "doubt",
    ),
    Mutant(
        "reconciled without doubt",
        "advance:_delivery_reconciled",
        "if not infusion.in_doubt:",
        "if False:",
        "table_is_kept",
        "doubt",
    ),
    # the look at the whole
    Mutant(
        "a lease that lapsed permits",
        "judge:_flow",
        "now_ns >= infusion.lease_until_ns",
        _NO,
        "lapsed_lease_stops",
        "line",
    ),
    Mutant(
        "renewed against a refusal", "judge:_flow", "elif not refusals:", "else:", "lease_rests_on_a_reading", "line"
    ),
    Mutant(
        "the lease counts from now",
        "judge:_renew",
        "infusion.reading.asked_ns + limits.lease_ns",
        "turn.now_ns + limits.lease_ns",
        "lease_rests_on_a_reading",
    ),
    Mutant(
        "running before the answer",
        "judge:_progress",
        "if infusion.start_answered and seen",
        "if seen",
        "running_was_seen",
    ),
    Mutant(
        "running on a reading from before",
        "judge:_progress",
        "reading.asked_ns >= since",
        "True",
        "running_was_seen",
        "line",
    ),
    Mutant(
        "any time to see flow",
        "judge:_progress",
        "turn.now_ns - infusion.since_ns >= infusion.limits.flowing_within_ns",
        _NO,
        "no_flow_in_time_stops",
    ),
    Mutant(
        "flow after the volume is permitted",
        "judge:_progress",
        'return Trip(AlarmCode.PROGRAM_CHANGED, "the pump flows again after its volume was given")',
        "pass",
        "change_at_the_panel_stops",
        "panel",
    ),
    Mutant("completed at once", "judge:_progress", "and _stands_still(turn)", "", "completed_when_given", "line"),
    Mutant(
        "one reading proves a stop",
        "judge:_stands_still",
        ">= turn.infusion.limits.still_for_ns",
        ">= 0",
        "stop_is_proved",
    ),
    Mutant(
        "an alarm during a stop is not latched",
        "judge:_ending",
        "(pump_alarms.check, window_volume.check)",
        "(window_volume.check,)",
        "trip_ends_tripped",
        "alarm",
    ),
    Mutant(
        "too much volume during a stop is not latched",
        "judge:_ending",
        "(pump_alarms.check, window_volume.check)",
        "(pump_alarms.check,)",
        "trip_ends_tripped",
        "counter",
    ),
    Mutant(
        "a trip ends as a stop",
        "judge:_ending",
        "State.TRIPPED if infusion.trips else",
        "",
        "trip_ends_tripped",
        "alarm",
    ),
    Mutant(
        "an unconfirmed stop is silent",
        "judge:_ending",
        "        turn.raise_alarm(AlarmCode.STOP_UNCONFIRMED)\n",
        "",
        "unconfirmed_stop_alarms",
    ),
    Mutant(
        "a stop is sent once",
        "judge:_ending",
        "turn.now_ns - (infusion.stop_sent_ns or 0) >= limits.stop_retry_ns",
        _NO,
        "stop_is_repeated",
    ),
    Mutant(
        "nobody looks at a pump that stands",
        "judge:_waiting",
        "if isinstance(panel, Trip):",
        "if False:",
        "flow_at_a_stand_stops",
        "panel",
    ),
    Mutant("a pause never ends", "judge:_waiting", "if closed or used_up:", "if False:", "pause_is_bounded", "pause"),
    Mutant(
        "any time between confirmation and start",
        "judge:_armed",
        "turn.now_ns - infusion.since_ns >= infusion.limits.read_back_within_ns",
        _NO,
        "start_is_prompt",
        "line",
    ),
    Mutant(
        "a reading asked before the confirmation",
        "judge:_armed",
        "infusion.reading.asked_ns >= infusion.since_ns",
        "True",
        "start_is_idle",
        "line",
    ),
    Mutant("a start against refusals", "judge:_armed", "if reasons:", "if False:", "start_is_confirmed"),
    Mutant(
        "a start that is not journalled",
        "judge:_start",
        'turn.do(Record("intent_start", {**intent, "confirmed_by": infusion.confirmed_by}))',
        "pass",
        "start_is_journalled",
    ),
    Mutant(
        "a busy pump is programmed", "judge:_ordered", "if reasons:", "if False:", "busy_pump_is_left_alone", "alarm"
    ),
    # what is observed, booked and sent
    Mutant(
        "the count goes back with the counter",
        "observe:observe",
        "max(infusion.counted, reading.delivered) if counting",
        "reading.delivered if counting",
        "counter_going_back_stops",
        "counter",
    ),
    Mutant(
        "nothing counts once a stop was sent",
        "observe:observe",
        "counting = infusion.state.may_flow",
        "counting = infusion.state is State.RUNNING",
        "booked_covers_the_truth",
        "pause",
    ),
    Mutant(
        "a flowing pump proves a stop",
        "observe:_still_since",
        "reading.state.flowing or",
        "",
        "stop_is_repeated",
        "pause",
    ),
    Mutant(
        "a reading from before proves a stop",
        "observe:_still_since",
        "reading.asked_ns < infusion.stop_since_ns",
        _NO,
        "stop_is_repeated",
        "line",
    ),
    Mutant(
        "a counter that moves proves a stop",
        "observe:_still_since",
        "and last.delivered == reading.delivered",
        "",
        "stop_is_proved",
        "counter",
    ),
    Mutant(
        "the worst case is not booked",
        "model:Infusion.booked",
        "ZERO if last is None else self.could_give(now_ns - last)",
        "ZERO",
        "booked_covers_the_truth",
    ),
    Mutant(
        "the stop is sent last",
        "turn:Turn.send_stop",
        "self.actions.insert(0, StopPump())",
        "self.actions.append(StopPump())",
        "stop_goes_first",
    ),
    Mutant(
        "a stand from before proves a stop",
        "turn:Turn.stop_flow",
        ', "still_since_ns": None',
        "",
        "stop_is_repeated",
        "alarm",
    ),
    Mutant(
        "trips do not latch",
        "turn:Turn.latch",
        "if code not in self.infusion.trips:",
        "if False:",
        "alarm_stops",
        "alarm",
    ),
    Mutant(
        "uncertain is no flow",
        "states:State.may_flow",
        "return self in _MAY_FLOW",
        'return self in _MAY_FLOW and self != "uncertain"',
        "no_flow_where_none_is_said",
    ),
    # broken together, because each covers for the other
    Mutant(
        "nobody asks whether the read-back differs before the start",
        "advance:_read_back",
        "elif reasons:",
        "elif False:",
        "start_is_read_back",
        "panel",
        also=_READ_BACK,
    ),
    Mutant(
        "nobody asks for the digest",
        LOCKS + "confirmation:faults",
        '("program digest", given.',
        '("program digest", challenge.',
        "start_is_confirmed",
        also=_DIGEST,
    ),
    Mutant(
        "nobody asks for the expiry",
        LOCKS + "confirmation:faults",
        "if now_ns >= challenge.expires_ns:",
        "if False:",
        "start_is_confirmed",
        also=_EXPIRY,
    ),
    # covered: the break alone changes nothing that matters, and the text says what else holds
    Mutant(
        "a read-back that differs leaves ARMED: `read_back.check` refuses the start",
        "advance:_read_back",
        "elif reasons:",
        "elif False:",
    ),
    _READ_BACK,
    _DIGEST,
    Mutant(
        "any digest is accepted: `confirmation.check` refuses the start",
        LOCKS + "confirmation:faults",
        '("program digest", given.',
        '("program digest", challenge.',
    ),
    Mutant(
        "accepted after its expiry: `confirmation.check` refuses the start",
        LOCKS + "confirmation:faults",
        "if now_ns >= challenge.expires_ns:",
        "if False:",
    ),
    Mutant(
        "a request acted on twice: its challenge is gone",
        "advance:_confirmation_given",
        "if request in infusion.requests:",
        "if False:",
    ),
    Mutant("a stop keeps the confirmation: ARMED sets it anew", "turn:Turn.stop_flow", "confirmed=None, ", ""),
    Mutant(
        "a step outside the table: no event asks for one",
        "turn:Turn.go",
        "if state not in TRANSITIONS[old]:",
        "if False:",
    ),
    Mutant(
        "the pause budget at the start: every event in ARMED asks it",
        LOCKS + "pause_budget:check",
        "return PERMIT if why is None else Refuse((why,))",
        "return PERMIT",
    ),
)


def table() -> str:
    lines = ["| mutant | where | caught by | in slice |", "|---|---|---|---|"]
    for mutant in MUTANTS:
        found = caught(mutant, everywhere=True)
        lines.append(row(mutant, found))
    return "\n".join(lines) + "\n"


def row(mutant: Mutant, found: Found | None) -> str:
    by = f"`{found.rule}` | {found.slice}" if found else "nothing, covered twice |"
    return f"| {mutant.about} | `{mutant.where}` | {by} |"


def write_page(figures: str, mutants: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEFORE)
    _, tail = rest.split(AFTER)
    PAGE.write_text(f"{head}{BEFORE}\n{figures}\n{mutants}\n{AFTER}{tail}", encoding="utf-8")
