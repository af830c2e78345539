"""Deliberate defects in pumpd, one at a time. The campaign must find each: a search that cannot fail proves nothing."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from math import inf
from unittest import mock

from pumpd.control.infusions.polling import Polling
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.starting import Starting
from pumpd.control.ordering import planning
from pumpd.control.ordering.service import OrderingService
from pumpd.control.ordering.turns import Turns
from pumpd.control.socket.dispatch import Dispatch
from pumpd.control.vitals import service as vitals_service
from pumpd.control.vitals.service import VitalsService
from pumpd.dosing import history_limits
from pumpd.dosing.history import NONE, Treatment
from pumpd.driving.asking import UnansweredError
from pumpd.driving.link_driver import LinkDriver
from pumpd.infusion import evaluate, vitals
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import confirmation
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn
from pumpd.infusion.vitals import VitalRules
from pumpd.journal import doses
from pumpd.pump import RateStep
from pumpd.vital_signs import Sign
from pumpd.wire.heard import Heard
from pumpd.wire.pace import Pace

advance, observe = import_module("pumpd.infusion.advance"), import_module("pumpd.infusion.readings")


def _resume_without_confirmation():
    """A remainder that was read back starts by itself, and no interlock asks for a confirmation."""
    waiting = evaluate._waiting

    def eager(turn: Turn) -> None:
        waiting(turn)
        infusion = turn.infusion
        if infusion.state is State.READY and infusion.started_ns is not None:
            turn.set(state=State.ARMED, since_ns=turn.now_ns, reading=None, read_back=None)
            turn.do(ev.ReadBackProgram(), ev.ReadPump())

    return _both(mock.patch.object(evaluate, "_waiting", eager), _without("confirmation"))


def _book_what_is_reported():
    """Lost volume, and what flowed since the last poll, is not booked."""
    return mock.patch.object(Infusion, "booked", new=lambda self, _: self.delivered)


def _lost_count_is_nothing():
    """A counter that fell counts as having lost nothing."""
    return mock.patch.object(observe, "_unaccounted", new=lambda *_: ZERO)


def _commands_sent_again():
    """A command whose reply was lost is sent again, as a question is."""
    send_once = LinkDriver.send_once

    async def again(self, *args, **more):
        try:
            return await send_once(self, *args, **more)
        except UnansweredError:
            return await send_once(self, *args, **more)

    return mock.patch.object(LinkDriver, "send_once", again)


def _start_before_the_journal():
    """The intent is posted, but the start does not wait for it."""

    async def posted(self, intent):
        self._journal.post(intent)
        return True

    return mock.patch.object(Starting, "_written", posted)


def _go_on_after_a_restart():
    """A restarted process continues what was running."""

    async def left_alone(*_):
        return True

    patched = mock.patch.object(advance, "_control_restarted", new=lambda _: None)
    return _both(patched, mock.patch.object(Polling, "_stop_leftover", left_alone))


def _watchdog_not_armed():
    """The pump's own watchdog is set to ten minutes."""
    start = LinkDriver.start

    async def long(self, watchdog):
        return await start(self, type(watchdog)(200))

    return mock.patch.object(LinkDriver, "start", long)


def _stop_lost_on_the_way():
    """A stop that a nurse requests is answered, but dropped."""

    def lost(self, request, _by):
        return [request.pump], {}

    return mock.patch.object(Pumps, "stop", lost)


def _wristband_not_compared():
    """Whose wristband was scanned does not matter."""
    return mock.patch.object(confirmation, "patient_faults", new=lambda *_: ())


def _rest_forgets_what_was_given():
    """The rest is planned as if nothing had been given."""
    return mock.patch.object(Treatment, "worst", new=property(lambda _: NONE))


def _rest_of_what_was_reported():
    """The journal's doses are what the pump reported, not the worst case."""
    read = doses._volume
    return mock.patch.object(doses, "_volume", new=lambda body, *keys: read(body, keys[-1]))


def _rest_without_confirmation():
    """The rest of a treatment that was confirmed once starts by itself."""
    waiting = evaluate._waiting

    def eager(turn: Turn) -> None:
        waiting(turn)
        if turn.infusion.state is State.READY and turn.infusion.treatment:
            turn.set(state=State.ARMED, since_ns=turn.now_ns, reading=None, read_back=None)
            turn.do(ev.ReadBackProgram(), ev.ReadPump())

    return _both(mock.patch.object(evaluate, "_waiting", eager), _without("confirmation"))


def _rest_is_faster():
    """The rest runs at one and a half times its rates."""
    right = planning.plan_rest

    def faster(*args):
        program = right(*args)
        steps = tuple(RateStep(step.rate.times(Decimal("1.5")), step.volume) for step in program.pump_program.steps)
        return replace(program, pump_program=replace(program.pump_program, steps=steps))

    return mock.patch.object(planning, "plan_rest", faster)


def _rest_waits_for_the_next_day():
    """The rest is held back as if it were another treatment."""
    wanted = planning._wanted
    return mock.patch.object(planning, "_wanted", new=lambda *args: replace(wanted(*args), treatment=""))


def _no_spacing():
    """Another treatment may follow at once."""
    hard = mock.patch.object(history_limits, "_spacing", new=lambda *_: None)
    return _both(hard, mock.patch.object(history_limits, "_close", new=lambda *_: None))


def _critical_signs_ignored():
    """No value of a vital sign is dangerous."""
    return mock.patch.object(VitalRules, "danger", new=lambda *_: "")


def _received_as(**changes):
    received = VitalsService.received
    return mock.patch.object(
        VitalsService, "received", new=lambda self, message: received(self, message.model_copy(update=changes))
    )


def _old_signs_are_new():
    """However old vital signs are, they count as measured now."""
    return _received_as(age_s=0)


def _signs_of_anyone():
    """Whose vital signs they are does not matter."""
    return _received_as(patient=None)


def _impossible_signs_count():
    """A value that no living patient has is taken."""
    return mock.patch.object(vitals, "impossible", new=lambda _: {})


def _missing_signs_are_normal():
    """Vital signs that do not come any more stop nothing."""
    return mock.patch.object(VitalRules, "missing_for_ns", new=lambda *_: 0)


def _spo2_may_be_missing():
    """Only the heart rate must come all the time."""
    rules = vitals_service.rules_of
    only = frozenset({Sign.HEART_RATE})
    return mock.patch.object(vitals_service, "rules_of", lambda settings: replace(rules(settings), streaming=only))


def _echo_is_an_answer():
    """What comes back of a request is not taken out of what the pump says."""
    return mock.patch.object(Heard, "without_echo", lambda _, data: [data])


def _stop_waits_for_the_reply():
    """A stop leaves when the question before it is answered, or given up."""
    return mock.patch.object(Pace, "patience_s", new=property(lambda _: inf))


def _stop_waits_for_the_disk():
    """A stop is on record before it is carried out."""
    right = Dispatch.answer

    async def recorded(self, request, *args):
        if request.op == "stop":
            await self.ordering._journal.append([])
        return await right(self, request, *args)

    return mock.patch.object(Dispatch, "answer", recorded)


def _second_order_is_not_checked():
    """All guards are gone: orders do not wait for each other, and what is under way, on the pump or for the patient,
    and what was given just now do not matter. Each of them is enough, so none of them alone is missed.
    """
    objections = OrderingService._objections

    def others(self, runner, patient):
        known = ("pump.has_infusion", "patient.has_infusion_on")
        return [reason for reason in objections(self, runner, patient) if getattr(reason, "message", "") not in known]

    @contextlib.asynccontextmanager
    async def at_once(*_):
        yield

    orders = _both(mock.patch.object(OrderingService, "_objections", others), mock.patch.object(Turns, "of", at_once))
    return _both(orders, mock.patch.object(history_limits, "_running", new=lambda _: None), _no_spacing())


def _without(name: str):
    locks = {each: check for each, check in evaluate.INTERLOCKS.items() if each != name}
    assert len(locks) == len(evaluate.INTERLOCKS) - 1
    return mock.patch.object(evaluate, "INTERLOCKS", locks)


@contextlib.contextmanager
def _both(*patches) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield


BREAKS: dict[str, Callable[[], contextlib.AbstractContextManager]] = {
    "resume-without-confirmation": _resume_without_confirmation,
    "book-what-is-reported": _book_what_is_reported,
    "lost-count-is-nothing": _lost_count_is_nothing,
    "commands-sent-again": _commands_sent_again,
    "start-before-the-journal": _start_before_the_journal,
    "go-on-after-a-restart": _go_on_after_a_restart,
    "watchdog-not-armed": _watchdog_not_armed,
    "stop-lost-on-the-way": _stop_lost_on_the_way,
    "wristband-not-compared": _wristband_not_compared,
    "rest-forgets-what-was-given": _rest_forgets_what_was_given,
    "rest-of-what-was-reported": _rest_of_what_was_reported,
    "rest-without-confirmation": _rest_without_confirmation,
    "rest-is-faster": _rest_is_faster,
    "rest-waits-for-the-next-day": _rest_waits_for_the_next_day,
    "no-spacing": _no_spacing,
    "critical-signs-ignored": _critical_signs_ignored,
    "old-signs-are-new": _old_signs_are_new,
    "signs-of-anyone": _signs_of_anyone,
    "impossible-signs-count": _impossible_signs_count,
    "missing-signs-are-normal": _missing_signs_are_normal,
    "spo2-may-be-missing": _spo2_may_be_missing,
    "echo-is-an-answer": _echo_is_an_answer,
    "stop-waits-for-the-reply": _stop_waits_for_the_reply,
    "stop-waits-for-the-disk": _stop_waits_for_the_disk,
    "second-order-is-not-checked": _second_order_is_not_checked,
}


def broken(name: str | None) -> contextlib.AbstractContextManager:
    """While this is open, pumpd has that defect; without a name it is unchanged."""
    return contextlib.nullcontext() if name is None else BREAKS[name]()
