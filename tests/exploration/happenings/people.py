"""What people do: confirm, forge, stop, pause, resume, clear, read the display; and what happens to the gateway."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pumpd.infusion import Infusion
from pumpd.infusion import events as ev
from tests.exploration.happenings.alphabet import Outcome, at_ns, happens
from tests.exploration.slices import PATIENT, units, volume
from tests.exploration.world import Line, World, ordered

STRANGER = ev.Binding("stranger", "d0", ev.ConfirmAction.START, "SN-1", 1, "s-1", "ward-7", 10**18)
FORGED = {
    "nonce": "another",
    "digest": "another",
    "serial": "SN-9",
    "channel": 2,
    "session": "s-2",
    "gateway": "ward-8",
    "expires_ns": 10**18,
    "wristband": "P-2",
}


@happens("base", "challenge")
def _challenge(i: Infusion, w: World) -> Outcome:
    used = "" if w.used is None else w.used.nonce
    nonce = f"n{w.segments}.{w.now}"
    return ev.ChallengeIssued(at_ns(w), used + "'" if used.startswith(nonce) else nonce), w


def _given(i: Infusion, w: World, request: str, associated: str = PATIENT, **changes: Any) -> ev.ConfirmationGiven:
    """The open challenge, signed with the patient's wristband and these changes."""
    signed = replace(i.challenge or STRANGER, **{"wristband": PATIENT, **changes})
    return ev.ConfirmationGiven(at_ns(w), signed, "nurse", request, associated)


@happens("base", "confirmed")
def _confirmed(i: Infusion, w: World) -> Outcome:
    return _given(i, w, "r"), w


def _forged(name: str, value: object) -> None:
    @happens("forge", f"confirmed with another {name}")
    def _make(i: Infusion, w: World) -> Outcome:
        return _given(i, w, "f", **{name: value}), w


for _name, _value in FORGED.items():
    _forged(_name, _value)


@happens("forge", "confirmed with another action")
def _other_action(i: Infusion, w: World) -> Outcome:
    start = (i.challenge or STRANGER).action is ev.ConfirmAction.START
    return _given(i, w, "f", action=ev.ConfirmAction.RESUME if start else ev.ConfirmAction.START), w


@happens("forge", "confirmed with the pump of another patient")
def _other_pump(i: Infusion, w: World) -> Outcome:
    return _given(i, w, "f", associated="P-2"), w


@happens("forge", "confirmed with wristband and pump of another patient")
def _other_patient(i: Infusion, w: World) -> Outcome:
    return _given(i, w, "f", associated="P-2", wristband="P-2"), w


@happens("forge", "old confirmation, same request")
def _replay_same(i: Infusion, w: World) -> Outcome:
    return ev.ConfirmationGiven(at_ns(w), w.used or STRANGER, "nurse", "r", PATIENT), w


@happens("forge", "old confirmation, new request")
def _replay_new(i: Infusion, w: World) -> Outcome:
    return ev.ConfirmationGiven(at_ns(w), w.used or STRANGER, "nurse", "q", PATIENT), w


@happens("base", "stop")
def _stop(i: Infusion, w: World) -> Outcome:
    return ev.StopRequested(at_ns(w), "nurse", "stop"), w


@happens("pause", "pause")
def _pause(i: Infusion, w: World) -> Outcome:
    return ev.PauseRequested(at_ns(w), "nurse", "pause"), w


@happens("resume", "resume")
def _resume(i: Infusion, w: World) -> Outcome:
    return ev.ResumeRequested(at_ns(w), "nurse"), w


@happens("resume", "remainder planned")
def _planned(i: Infusion, w: World) -> Outcome:
    if w.plan is None:
        return None
    left = ordered(w).after(volume(w.plan))
    w = w._replace(plan=None)
    if left is None:
        return ev.SegmentPlanned(at_ns(w), None), w
    return ev.SegmentPlanned(at_ns(w), ev.Segment(f"d{w.segments + 1}", left)), w


@happens("clear", "trip cleared")
def _clear(i: Infusion, w: World) -> Outcome:
    return ev.TripsCleared(at_ns(w), "nurse"), w


@happens("journal", "journal fails")
def _journal(i: Infusion, w: World) -> Outcome:
    return ev.JournalFailed(at_ns(w), "disk full"), w


@happens("restart", "control process restarted")
def _restarted(i: Infusion, w: World) -> Outcome:
    """Awaited answers are lost; commands that were sent may still be carried out."""
    return ev.ControlRestarted(at_ns(w)), w._replace(start_open=False, load_open=False, back_open=False)


@happens("restart", "control process restarted once the pump has taken the load, before its answer")
def _restarted_loading(i: Infusion, w: World) -> Outcome:
    if not w.load_open or w.flowing or w.line is not Line.OURS:
        return None
    return _restarted(i, w.loaded_now(w.vtbi))


def _deadman(name: str, make: Callable[[int], ev.Event]) -> None:
    @happens("deadman", name)
    def _make(i: Infusion, w: World) -> Outcome:
        return make(at_ns(w)), w


_deadman("deadman fails, nothing else would stop the pump", lambda at: ev.DeadmanFailed(at, "died", alone=True))
_deadman("deadman fails, the pump has a watchdog", lambda at: ev.DeadmanFailed(at, "died", alone=False))
_deadman("deadman works again", ev.DeadmanRestored)


def _reconciled(name: str, group: str, more: int, reason: str, *, flowing: bool = False) -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        """A person reads the pump's display; while a start is under way, nobody can vouch for it.

        While the present program is not in the pump, the display shows another program's volume: too much is booked.
        """
        if w.start_left or w.flowing is not flowing:
            return None
        read = max(w.shown + more, 0)
        seen = ev.DeliveryReconciled(at_ns(w), "nurse", volume(read), reason, seen_stopped=not flowing)
        return seen, w._replace(lied=w.lied or read < w.shown or (i.in_doubt and not w.loaded))


def _refused(name: str, read: Callable[[Infusion, World], int], again: Callable[[int], int | None]) -> None:
    @happens("reconcile", name)
    def _make(i: Infusion, w: World) -> Outcome:
        """A volume that nobody can have read: it is not booked, so the world does not change."""
        first, second = read(i, w), again(read(i, w))
        entered = (volume(first), "display read", True, None if second is None else volume(second))
        return ev.DeliveryReconciled(at_ns(w), "nurse", *entered), w


_refused("volume that no container holds, entered twice", lambda i, w: units(i.container) + 1, lambda read: read)
_refused("more than the program, entered once", lambda i, w: w.vtbi + 1, lambda read: None)
_refused("two different volumes", lambda i, w: w.vtbi + 1, lambda read: read - 1)
_reconciled("display read", "reconcile", 0, "display read")
_reconciled("display read without a reason", "reconcile", 0, " x ")
_reconciled("display read as two units too few", "reconcile", -2, "display read")
_reconciled("display read while it flows", "reconcile", 0, "display read", flowing=True)
