"""What must be true of the gateway itself before an infusion is first started: its clock, its supply and its ports.

Its clock is also compared with the pump's, where the pump reports one.

Promises:
- They are checked at the order, at the confirmation and again just before the start is sent (STA-11, STA-13).
- A resume is not checked: the infusion is under way, and its intervals are monotonic.
- Simulated pumps are not checked.
- It never holds up a stop.
"""

from pumpd.control.infusions import pump_clock
from pumpd.control.infusions.pump_service import PumpService
from pumpd.host.clock import Clock
from pumpd.host.clock_rules import KernelClock, error_objections, step_objections
from pumpd.host.supply import SupplyWatch
from pumpd.host.supply_rules import start_objections
from pumpd.infusion.events import ConfirmAction
from pumpd.pump_bindings import unstable_port
from pumpd.settings import Settings
from pumpd.texts import listed, text


class StartGate:
    def __init__(self, settings: Settings, clock: Clock, supply: SupplyWatch | None) -> None:
        self._settings, self._clock, self._supply = settings, clock, supply
        self._ordered: dict[str, tuple[str, KernelClock]] = {}  # by pump: the session not yet started, the clock then

    def ordered(self, pump: PumpService, session: str) -> None:
        """An order was accepted; remember the clock as it is now."""
        self._ordered[pump.name] = (session, self._clock.kernel())

    def objections(self, pump: PumpService) -> list[str]:
        """Why nothing may be ordered on this pump now."""
        if pump.settings.simulated:
            return []
        ports = [why] if (why := unstable_port(pump.settings.port)) else []
        return [*self.clock_objections(pump), *self._of_supply(), *ports]

    def clock_objections(self, pump: PumpService) -> list[str]:
        """Those of them that are about time."""
        if pump.settings.simulated:
            return []
        clock = error_objections(self._clock.kernel(), trusted=self._settings.clock_trusted)
        return [*clock, *pump_clock.objections(pump.identity, self._clock)]

    def _of_supply(self) -> tuple[str, ...]:
        if self._supply is None:
            return ()
        if not self._supply.polled:
            return (text("supply.not_checked", "supply: the gateway has not checked its supply yet; ask again"),)
        return start_objections(self._supply.supply)

    def against(self, pump: PumpService, action: ConfirmAction) -> list[str]:
        """Why what was ordered may not be confirmed now."""
        return self._reasons(pump, self._then(pump)) if action is ConfirmAction.START else []

    def last_check(self, pump: PumpService) -> str:
        """Why the start that is about to be sent must not be sent; empty when it may. Asked once for each order."""
        then = self._then(pump)
        self._ordered.pop(pump.name, None)
        return "" if then is None else listed(self._reasons(pump, then))

    def _then(self, pump: PumpService) -> KernelClock | None:
        """The clock as it was when the infusion that has not started yet was ordered."""
        session, then = self._ordered.get(pump.name, ("", None))
        return then if pump.infusion is not None and pump.infusion.place.session == session else None

    def _reasons(self, pump: PumpService, then: KernelClock | None) -> list[str]:
        if pump.settings.simulated:
            return []
        if then is None:
            return [text("clock.order_unknown", "clock: the time of this order is not known; stop it and order again")]
        return [*self.objections(pump), *step_objections(then, self._clock.kernel())]
