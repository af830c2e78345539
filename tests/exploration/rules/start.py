"""What a StartPump requires. Checked for each step that has one."""

from pumpd.infusion import events as ev
from tests.exploration.rules.rule import pauses_used_up, rule
from tests.exploration.slices import NEVER, TICK
from tests.exploration.step import Step


@rule("start")
def start_is_confirmed(s: Step) -> bool:
    """StartPump requires an unexpired confirmation of the loaded program that matches in every field."""
    permit = s.noted.permit
    return s.noted.spent or (
        permit is not None and s.noted.now * TICK < permit.expires_ns and permit.digest == s.noted.digest
    )


@rule("start")
def one_start_per_confirmation(s: Step) -> bool:
    """One StartPump uses up a confirmation."""
    return not s.noted.spent


@rule("start")
def start_is_read_back(s: Step) -> bool:
    """After the confirmation the pump's program was read back and is the confirmed one."""
    return s.noted.back_ok


@rule("start")
def start_is_idle(s: Step) -> bool:
    """After the confirmation, at most a tick ago, the pump was idle without an alarm and its counter was zero."""
    w = s.noted
    return w.idle_at is not None and w.idle_at >= w.permit_at and w.now - w.idle_at <= 1


@rule("start")
def start_is_prompt(s: Step) -> bool:
    """The start follows the confirmation within the time allowed for reading back."""
    return s.noted.now - s.noted.permit_at < s.slice.read_back_within


@rule("start")
def start_is_journalled(s: Step) -> bool:
    """The intent is recorded before the start."""
    names = [a.kind if isinstance(a, ev.Record) else type(a).__name__ for a in s.actions]
    return "intent_start" in names and names.index("intent_start") < names.index("StartPump")


@rule("start")
def a_latched_trip_prevents_a_start(s: Step) -> bool:
    """No start while a trip is latched."""
    return not s.noted.latched


@rule("start")
def uncertain_never_flows(s: Step) -> bool:
    """After a start whose answer was lost, nothing is started."""
    return not s.noted.uncertain


@rule("start")
def start_within_the_window(s: Step) -> bool:
    """No start after the window closed or the pauses were used up."""
    return not s.noted.window_closed and not pauses_used_up(s)


@rule("start")
def start_before_the_order_expires(s: Step) -> bool:
    """A delivery is started before its order expires; the very instant is too late."""
    w = s.noted
    return w.started is not None or s.slice.expires == NEVER or w.now < w.ordered_at + s.slice.expires
