"""The pumps of this gateway by name, and what people ask for during an infusion."""

from collections.abc import Mapping

from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.infusion import events as ev
from pumpd.quantities import Volume


class Pumps:
    """Each request returns the pump it was for, and raises RefusedError with every reason against it."""

    def __init__(self, runners: Mapping[str, PumpRunner], clock: Clock) -> None:
        self.runners, self._clock = runners, clock

    def named(self, pump: str) -> PumpRunner:
        if pump not in self.runners:
            raise RefusedError(f"pump: {pump!r} is not configured; configured: {', '.join(self.runners) or 'none'}")
        return self.runners[pump]

    def stop(self, pump: str | None, by: str, reason: str, *, switching_source: bool = False) -> list[str]:
        """Stop one pump, or all of them; returns their names."""
        runners = list(self.runners.values()) if pump is None else [self.named(pump)]
        for runner in runners:
            runner.stop(by, reason, switching=switching_source)
        return [runner.name for runner in runners]

    def pause(self, pump: str, by: str, reason: str) -> PumpRunner:
        return self.feed(pump, ev.PauseRequested(self._now(), by, reason))

    def resume(self, pump: str, by: str) -> PumpRunner:
        return self.feed(pump, ev.ResumeRequested(self._now(), by))

    def clear(self, pump: str, by: str) -> PumpRunner:
        return self.feed(pump, ev.TripsCleared(self._now(), by))

    def reconcile(self, pump: str, by: str, volume: str, reason: str, *, stands: bool) -> PumpRunner:
        try:
            read = Volume.parse(volume, "volume")
        except ValueError as error:
            raise RefusedError(str(error)) from error
        return self.feed(pump, ev.DeliveryReconciled(self._now(), by, read, reason, stands))

    def feed(self, pump: str, event: ev.Event) -> PumpRunner:
        runner = self.named(pump)
        if reasons := runner.feed(event):
            raise RefusedError(*reasons)
        return runner

    def _now(self) -> int:
        return self._clock.monotonic_ns()
