"""The bench: one simulated pump with its plant, its line and its faults, ready to be served on a port or in memory.

Promises:
- A fault with a time comes at that infusion time: plant seconds since the motor first ran.
- `truth()` is the plant's word, never the pump's; it says that it is simulated.
"""

import asyncio
from collections.abc import Iterable

from pumpd_simulators.device import Device, PanelError, Send
from pumpd_simulators.faults import Fault, Kind
from pumpd_simulators.line import Line


class SimulatedPump:
    """A peer (attach, feed, detach) for pumpd's in-memory line, a pseudo-terminal or a TCP port."""

    def __init__(self, device: Device, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self.device = device
        self.plant = device.plant
        self.line = Line(device, seed)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Fault] = []
        self._power_back: asyncio.TimerHandle | None = None
        self._flow_began: float | None = None
        device.on_first_flow = self._first_flow
        for fault in faults:
            self.fire(fault)

    def attach(self, send: Send) -> None:
        self.line.attach(send)

    def feed(self, data: bytes) -> None:
        self.line.feed(data)

    def detach(self) -> None:
        self.line.detach()

    # -- what a person at the bench does ---------------------------------------------------------------------

    def fire(self, fault: Fault | str) -> None:
        """Arm a fault for its time, or let it come now when it has none."""
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        if fault.at_s is None:
            self._strike(fault)
        else:
            self._waiting.append(fault)
            if self._flow_began is not None:
                self._schedule(fault, self._flow_began)

    def clear(self, kind: Kind) -> None:
        """End a lasting fault; those that wait for their time stay armed."""
        match kind:
            case Kind.OCCLUSION:
                self.plant.release()
            case Kind.STALL:
                self.plant.free()
            case Kind.POWER_CUT:
                self.power(on=True)
            case _:
                self.line.clear(kind)

    def power(self, *, on: bool) -> None:
        if self._power_back is not None:
            self._power_back.cancel()
            self._power_back = None
        if on != self.device.powered:
            self.device.power(on=on)

    def press(self, key: str, value: str | None = None) -> None:
        self.device.press(key, value)

    def truth(self) -> dict[str, object]:
        """What is really so, as the control port says it. Measurements are floats in the unit of their name."""
        truth = self.plant.truth()
        began = self._flow_began
        return {
            "simulated": True,
            "pump": self.device.model,
            "plant_time_s": truth.time_s,
            "infusion_time_s": None if began is None else truth.time_s - began,
            "delivered_ml": truth.delivered_ml,
            "rate_ml_h": truth.rate_ml_h,
            "running": truth.running,
            "powered": self.device.powered,
            "pressure_mmhg": truth.pressure_mmhg,
            "largest_bolus_ml": truth.largest_bolus_ml,
            "contents_ml": truth.contents_ml,
            "faults": self._active(),
            "waiting_faults": [str(fault) for fault in self._waiting],
            "display": self.device.display(),
        }

    def shut(self) -> None:
        """The end of the simulation: no timer stays behind."""
        if self._power_back is not None:
            self._power_back.cancel()
        self.line.shut()
        self.device.shut()
        self.plant.shut()

    # -- faults -------------------------------------------------------------------------------------------------

    def _active(self) -> list[str]:
        truth = self.plant.truth()
        plant = [kind for kind, so in ((Kind.OCCLUSION, truth.occluded), (Kind.STALL, truth.jammed)) if so]
        return [*plant, *([] if self.device.powered else [Kind.POWER_CUT]), *self.line.active()]

    def _first_flow(self) -> None:
        if self._flow_began is not None:  # a restart after a power cut is not the first
            return
        self._flow_began = began = self.plant.now
        for fault in list(self._waiting):
            self._schedule(fault, began)

    def _schedule(self, fault: Fault, began: float) -> None:
        def strike() -> None:
            self._waiting.remove(fault)
            self._strike(fault)

        self.plant.at(began + (fault.at_s or 0.0), strike)

    def _strike(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.OCCLUSION:
                self.plant.occlude()
                if fault.lasting_s is not None:
                    self.plant.at(self.plant.now + fault.lasting_s, lambda: self.clear(Kind.OCCLUSION))
            case Kind.STALL:
                self.plant.jam()
                if fault.lasting_s is not None:
                    self.plant.at(self.plant.now + fault.lasting_s, lambda: self.clear(Kind.STALL))
            case Kind.POWER_CUT:
                self.power(on=False)
                self._power_back = self._loop.call_later(fault.lasting_s or 0.0, lambda: self.power(on=True))
            case Kind.FRONT_PANEL:
                try:
                    self.press(*fault.key)
                except PanelError as error:
                    if fault.at_s is None:
                        raise
                    # Nobody is there to be told; the display shows what came of it.
                    self._loop.call_exception_handler({"message": f"fault {fault}: {error}", "exception": error})
            case _:
                self.line.fire(fault)
