"""The services of control, put together: what each is given, and what runs alongside the pumps."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from pumpd.control.alarms.board import Key
from pumpd.control.alarms.burst import flash
from pumpd.control.alarms.service import AlarmService
from pumpd.control.alarms.sounder import LedFile, Sounder
from pumpd.control.certificate import CertificateWatch
from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.identifying import Identifying
from pumpd.control.infusions.pump_part import PumpPart, TimePart
from pumpd.control.infusions.pump_service import PumpService, stop_all
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.journal_health import JournalHealth
from pumpd.control.local_signals.chip import open_lines
from pumpd.control.local_signals.lines import Line
from pumpd.control.local_signals.service import GpioOutput, LocalSignals
from pumpd.control.metrics import values as said
from pumpd.control.name_watch import NameWatch
from pumpd.control.observation.service import Found, ObservationService
from pumpd.control.ordering.build import Build
from pumpd.control.ordering.config_check import ConfigCheck
from pumpd.control.ordering.courses import CourseService
from pumpd.control.ordering.disk_check import DiskCheck, watch
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.ordering.patient_history import PatientHistories
from pumpd.control.ordering.planning import Planning
from pumpd.control.ordering.service import OrderingService
from pumpd.control.parts import Parts
from pumpd.control.plasma import PlasmaService
from pumpd.control.retention import RetentionService
from pumpd.control.self_test.service import SelfTest
from pumpd.control.socket.dispatch import Dispatch
from pumpd.control.socket.streams import StateStream
from pumpd.control.state.live import LiveState
from pumpd.control.strangers import Strangers
from pumpd.control.tablets.corrections import Corrections
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.pairing_service import PairingService
from pumpd.control.tablets.register import Register
from pumpd.control.tablets.service import Tablets
from pumpd.control.tablets.sign_in import SignIns, paired_tablets
from pumpd.control.tablets.software_nurse import SoftwareNurses
from pumpd.control.tablets.staff import StaffStore
from pumpd.control.vitals.service import VitalsService
from pumpd.dosing import Library
from pumpd.host import metrics
from pumpd.host.clock import Clock
from pumpd.host.supply import SupplyWatch
from pumpd.host.supply_rules import ALARMS as SUPPLY_ALARMS
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.pump import AlarmCode
from pumpd.settings import Settings
from pumpd.settings_file import Read
from pumpd.texts import text


class Gateway:
    def __init__(
        self,
        settings: Settings,
        library: Library,
        runners: Sequence[PumpService],
        journal: JournalWriter,
        strangers: Strangers,
        keys: KeyStore,
        clock: Clock,
        build: Build,
        others: Collection[str] = (),
        damage: str = "",
        observations: Found | None = None,
        alarms_left: Mapping[Key, str] | None = None,
        read: Read | None = None,
    ) -> None:
        """`others`: sessions that another build began. `damage`: what is wrong with the earlier journal.

        `read`: the files of the settings, if they came from files.
        """
        self.settings, self.library, self.clock, self.journal = settings, library, clock, journal
        self.runners = {runner.name: runner for runner in runners}
        pumps, self.identifying = Pumps(self.runners, clock), Identifying(self.runners)
        self.parts = Parts(self._part_died)
        self.health = JournalHealth(self.runners, journal, clock, self.changed, damage)
        self.library_check, self.config_check = LibraryCheck(settings, library, journal, clock), ConfigCheck(read)
        disk = DiskCheck(self.library_check, self.config_check)
        staff = StaffStore(settings.staff_path)
        sign_ins, register = SignIns(staff, clock.loop_ns), Register(keys, staff, journal, clock)
        certificate = CertificateWatch(journal, clock)
        self._local = LocalSignals(settings.gpio, open_lines, pumps.stop_all, self.changed) if settings.gpio else None
        own = (self._journal_alarms, self._supply_alarms, self._local_alarms)
        self._name = NameWatch(settings, self.changed)
        sources = (*own, sign_ins.alarms, certificate.alarms, self._name.alarms)
        self.alarms = AlarmService(self.runners, journal, clock, sources, alarms_left)
        self._sounders = tuple(self._alarm_outputs())
        self._past = DoseHistory(settings.journal_path, journal, others)
        self.plasma = PlasmaService(self.runners, self._past, clock)
        self.observations = ObservationService(journal, self.plasma, clock, observations or Found())
        supplied = settings.supply_watched
        left = frozenset(code for pump, code in alarms_left or {} if not pump and code in SUPPLY_ALARMS)
        self._supply = None if supplied is None else SupplyWatch(supplied, left, self.changed)
        self.gate = StartGate(settings, clock, self._supply)
        self.self_test = SelfTest(self.gate, self._sounders, self._local, journal, clock, self.changed)
        self._vitals = VitalsService(settings.vitals, pumps, journal, clock)
        planning = Planning(settings, library, runners, self._past, clock, others)
        histories = PatientHistories(library, self._past, planning, clock)
        courses = CourseService(library, histories, self._past, clock)
        self.ordering = OrderingService(
            settings.gateway,
            pumps,
            planning,
            self._past,
            disk,
            self.gate,
            self.health,
            self.self_test,
            journal,
            clock,
            build,
            self._vitals,
            self.changed,
        )
        self.confirming = ConfirmingService(pumps, disk, self.gate, self.health, self.plasma, clock)
        corrections = Corrections(sign_ins, self._past, planning, histories, clock)
        self.live = LiveState(
            settings=settings,
            runners=self.runners,
            alarms=self.alarms,
            observations=self.observations,
            ordering=self.ordering,
            identifying=self.identifying,
            plasma=self.plasma,
            library_check=self.library_check,
            config_check=self.config_check,
            health=self.health,
            self_test=self.self_test,
            sounders=self._sounders,
            supply=self._supply,
            certificate=certificate,
            tablets=partial(paired_tablets, keys, sign_ins),
            vitals=self._vitals,
            clock=clock,
        )
        self._stream = StateStream(self.live.state)
        self.tablets = Tablets(
            gateway=settings.gateway,
            keys=keys,
            sign_ins=sign_ins,
            pumps=pumps,
            identifying=self.identifying,
            ordering=self.ordering,
            confirming=self.confirming,
            alarms=self.alarms,
            observations=self.observations,
            plasma=self.plasma,
            histories=histories,
            courses=courses,
            corrections=corrections,
            live=self.live,
            vitals=self._vitals,
            journal=journal,
            strangers=strangers,
            clock=clock,
            changed=self.changed,
        )
        self.dispatch = Dispatch(
            gateway=settings.gateway,
            library=library,
            pumps=pumps,
            identifying=self.identifying,
            ordering=self.ordering,
            confirming=self.confirming,
            histories=histories,
            courses=courses,
            corrections=corrections,
            software_nurses=SoftwareNurses(register, self.confirming),
            tablets=self.tablets,
            pairing=PairingService(settings.gateway, register, journal, clock),
            register=register,
            alarms=self.alarms,
            certificate=certificate,
            live=self.live,
            states=self._stream,
            vitals=self._vitals,
            retention=RetentionService(settings.journal_path, journal, clock),
            strangers=strangers,
        )
        self.answer, self.status = self.dispatch.answer, self.live.state
        self.alarms.on_change = self._alarms_changed

    def start(self) -> None:
        """Start everything that runs: the pumps' own loops and what runs alongside them."""
        for name, runner in self.runners.items():
            on_port = [each for each in self.runners.values() if each.settings.port == runner.settings.port]
            self.parts.start(f"pump {name}", PumpPart(runner, on_port, self.clock))
            self.parts.start(f"time of {name}", TimePart(runner))
        self.parts.start("alarms", self.alarms)
        self.parts.start("plasma", self.plasma)
        self.parts.once("library", watch("library", self.library_check))
        self.parts.once("configuration", watch("configuration", self.config_check))
        self.parts.once("journal", self.health.watch())
        infused = {runner.infusion.patient for runner in self.runners.values() if runner.infusion is not None}
        self.parts.once("dose history", self._past.run(sorted(infused)))
        if self._local is not None:
            self.parts.start("local signals", self._local)
        for number, sounder in enumerate(self._sounders, 1):
            self.parts.start(f"alarm output {number}", sounder)
        if self._vitals.rules is not None:
            self.parts.start("vital signs", self._vitals)
        if self._supply is not None:
            self.parts.start("supply", self._supply)
        if self._name.wanted:
            self.parts.start("gateway's name", self._name)
        if file := metrics.file_of("control", self.settings):
            self.parts.start("metrics", metrics.Speaker("control", file, lambda: said(self.live.state())))

    def _alarm_outputs(self) -> Iterator[Sounder]:
        """What signals alarms at the gateway: sound as long as it is not paused, a light while there is an alarm."""
        if output := self.settings.alarm.output:
            yield Sounder(LedFile(output), lambda: self.alarms.board.sounding)
        if self._local is not None and self._local.has(Line.BUZZER):
            yield Sounder(GpioOutput(self._local, Line.BUZZER), lambda: self.alarms.board.sounding)
        if self._local is not None and self._local.has(Line.LIGHT):
            yield Sounder(GpioOutput(self._local, Line.LIGHT), lambda: self.alarms.board.highest, flash)

    def stop_all(self, why: str) -> None:
        """Stop every pump that may flow."""
        stop_all([each for each in self.runners.values() if each.may_flow or each.unprescribed.stopping], "pumpd", why)

    def changed(self) -> None:
        """Something that is shown to people has changed."""
        self.plasma.check()
        self.observations.check(self.runners.values())
        self.alarms.see()
        self._stream.change()

    def _part_died(self, why: str) -> None:
        """A part of pumpd has died: nothing may flow without it. The process ends and is restarted."""
        self.stop_all(text("pump.failed", "pumpd failed: {error}", error=why))
        self.journal.post([Entry("internal_error", {"error": why}, "", "", self.clock.monotonic_ns())])
        self.alarms.control_failed()

    def _supply_alarms(self) -> frozenset[AlarmCode]:
        return frozenset() if self._supply is None else self._supply.alarms

    def _local_alarms(self) -> frozenset[AlarmCode]:
        return frozenset() if self._local is None else self._local.alarms()

    def _journal_alarms(self) -> frozenset[AlarmCode]:
        if self.health.fault:
            return frozenset({AlarmCode.JOURNAL_FAILED})
        return frozenset({AlarmCode.JOURNAL_SLOW} if self.journal.slow else ())

    def _alarms_changed(self) -> None:
        self._stream.change()
        for sounder in self._sounders:
            sounder.change()
