"""What of the gateway itself must be so before an infusion is first started: its clock and its supply.

Its clock also beside a pump's, where that tells one.

Promises:
- It is asked at the order, at the confirmation and again just before the start is sent (STA-11, STA-13).
- A resume asks for none of it: the infusion is under way, and its intervals are monotonic.
- Simulated pumps ask for none of it.
- It keeps nothing from being stopped.
"""

from pumpd.control.infusions.runner import PumpRunner
from pumpd.host.clock import Clock
from pumpd.host.clock_rules import KernelClock, error_objections, pump_objections, step_objections
from pumpd.host.supply import SupplyWatch
from pumpd.host.supply_rules import start_objections
from pumpd.infusion.events import ConfirmAction
from pumpd.settings import Settings


class StartGate:
    def __init__(self, settings: Settings, clock: Clock, supply: SupplyWatch | None) -> None:
        self._settings, self._clock, self._supply = settings, clock, supply
        self._ordered: dict[str, tuple[str, KernelClock]] = {}  # by pump: the session not yet started, the clock then

    def ordered(self, runner: PumpRunner, session: str) -> None:
        """An order was taken by the clock as it is now."""
        self._ordered[runner.name] = (session, self._clock.kernel())

    def objections(self, runner: PumpRunner) -> list[str]:
        """Why nothing may be ordered on this pump now."""
        if runner.settings.simulated:
            return []
        clock = error_objections(self._clock.kernel(), trusted=self._settings.clock_trusted)
        return [*clock, *self._of_pumps_clock(runner), *self._of_supply()]

    def _of_pumps_clock(self, runner: PumpRunner) -> tuple[str, ...]:
        told = runner.identity.clock if runner.identity is not None else None
        if told is None:
            return ()
        return pump_objections(told.at(self._clock.loop_ns()), int(self._clock.now().timestamp()))

    def _of_supply(self) -> tuple[str, ...]:
        if self._supply is None:
            return ()
        if not self._supply.polled:
            return ("supply: the gateway has not looked at its supply yet; ask again",)
        return start_objections(self._supply.supply)

    def against(self, runner: PumpRunner, action: ConfirmAction) -> list[str]:
        """Why what was ordered may not be confirmed now."""
        return self._reasons(runner, self._then(runner)) if action is ConfirmAction.START else []

    def last_look(self, runner: PumpRunner) -> str:
        """Why the start that is about to be sent may not be; empty when it may. From then on nothing is asked."""
        then = self._then(runner)
        self._ordered.pop(runner.name, None)
        return "" if then is None else "; ".join(self._reasons(runner, then))

    def _then(self, runner: PumpRunner) -> KernelClock | None:
        """The clock by which the infusion that is not started yet was ordered."""
        session, then = self._ordered.get(runner.name, ("", None))
        return then if runner.infusion is not None and runner.infusion.place.session == session else None

    def _reasons(self, runner: PumpRunner, then: KernelClock | None) -> list[str]:
        if runner.settings.simulated:
            return []
        if then is None:
            return ["clock: the time of this order is not known; stop it and order again"]
        return [*self.objections(runner), *step_objections(then, self._clock.kernel())]
