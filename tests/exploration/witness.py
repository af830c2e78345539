"""What the witness notes: an event when it arrives, and the actions with which the infusion answers it."""

from pumpd.infusion import Infusion, State
from pumpd.infusion import events as ev
from pumpd.pump import Done, PumpState, Reading, Unknown
from pumpd.quantities import NS_PER_S, Volume
from tests.exploration.slices import HALF, NEVER, NORMAL, PATIENT, RATES, TICK, Slice, place, units
from tests.exploration.world import Line, Recorded, World, ordered


def note_event(sl: Slice, i: Infusion, w: World, event: ev.Event) -> World:
    """What the witness notes when an event arrives, before the infusion answers it."""
    match event:
        case ev.ReadingTaken(reading=reading):
            if w.doubted is not None:
                return w._replace(quiet=reading.state in NO_FLOW)
            return _note_reading(i, w, reading)
        case ev.PumpDoubted(others=others) if not i.state.ended:
            return w._replace(
                doubted=w.now,
                others=others,
                mismatched=False,
                quiet=False,
                open=None,
                permit=None,
                back_ok=False,
                idle_at=None,
                still=None,
            )
        case ev.PumpIdentified() if not i.state.ended:
            return w._replace(doubted=None, still=None, loading=w.now if i.state is State.ORDERED else w.loading)
        case ev.ChallengeIssued(nonce=nonce) if i.state is State.READY:
            action = ev.ConfirmAction.START if w.started is None else ev.ConfirmAction.RESUME
            expires = (w.now + sl.confirmation) * TICK
            here = place(w.delivery, w.pump)
            at = (here.serial, here.channel, here.session, here.gateway)
            return w._replace(open=ev.Binding(nonce, w.digest, action, *at, expires, wristband=PATIENT))
        case ev.ConfirmationGiven(binding=binding, associated=associated):
            fits = binding == w.open and associated == PATIENT
            if i.state is State.READY and fits and w.now * TICK < binding.expires_ns:
                return w._replace(
                    open=None,
                    permit=binding,
                    used=binding,
                    permit_at=w.now,
                    spent=False,
                    back_from=w.now,
                    back_ok=False,
                    idle_at=None,
                )
        case ev.ProgramLoaded(outcome=Done()) if i.state is State.LOADING and _asked(event) >= w.loading:
            return w._replace(loaded=True, reported=0, back_from=w.now)
        case ev.ProgramReadBack(outcome=outcome) if _asked(event) >= w.back_from:
            return w._replace(back_ok=isinstance(outcome, Done) and outcome.value == ordered(w))
        case ev.StartAnswered(outcome=Done()) if i.state is State.STARTING and _asked(event) >= w.start_at:
            return w._replace(run_from=w.now)
        case ev.StartAnswered(outcome=Unknown()) if i.state is State.STARTING:
            return w._replace(uncertain=True)
        case ev.StopRequested() if i.state is State.STOPPING:
            return w._replace(wanted=w.latched)
        case ev.JournalFailed():
            return w._replace(permit=None)
        case ev.TripsCleared() if i.state is State.TRIPPED and w.doubted is None:
            return w._replace(latched=False)
        case ev.ControlRestarted():
            lost = w.uncertain or i.state is State.STARTING
            return w._replace(open=None, permit=None, still=None, back_ok=False, idle_at=None, uncertain=lost)
    return w


def _asked(event: ev.Answered) -> int:
    return event.asked_at_ns // TICK


NO_FLOW = (PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM)


def _note_reading(i: Infusion, w: World, r: Reading) -> World:
    asked, shown = r.asked_ns // TICK, units(r.delivered)
    fell = w.reported is not None and shown < w.reported  # it restarted: everything that it shows is new
    more = 0 if w.reported is None or i.state.ended else shown - (0 if fell else w.reported)
    grew = more > 0 and not i.state.may_flow
    counted = max(w.counted, shown) if i.state.may_flow and w.loaded else w.counted + more
    still: tuple[int, int] | None = None
    if r.state in NO_FLOW and (w.stop_first is None or asked >= w.stop_first):
        still = w.still if w.still is not None and w.still[1] == shown else (w.now, shown)
    idle = r.state is PumpState.STOPPED and shown == 0 and not any(a.stops_flow for a in r.alarms)
    track = w.track
    if i.state in (State.STARTING, State.RUNNING) and r.state.flowing:
        if not track:
            track = ((w.now if w.run_from is None else w.run_from, 0),)
        elif track[-1][0] < w.now:
            track = (*track, (w.now, counted))
    return w._replace(
        asked=asked,
        answered=w.now,
        counted=counted,
        loaded=w.loaded and (i.state.may_flow or not fell),
        reported=shown,
        grew=grew,
        unseen=w.flowing and w.by_panel,
        lost=False,
        blink=False,
        still=still,
        idle_at=asked if idle else None,
        track=track,
    )


def note_actions(sl: Slice, i: Infusion, after: Infusion, w: World, actions: tuple[ev.Action, ...]) -> World:
    """What the actions put on the line, and what the witness notes about them."""
    for action in actions:
        match action:
            case ev.StopPump():
                first = w.stop_first is None
                w = w._replace(
                    stop_left=w.line is not Line.OUT,
                    stop_last=w.now,
                    stop_first=w.now if first else w.stop_first,
                    still=None if first else w.still,
                )
            case ev.StartPump():
                w = w._replace(
                    start_left=True,
                    start_open=True,
                    stop_left=False,
                    permit=None,
                    spent=True,
                    started=w.now if w.started is None else w.started,
                    first=w.now if w.first is None else w.first,
                    start_at=w.now,
                    run_from=w.now,
                    run_to=None,
                    track=(),
                    still=None,
                    by_panel=False,
                    stop_first=None,
                )
            case ev.LoadProgram(program=planned):
                w = w._replace(load_open=True)
                if after.segment.digest != w.digest:
                    w = w._replace(
                        digest=after.segment.digest,
                        vtbi=units(planned.vtbi),
                        rate=NORMAL if planned.steps[0].rate == RATES[NORMAL] else HALF,
                        turn=units(planned.steps[0].volume) if len(planned.steps) > 1 else NEVER,
                        segments=w.segments + 1,
                        loading=w.now,
                        before=w.before + w.counted,
                        counted=0,
                        loaded=False,
                        run_before=w.running,
                        run_from=None,
                        run_to=None,
                        open=None,
                    )
            case ev.ReadBackProgram():
                w = w._replace(back_open=True)
            case ev.PlanRemainder(delivered=delivered):
                w = w._replace(plan=units(delivered), blink=w.blink or (w.unseen and w.asked == w.now))
            case ev.RenewLease(until_ns=until):
                w = w._replace(lease=until // TICK)
            case ev.Mismatched():
                w = w._replace(mismatched=True)
            case ev.Record(kind="delivery_reconciled"):
                w = w._replace(counted=units(after.counted), latched=False)
    new = tuple(code for code in after.trips if code not in i.trips)
    if not after.state.ending:
        w = w._replace(wanted=False)
    if new:
        w = w._replace(latched=True, latches=(*w.latches, *new) if sl.same_trips < NEVER else ())
    if after.state is not i.state:
        if i.state is State.ARMED and after.state is not State.STARTING:
            w = w._replace(permit=None)
        if after.state is State.ORDERED:
            w = w._replace(loaded=False, reported=None)
        if after.state is State.PAUSING:
            w = w._replace(pauses=w.pauses + 1)
        if after.state is State.COMPLETING or (i.state.ending and not after.state.may_flow):
            w = w._replace(run_to=w.still[0] if w.still and w.run_to is None else w.run_to)
        if not after.state.may_flow:
            w = w._replace(stop_first=None, lease=None)
        loading = after.state is State.LOADING
        back = w.back_open and (loading or after.state is State.ARMED)  # a later answer is a stray one
        w = w._replace(load_open=loading and w.load_open, back_open=back)
        if i.state is State.STARTING:
            w = w._replace(start_open=False)
        if after.state is not State.PAUSED:
            w = w._replace(plan=None)
        if after.state.ended:
            by_hand = w.by_hand or (w.by_panel and (w.flowing or w.unseen))  # no reading of that counts any more
            w = w._replace(start_open=False, by_hand=by_hand, record=_recorded(w, after, actions))
    return w


def _recorded(w: World, ended: Infusion, actions: tuple[ev.Action, ...]) -> tuple[Recorded, ...]:
    """With what the journal says of a delivery that was started, at its end; nothing that comes later changes that."""
    body = next(a.body for a in actions if isinstance(a, ev.Record) and a.kind == "infusion_ended")
    if w.started is None:
        return w.record
    running_ns = int(float(body["running_s"]) * NS_PER_S)
    return (*w.record, Recorded(ended.prescribed, Volume(body["booked_ml"]), running_ns))
