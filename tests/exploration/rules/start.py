"""What a StartPump must rest on. Asked of each step that has one."""

from pumpd.infusion import events as ev
from tests.exploration.rules.rule import pauses_used_up, rule
from tests.exploration.slices import TICK
from tests.exploration.step import Step


@rule("start")
def start_is_confirmed(s: Step) -> bool:
    """StartPump rests on a confirmation that fits in every field, unexpired, of the program that is loaded."""
    permit = s.told.permit
    return s.told.spent or (
        permit is not None and s.told.now * TICK < permit.expires_ns and permit.digest == s.told.digest
    )


@rule("start")
def one_start_a_confirmation(s: Step) -> bool:
    """A confirmation is spent by one StartPump."""
    return not s.told.spent


@rule("start")
def start_is_read_back(s: Step) -> bool:
    """Since the confirmation the pump's program was read back and is the confirmed one."""
    return s.told.back_ok


@rule("start")
def start_is_idle(s: Step) -> bool:
    """Since the confirmation the pump was seen idle, counter at zero, without alarm, and that is a tick old at most."""
    w = s.told
    return w.idle_at is not None and w.idle_at >= w.permit_at and w.now - w.idle_at <= 1


@rule("start")
def start_is_prompt(s: Step) -> bool:
    """From the confirmation to the start there are less than the ticks allowed for reading back."""
    return s.told.now - s.told.permit_at < s.slice.read_back_within


@rule("start")
def start_is_journalled(s: Step) -> bool:
    """The intent is recorded before the start."""
    names = [a.kind if isinstance(a, ev.Record) else type(a).__name__ for a in s.actions]
    return "intent_start" in names and names.index("intent_start") < names.index("StartPump")


@rule("start")
def latch_holds_against_start(s: Step) -> bool:
    """No start while a trip is latched."""
    return not s.told.latched


@rule("start")
def uncertain_never_flows(s: Step) -> bool:
    """After a start whose answer was lost nothing is started again."""
    return not s.told.uncertain


@rule("start")
def start_within_the_window(s: Step) -> bool:
    """No start after the window closed or the pauses were used up."""
    w = s.told
    return w.running < s.slice.most and w.elapsed < s.slice.elapsed and not pauses_used_up(s)
