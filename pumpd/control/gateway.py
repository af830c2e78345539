"""The services of control, put together: who gets whom, and what runs beside the pumps."""

from collections.abc import Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from pumpd.control.alarms.board import Key
from pumpd.control.alarms.service import AlarmService
from pumpd.control.alarms.sounder import Sounder
from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.journal_health import JournalHealth
from pumpd.control.observation.service import Found, ObservationService
from pumpd.control.ordering.build import Build
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.ordering.planning import Planning
from pumpd.control.ordering.service import OrderingService
from pumpd.control.socket.dispatch import Dispatch
from pumpd.control.socket.streams import StateStream
from pumpd.control.state.live import LiveState
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.pairing_service import PairingService
from pumpd.control.tablets.register import Register
from pumpd.control.tablets.service import Tablets
from pumpd.control.tablets.sign_in import SignIns, paired_tablets
from pumpd.control.tablets.software_nurse import SoftwareNurses
from pumpd.control.tablets.staff import StaffStore
from pumpd.dosing import Library
from pumpd.host.clock import Clock
from pumpd.host.supply import SupplyWatch
from pumpd.host.supply_rules import ALARMS as SUPPLY_ALARMS
from pumpd.journal.writer import JournalWriter
from pumpd.settings import Settings


class Gateway:
    def __init__(
        self,
        settings: Settings,
        library: Library,
        runners: Sequence[PumpService],
        journal: JournalWriter,
        keys: KeyStore,
        clock: Clock,
        build: Build,
        others: Collection[str] = (),
        damage: str = "",
        observations: Found | None = None,
        alarms_left: frozenset[Key] = frozenset(),
    ) -> None:
        """`others`: sessions that another build began. `damage`: what is wrong with the journal of before."""
        self.settings, self.library, self.clock, self.journal = settings, library, clock, journal
        self.runners = {runner.name: runner for runner in runners}
        pumps = Pumps(self.runners, clock)
        self.health = JournalHealth(self.runners, journal, clock, damage)
        self.library_check = LibraryCheck(settings, library, journal, clock)
        self.alarms = AlarmService(self.runners, journal, clock, alarms_left)
        self.observations = ObservationService(journal, clock, observations or Found())
        output = settings.alarm.output
        self._sounder = Sounder(output, lambda: self.alarms.board.sounding) if output else None
        supplied = settings.supply_watched
        left = frozenset(code for pump, code in alarms_left if not pump and code in SUPPLY_ALARMS)
        self._supply = None if supplied is None else SupplyWatch(supplied, left, self._supply_changed)
        self.alarms.supply = left if self._supply else frozenset()
        self.gate = StartGate(settings, clock, self._supply)
        self._past = DoseHistory(settings.journal_path, journal)
        planning = Planning(settings, library, runners, self._past, clock, others)
        self.ordering = OrderingService(
            settings.gateway,
            pumps,
            planning,
            self._past,
            self.library_check,
            self.gate,
            self.health,
            journal,
            clock,
            build,
            self.changed,
        )
        self.confirming = ConfirmingService(pumps, self.library_check, self.gate, self.health, clock)
        staff = StaffStore(settings.staff_path)
        sign_ins, register = SignIns(staff, clock.loop_ns), Register(keys, staff, journal, clock)
        self.live = LiveState(
            settings,
            self.runners,
            self.alarms,
            self.observations,
            self.ordering,
            self.library_check,
            self.health,
            self._sounder,
            self._supply,
            partial(paired_tablets, keys, sign_ins),
            clock,
        )
        self._stream = StateStream(self.live.state)
        self.tablets = Tablets(
            settings.gateway,
            keys,
            sign_ins,
            pumps,
            self.ordering,
            self.confirming,
            self.alarms,
            self.observations,
            self.live,
            journal,
            clock,
            self.changed,
        )
        self.dispatch = Dispatch(
            settings.gateway,
            library,
            pumps,
            self.ordering,
            self.confirming,
            SoftwareNurses(register, self.confirming),
            self.tablets,
            PairingService(register, journal, clock),
            register,
            self.alarms,
            self.live,
            self._stream,
            journal,
            clock,
        )
        self.answer, self.status = self.dispatch.answer, self.live.state
        self.alarms.on_change = self._alarms_changed

    def works(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """What must run beside the pumps, by name."""
        works = {"alarms": self.alarms.run(), "library": self.library_check.run(), "dose history": self._past.run()}
        if self._sounder is not None:
            works["alarm output"] = self._sounder.run()
        if self._supply is not None:
            works["supply"] = self._supply.run()
        return works

    def changed(self) -> None:
        """Something that people see has changed."""
        self.observations.check(self.runners.values())
        self.alarms.see()
        self._stream.change()

    def _supply_changed(self) -> None:
        self.alarms.supply = frozenset() if self._supply is None else self._supply.alarms
        self.changed()

    def _alarms_changed(self) -> None:
        self._stream.change()
        if self._sounder is not None:
            self._sounder.change()
