"""The present state, collected from the services of control.

Promises:
- Collecting it changes nothing.
- It contains every active alarm, of the pumps and of the gateway.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pumpd.control.alarms.service import AlarmService
from pumpd.control.alarms.sounder import Sounder
from pumpd.control.certificate import CertificateWatch
from pumpd.control.infusions.identifying import Identifying
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.journal_health import JournalHealth
from pumpd.control.observation.service import ObservationService
from pumpd.control.ordering.config_check import ConfigCheck
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.ordering.service import OrderingService
from pumpd.control.plasma import PlasmaService
from pumpd.control.self_test.service import SelfTest
from pumpd.control.state.snapshot import GatewayValues, PumpValues, pump_state, snapshot
from pumpd.control.vitals.service import VitalsService
from pumpd.host.clock import Clock
from pumpd.host.supply import SupplyWatch
from pumpd.host.supply_rules import Source, Supply
from pumpd.infusion import Infusion
from pumpd.messages.state import AlarmState, AudioState, GatewayState, PumpState, SupplyState, TabletState
from pumpd.settings import Settings
from pumpd.texts import listed


@dataclass(kw_only=True, eq=False, repr=False)
class LiveState:
    """`tablets`: every paired tablet, by the id of its key, with the person signed in on it."""

    settings: Settings
    runners: Mapping[str, PumpService]
    alarms: AlarmService
    observations: ObservationService
    ordering: OrderingService
    identifying: Identifying
    plasma: PlasmaService
    library_check: LibraryCheck
    config_check: ConfigCheck
    health: JournalHealth
    self_test: SelfTest
    sounders: Sequence[Sounder]
    supply: SupplyWatch | None
    certificate: CertificateWatch
    tablets: Callable[[], Mapping[str, TabletState]]
    vitals: VitalsService
    clock: Clock

    def state(self) -> GatewayState:
        return snapshot(self._values(), self.clock.instant())

    def pump(self, runner: PumpService) -> PumpState:
        return pump_state(self._pump(runner), self.clock.instant())

    def _values(self) -> GatewayValues:
        return GatewayValues(
            name=self.settings.gateway,
            pumps=[self._pump(runner) for runner in self.runners.values()],
            alarms=_alarms(self.alarms.of_pump("")),
            journal=self.health.fault,
            library=self.library_check.status,
            configuration=self.config_check.status,
            supply=None if self.supply is None else _supply(self.supply.supply),
            certificate=self.certificate.state,
            alarm_output=_outputs(self.sounders),
            audio=cast("AudioState | None", self.alarms.audio),
            tablets=self.tablets(),
            tablets_connected=len(self.alarms.tablets),
            clock_synchronized=self.clock.known(trusted=self.settings.clock_trusted),
            utc_offset_min=self.clock.utc_offset_min(),
        )

    def _pump(self, runner: PumpService) -> PumpValues:
        infusion = runner.infusion
        session, course = self.ordering.courses.get(runner.name, ("", None))
        return PumpValues(
            settings=runner.settings,
            problem=runner.problem,
            lost=bool(runner.problem) or runner.missing,
            patient=runner.patient,
            identity=runner.identity,
            proved_by=runner.line.proved_by if runner.line.proven else "",
            to_identify=self.identifying.to_do(runner),
            capabilities=runner.capabilities,
            reading=runner.reading,
            stopped=runner.stopped,
            infusion=infusion,
            program=runner.program,
            alarms=_alarms(self.alarms.of_pump(runner.name)),
            observations=self.observations.of_pump(runner.name),
            self_test=self.self_test.last.get(runner.name),
            course=course if infusion is not None and session == infusion.place.session else None,
            estimate=self.plasma.estimate(runner),
            pause_reason=runner.pause_reason,
            continued=infusion is not None and self._continued(infusion, runner),
            vitals=self.vitals.shown(runner),
        )

    def _continued(self, infusion: Infusion, on: PumpService) -> bool:
        """Whether another pump has a later delivery of the same treatment."""
        others = (each.infusion for each in self.runners.values() if each is not on and each.infusion is not None)
        mine = infusion.treatment or infusion.place.session
        return any(each.treatment == mine and each.ordered_ns > infusion.ordered_ns for each in others)


def _alarms(active: Sequence[Mapping[str, Any]]) -> list[AlarmState]:
    return [cast("AlarmState", each) for each in active]


def _supply(supply: Supply | None) -> SupplyState | None:
    if supply is None:
        return None
    left_s = supply.left_s if supply.source is Source.BATTERY else None
    return {
        "source": supply.source.value,
        "left_min": None if left_s is None else left_s // 60,
        "under_voltage": supply.under_voltage,
    }


def _outputs(sounders: Sequence[Sounder]) -> str | None:
    """None without any, "ok", or what is wrong with them."""
    if not sounders:
        return None
    return listed((each.problem for each in sounders if each.problem), "ok")
