"""The plant's own truth: every flow with its cause, every start that the pump received. Nothing here asks pumpd."""

from collections.abc import Callable
from dataclasses import dataclass

from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.plant import Plant


@dataclass(slots=True)
class Flow:
    """`cause`: wire (a start as the host sent it), garbled (a damaged frame that became a start), panel, or itself."""

    cause: str
    began_s: float
    began_ml: float
    ended_s: float | None = None
    ended_ml: float = 0.0


class Watch:
    """`on_start` is called when the pump receives a start, `on_flow` when its motor begins to turn."""

    def __init__(self, pump: SimulatedPump, now: Callable[[], float]) -> None:
        self.pump, self._now = pump, now
        self.flows: list[Flow] = []
        self.starts = 0
        self.on_start: Callable[[], None] = lambda: None
        self.on_flow: Callable[[Flow], None] = lambda _: None
        self._pressing = self._hearing = self._garbled = False
        self._raised: list[tuple[float, float, float]] = []  # at the panel: instant, mL moved, rate before
        self._listen()

    @property
    def plant(self) -> Plant:
        return self.pump.plant

    @property
    def running(self) -> bool:
        return self.plant.running

    @property
    def delivered_ml(self) -> float:
        return self.plant.delivered_ml

    @property
    def moved_ml(self) -> float:
        return self.plant.moved()[0]

    @property
    def stopped_for_s(self) -> float:
        if not self.flows:
            return self._now()
        ended = self.flows[-1].ended_s
        return 0.0 if ended is None else self._now() - ended

    def unprescribed_ml(self, since_s: float = 0.0) -> float:
        """What people at the panel and the line itself made the pump give, including what they made it give faster."""
        given = 0.0
        for flow in self.flows:
            if flow.cause != "wire" and flow.began_s >= since_s:
                given += (self.moved_ml if flow.ended_s is None else flow.ended_ml) - flow.began_ml
        return given + sum(self._excess(*each) for each in self._raised if each[0] >= since_s)

    def _excess(self, at_s: float, at_ml: float, rate_ml_h: float) -> float:
        flow = next((each for each in reversed(self.flows) if each.began_s <= at_s), None)
        if flow is None:
            return 0.0
        ended_s = self._now() if flow.ended_s is None else flow.ended_s
        ended_ml = self.moved_ml if flow.ended_s is None else flow.ended_ml
        return max(0.0, ended_ml - at_ml - rate_ml_h * (ended_s - at_s) / 3600.0)

    def press(self, key: str) -> None:
        """A person presses a key at the pump. A key without a function at present does nothing."""
        name, _, value = key.partition("=")
        if name == "rate":
            self._raised.append((self._now(), self.moved_ml, abs(self.plant._rate)))
        self._pressing = True
        try:
            self.pump.press(name, value or None)
        except PanelError:
            pass
        finally:
            self._pressing = False

    # -- the peer of the port ----------------------------------------------------------------------------------------

    def attach(self, send: Callable[[bytes], None]) -> None:
        self.pump.attach(send)

    def feed(self, data: bytes) -> None:
        self._garbled, self._hearing = False, True
        try:
            self.pump.feed(data)
        finally:
            self._hearing = False

    def detach(self) -> None:
        self.pump.detach()

    # -- hooks -------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        watch, device, line = self, self.pump.device, self.pump.line

        class Listening(type(device)):
            def __setattr__(self, name, value):
                if name == "doing" and value is Operation.START and watch._hearing:
                    watch._heard()
                super().__setattr__(name, value)

        device.__class__ = Listening
        self.plant.__class__ = _Watched
        self.plant.watch = self
        spoil = line._maybe_garbled

        def spoiled(data: bytes) -> bytes:
            changed = spoil(data)
            self._garbled = changed != data
            return changed

        line._maybe_garbled = spoiled

    def _heard(self) -> None:
        if not self._garbled:
            self.starts += 1
            self.on_start()

    def began(self) -> None:
        if self.flows and self.flows[-1].ended_s in (None, self._now()):
            self.flows[-1].ended_s = None  # the next step of the same program, or a key that restarts the motor
            return
        doing = self.pump.device.doing is Operation.START
        cause = "panel" if self._pressing else "itself" if not doing else "garbled" if self._garbled else "wire"
        self.flows.append(Flow(cause, self._now(), self.plant._moved[1]))
        self.on_flow(self.flows[-1])

    def ended(self) -> None:
        if self.flows and self.flows[-1].ended_s is None:
            self.flows[-1].ended_s, self.flows[-1].ended_ml = self._now(), self.plant._moved[1]


class _Watched(Plant):
    watch: Watch

    def run(self, rate_ml_h, volume_ml=None):
        stopped = self._rate <= 0
        super().run(rate_ml_h, volume_ml)
        if stopped and self._rate > 0:  # one that cannot turn has stalled already
            self.watch.began()

    def stop(self):
        self._notice_end(super().stop)

    def _arrive(self):
        self._notice_end(super()._arrive)

    def _stall(self):
        self._notice_end(super()._stall)

    def _notice_end(self, do):
        self.advance()
        ran = self._rate > 0
        do()
        if ran and self._rate == 0:
            self.watch.ended()
