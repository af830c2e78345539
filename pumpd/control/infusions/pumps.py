"""The pumps of this gateway by name, and what people ask for during an infusion."""

from collections.abc import Mapping

from pumpd.control.infusions.pump_service import PumpService, stop_all
from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.infusion import events as ev
from pumpd.known_texts import sentence
from pumpd.messages.requests import Reconcile, Stop
from pumpd.messages.tablet import TabletReconcile
from pumpd.quantities import Volume
from pumpd.texts import of_error, text


class Pumps:
    """Each request returns the pump that it was for, and raises RefusedError with every reason against it."""

    def __init__(self, runners: Mapping[str, PumpService], clock: Clock) -> None:
        self.runners, self._clock = runners, clock

    def named(self, pump: str) -> PumpService:
        if pump not in self.runners:
            configured = ", ".join(self.runners) or text("pump.none_configured", "none")
            raise RefusedError(
                text(
                    "pump.not_configured",
                    "pump: {pump} is not configured; configured: {configured}",
                    pump=repr(pump),
                    configured=configured,
                )
            )
        return self.runners[pump]

    def stop(self, request: Stop, by: str) -> tuple[list[str], dict[str, str]]:
        """Stop one pump, or all of them; returns their names. Raises RefusedError for those on which pumpd failed.

        A late stop leaves an infusion alone that began after it (STP-12): by pump, what it is then answered.
        """
        runners = list(self.runners.values()) if request.pump is None else [self.named(request.pump)]
        late = {runner.name: why for runner in runners if (why := runner.too_late(request.of_session, request.age_s))}
        meant = [runner for runner in runners if runner.name not in late]
        if failed := stop_all(meant, by, request.reason, switching=request.switching_source):
            raise RefusedError(
                text(
                    "stop.failed",
                    "stop: pumpd failed on {pumps}; stop it at the pump, clamp the line",
                    pumps=", ".join(failed),
                )
            )
        return [runner.name for runner in meant], late

    def stop_all(self, by: str, reason: str) -> None:
        """Stop every pump, whatever began when: for a person at the gateway itself. Raises RefusedError as `stop`."""
        self.stop(Stop(by=by, reason=reason), by)

    def pause(self, pump: str, by: str, reason: str) -> PumpService:
        """`reason` empty: it may follow (`explain_pause`)."""
        runner = self.feed(
            pump, ev.PauseRequested(self._now(), by, sentence(reason) or text("pause.requested", "pause requested"))
        )
        runner.pause_reason = reason
        return runner

    def explain_pause(self, pump: str, session: str, by: str, reason: str) -> PumpService:
        """Record why the last pause of this session was made, also when the infusion runs again or has ended."""
        runner = self.named(pump)
        infusion = runner.infusion
        if infusion is None or infusion.place.session != session or not infusion.pauses:
            raise RefusedError(
                text("pause.not_here", "pause_reason: that infusion is no longer on this pump, or had no pause")
            )
        runner.explain_pause(by, reason)
        return runner

    def resume(self, pump: str, by: str) -> PumpService:
        return self.feed(pump, ev.ResumeRequested(self._now(), by))

    def clear(self, pump: str, by: str) -> PumpService:
        return self.feed(pump, ev.TripsCleared(self._now(), by))

    def reconcile(self, pump: str, by: str, read: Reconcile | TabletReconcile) -> PumpService:
        """End an uncertain delivery with the volume that `by` read on the pump's display."""
        volume = _volume(read.volume, "volume")
        again = None if read.volume_again is None else _volume(read.volume_again, "volume again")
        event = ev.DeliveryReconciled(self._now(), by, volume, read.reason, read.seen_stopped, again)
        return self.feed(pump, event)

    def feed(self, pump: str, event: ev.Event) -> PumpService:
        runner = self.named(pump)
        if reasons := runner.feed(event):
            raise RefusedError(*reasons)
        return runner

    def _now(self) -> int:
        return self._clock.monotonic_ns()


def _volume(text: str, field: str) -> Volume:
    try:
        return Volume.parse(text, field, zero=True)
    except ValueError as error:
        raise RefusedError(of_error(error)) from error
