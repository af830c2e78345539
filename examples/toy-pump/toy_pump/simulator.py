"""A simulated toy pump: its frames from the codec, its volumes from the plant."""

import asyncio
from collections.abc import Sequence

from pydantic import Field

from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.family import Family, SimulatorOptions
from pumpd_simulators.plant import Plant, PlantSettings
from toy_pump.codec import Frame, Framer, Garbage

OPERATIONS = {
    "ID": Operation.IDENTIFY,
    "STATUS": Operation.READ,
    "HELD": Operation.READ,
    "SET": Operation.PROGRAM,
    "GO": Operation.START,
    "HALT": Operation.STOP,
}


class ToyOptions(SimulatorOptions):
    serial: str = Field(default="0007", description="the serial number in the reply to ID")


class ToyPump:
    baud = 9600

    def __init__(self, plant: Plant, options: ToyOptions) -> None:
        self.model = "toy-1"
        self.plants: Sequence[Plant] = (plant,)
        self.powered = True
        self.doing: Operation | None = None
        self._plant, self._options = plant, options
        self._framer = Framer()
        self._send: Send | None = None
        self._loop = asyncio.get_running_loop()
        self._watchdog: asyncio.TimerHandle | None = None
        self._watchdog_s = 0
        self._forget()
        plant.on_stall = lambda: self._raise("occlusion")

    def _forget(self) -> None:
        self._rate = self._volume = 0.0
        self._alarm, self._cleared = "none", self._plant.moved()[0]

    def attach(self, send: Send) -> None:
        self._send = send

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if self.powered and not isinstance(frame, Garbage):
                self.doing = OPERATIONS.get(frame.word, Operation.OTHER)
                self._rearm()
                answer = Frame(f"{frame.word} {self._answer(frame)}").to_bytes()
                if self._send is not None:
                    self._send(answer)
                self.doing = None

    def _answer(self, frame: Frame) -> str:
        running = self._plant.truth().running
        match [frame.word, *frame.rest]:
            case ["ID"]:
                return f"OK {self.model} {self._options.serial}"
            case ["STATUS"]:
                state = "infusing" if running else "idle" if self._alarm == "none" else "alarm"
                return f"OK {state} {self._rate:g} {self._plant.moved()[0] - self._cleared:.2f} {self._alarm}"
            case ["HELD"]:
                return f"OK {self._rate:g} {self._volume:g}"
            case ["SET", rate, volume] if not running:
                self._forget()
                self._rate, self._volume = float(rate), float(volume)
                return "OK"
            case ["GO", seconds] if not running and self._rate and self._alarm == "none":
                self._watchdog_s = int(seconds)
                left = self._volume - (self._plant.moved()[0] - self._cleared)
                if left <= 0:
                    return "NO volume given"
                self._plant.run(self._rate, left)
                self._rearm()
                return "OK"
            case ["HALT"]:
                self._plant.stop()
                return "OK"
            case _:
                return "NO not now" if frame.word in OPERATIONS else "NO unknown"

    def _rearm(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if self._watchdog_s:
            self._watchdog = self._loop.call_later(self._watchdog_s, self._silent)

    def _silent(self) -> None:
        if self._plant.truth().running:
            self._raise("silence")

    def _raise(self, alarm: str) -> None:
        self._alarm = alarm
        self._plant.stop()

    def power(self, *, on: bool) -> None:
        self.powered = on
        self._plant.stop()
        self._forget()

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - one panel
        if key != "stop" or not self.powered:
            raise PanelError(f"no key {key!r}; known: stop")
        self._plant.stop()

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - one panel
        return {"rate": f"{self._rate:g}", "alarm": self._alarm} if self.powered else {"status": "off"}

    def shut(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()


FAMILY = Family(
    name="toy",
    title="A pump that does not exist, as an example",
    models=("toy-1",),
    options=ToyOptions,
    make=lambda plants, _, options: ToyPump(plants[0], options),
    physics=lambda _, seed: PlantSettings.syringe(seed),
)
