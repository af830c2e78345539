"""Deliberate defects in pumpd, one at a time. The campaign must find each: a search that cannot fail proves nothing."""

import contextlib
from collections.abc import Callable, Iterator
from importlib import import_module
from unittest import mock

from pumpd.control.infusions.polling import Polling
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.starting import Starting
from pumpd.driving.asking import UnansweredError
from pumpd.driving.link_driver import LinkDriver
from pumpd.infusion import evaluate as look
from pumpd.infusion import events as ev
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.infusion.turn import Turn

advance, observe = import_module("pumpd.infusion.advance"), import_module("pumpd.infusion.readings")


def _resume_without_confirmation():
    """A remainder that was read back starts by itself, and no interlock asks for a confirmation."""
    waiting = look._waiting

    def eager(turn: Turn) -> None:
        waiting(turn)
        infusion = turn.infusion
        if infusion.state is State.READY and infusion.started_ns is not None:
            turn.set(state=State.ARMED, since_ns=turn.now_ns, reading=None, read_back=None)
            turn.do(ev.ReadBackProgram(), ev.ReadPump())

    return _both(mock.patch.object(look, "_waiting", eager), _without("confirmation"))


def _book_what_is_reported():
    """Lost volume, and what flowed since the last poll, is not booked."""
    return mock.patch.object(Infusion, "booked", new=lambda self, _: self.delivered)


def _lost_count_is_nothing():
    """A counter that fell counts as having lost nothing."""
    return mock.patch.object(observe, "_unaccounted", new=lambda *_: ZERO)


def _commands_sent_again():
    """A command whose reply was lost is sent again, as a question is."""
    tell = LinkDriver.tell

    async def again(self, *args, **more):
        try:
            return await tell(self, *args, **more)
        except UnansweredError:
            return await tell(self, *args, **more)

    return mock.patch.object(LinkDriver, "tell", again)


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

    def lost(self, pump, by, reason, **_more):
        return []

    return mock.patch.object(Pumps, "stop", lost)


def _without(name: str):
    locks = {each: check for each, check in look.INTERLOCKS.items() if each != name}
    assert len(locks) == len(look.INTERLOCKS) - 1
    return mock.patch.object(look, "INTERLOCKS", locks)


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
}


def broken(name: str | None) -> contextlib.AbstractContextManager:
    """While this is open, pumpd has that defect; without a name it is unchanged."""
    return contextlib.nullcontext() if name is None else BREAKS[name]()
