"""A simulated Poseidon on its line: a small receive buffer, printing that blocks everything, resets, and one key.

Promises (from the sheet):
- Each complete frame is echoed at once, before it is obeyed. While the pump prints, no motor steps, and what arrives
  waits in a buffer of 63 bytes; more is lost.
- The Time of an echo is taken in the main loop only, so it is frozen while the pump moves or is paused.
- A reset silently ends everything; the ready text comes when the board has started again.
"""

import asyncio
from collections.abc import Sequence

from pumpd_drivers.poseidon.codec import Ready, RequestFramer
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.plant import Alert, Plant
from pumpd_simulators.poseidon.commands import Firmware, operation
from pumpd_simulators.poseidon.motor import Motor
from pumpd_simulators.poseidon.options import PoseidonOptions

BYTES_S = 22222.2  # 230400 baud as a 16 MHz chip makes it
SENDS, RECEIVES = 64, 63  # bytes that the chip's software holds in each direction
BLINKS_S = 1.0  # of the light, between a start of the firmware and its ready text


class PoseidonDevice:
    """The board and its three motors, each with a syringe of its own."""

    def __init__(
        self, plants: Sequence[Plant], model: str = "poseidon", options: PoseidonOptions | None = None
    ) -> None:
        self.options = options = options or PoseidonOptions()
        self.plants, self.model, self.baud = plants, model, 230400
        self.powered = True
        self.doing: Operation | None = None
        self.lit = False  # the light L: on after a frame, until the next byte that comes
        self.motors = [Motor(plant, options, self._settle) for plant in plants]
        self.firmware = Firmware(self.motors, reports=options.has_move_report)
        self._framer = RequestFramer()
        self._received = bytearray()
        self._send: Send | None = None
        self._loop = asyncio.get_running_loop()
        self._started_s = plants[0].now - BLINKS_S  # when the firmware's clock began
        self._time = 0
        self._booting: Alert | None = None
        self._printing: Alert | None = None

    # -- the line --------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        if self.options.resets_on_open and self.powered:
            self.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        """Bytes that arrive while the pump prints or starts wait, as far as there is room."""
        if not self.powered:
            return
        self._received += data if self._free else data[: RECEIVES - len(self._received)]
        self._work()

    @property
    def _free(self) -> bool:
        return self._booting is None and self._printing is None

    def _work(self) -> None:
        """Read until a frame is complete; the rest waits until it is printed and obeyed."""
        while self._received and self._free and self.powered:
            byte = bytes([self._received.pop(0)])
            self.lit = byte == b">"
            for request in self._framer.feed(byte):
                del self._received[RECEIVES:]
                if not self.firmware.loops or self.options.time_in_a_move == "runs":
                    self._time = int((self.plants[0].now - self._started_s) * 1000) >> 9
                self.doing = operation(request)
                try:
                    self._print(self.firmware.obey(request, self._time))
                finally:
                    self.doing = None

    def _print(self, text: bytes) -> None:
        """All but the last bytes, which the chip sends by itself, hold up everything else."""
        self._say(text)
        if self.powered:  # a reply may be what a crash waited for
            plant = self.plants[0]
            self._printing = plant.at(plant.now + max(0, len(text) - SENDS) / BYTES_S, self._printed)

    def _printed(self) -> None:
        self._printing = None
        self._settle()
        self._work()

    def _settle(self) -> None:
        """Continue: a motor has made its piece, or a reply was printed."""
        if self._printing is None and self.powered and (text := self.firmware.settle()):
            self._print(text)

    def _say(self, text: bytes) -> None:
        if self.options.reply_delay_s > 0:
            self._loop.call_later(self.options.reply_delay_s, self._put, text)
        else:
            self._put(text)

    def _put(self, text: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(text)

    # -- power and keys --------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        self._forget()
        self.powered = on
        if on:
            self.reset()

    def reset(self) -> None:
        """Everything ends at once and is forgotten: the move, speeds, what was received."""
        self._forget()
        plant = self.plants[0]
        self._started_s = plant.now + self.options.bootloader_s
        self._booting = plant.at(self._started_s + BLINKS_S, self._ready)

    def _ready(self) -> None:
        self._booting = None
        self._put(Ready().to_bytes())
        self._work()

    def _forget(self) -> None:
        for alert in (self._booting, self._printing):
            if alert is not None:
                alert.cancel()
        self._booting = self._printing = None
        self._received.clear()
        self._framer.reset()
        self.firmware.power_up()
        self.lit = False

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - one key for all
        """Keys: reset, on the board."""
        if key != "reset" or value is not None:
            raise PanelError(f"no key {key!r}{'' if value is None else ' with a value'}; known: reset, on the board")
        if not self.powered:
            raise PanelError("the pump is off: its key has no effect")
        self.reset()

    def display(self, unit: int = 1) -> dict[str, str]:
        """It has no display: what a person can see."""
        motor = self.motors[unit - 1]
        if not self.powered:
            return {"light": "off"}
        return {"light": "on" if self.lit else "off", "motor": str(unit), "steps": str(motor.steps)}

    def shut(self) -> None:
        """No timer of its own stays behind; the plants' end with them."""
        self._send = None
