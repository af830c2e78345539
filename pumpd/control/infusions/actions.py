"""Carries out the actions of the state machine: sends, queues, renews, records, plans remainders.

Promises:
- A stop is sent before any other action of the same event.
- The entries that hold the intent of a start are not just posted: `starting` waits until they are on disk.
- Listeners are called last, and a failure there does not keep an action from being carried out.
"""

from collections.abc import Callable, Sequence

import structlog

from pumpd.control import describe
from pumpd.control.infusions.commands import Commands
from pumpd.control.infusions.deadman import PumpDeadman
from pumpd.control.infusions.pump_infusion import PumpInfusion
from pumpd.control.infusions.pump_journal import PumpJournal
from pumpd.control.infusions.pump_line import PumpLine
from pumpd.dosing import Refusals
from pumpd.host.clock import Clock
from pumpd.infusion import events as ev
from pumpd.journal import Entry
from pumpd.quantities import Volume
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")


class Actions:
    """`on_change` is called when the infusion changes state, and when an alarm comes or goes.

    `mismatched` stops every pump that may be the one on this line; it takes the reason.
    """

    def __init__(
        self,
        current: PumpInfusion,
        commands: Commands,
        line: PumpLine,
        deadman: PumpDeadman,
        journal: PumpJournal,
        clock: Clock,
        on_change: Callable[[], None],
        mismatched: Callable[[str], object],
    ) -> None:
        self._mismatched = mismatched
        self._current, self._commands, self._line, self._deadman = current, commands, line, deadman
        self._journal, self._clock, self._on_change = journal, clock, on_change

    def carry_out(self, actions: Sequence[ev.Action], by: str) -> None:
        entries: list[Entry] = []
        changed = False
        for action in actions:
            match action:
                case ev.StopPump():
                    self._commands.stop_ours()
                case ev.StartPump():
                    self._commands.add_start(action, tuple(entries))
                    entries = []
                case ev.ReadPump() | ev.LoadProgram() | ev.ReadBackProgram() | ev.ReleasePump():
                    self._commands.add(action)
                case ev.Mismatched(why=why):
                    self._mismatched(why)
                case ev.PumpRecognized():
                    self._line.proved_by = text("identity.proved_by_counter", "its program and counter")
                case ev.PlanRemainder(delivered=delivered):
                    self._journal.post(entries)
                    entries = []
                    self._plan_remainder(delivered)
                case _:
                    if isinstance(action, ev.RenewLease):
                        self._deadman.renew(self._line.driver, self._clock.loop_seconds(action.until_ns))
                    if isinstance(action, ev.RaiseAlarm):
                        log.warning("alarm_raised", pump=self._journal.pump, code=action.code.value)
                    written = describe.of_action(action, by)
                    if written is not None:
                        entries.append(self._journal.entry(*written))
                        changed = True
        self._journal.post(entries)
        self._commands.wake()
        if changed:
            self._announce()

    def _announce(self) -> None:
        try:
            self._on_change()
        except Exception as error:  # the display has failed; the pump is still controlled
            log.exception("listener_failed", pump=self._journal.pump)
            self._journal.note("internal_error", {"error": repr(error)})

    def _plan_remainder(self, delivered: Volume) -> None:
        segment: ev.Segment | None = None
        current = self._current
        try:
            rest = None
            if current.program is not None and current.capabilities is not None:
                rest = current.program.remainder(delivered, current.capabilities)
            if rest is not None:
                current.program = rest
                segment = ev.Segment(rest.digest, rest.pump_program)
                self._journal.note("remainder_planned", {"digest": rest.digest, "vtbi_ml": rest.vtbi.number})
        except Refusals as error:
            self._journal.note("remainder_refused", {"reasons": [str(reason) for reason in error.reasons]})
        current.feed(ev.SegmentPlanned(self._clock.monotonic_ns(), segment))
