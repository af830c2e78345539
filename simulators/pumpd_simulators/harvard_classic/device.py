"""Simulated classic Harvard pumps on one serial line: addressing, the form of a reply, power, and the keys.

Promises (from the sheet):
- Each request is answered once, by the pump whose address it names; one without an address is for pump 0.
- A bare CR asks pump 0 for its prompt in the dialects of the Pump 11 and Model 22. In those of the Models 33 and 44 it
  stops every pump on the line, without a reply.
"""

import asyncio
from collections.abc import Sequence

from pumpd_drivers.harvard_classic.codec import CrLfRequestFramer, Form, Garbage, Reply, Request, RequestFramer
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.harvard_classic import numbers
from pumpd_simulators.harvard_classic.commands import Model22, Pump, RefusalError
from pumpd_simulators.harvard_classic.commands_44 import Model33, Model44
from pumpd_simulators.harvard_classic.commands_oem import MicroliterOem
from pumpd_simulators.harvard_classic.memory import INFUSE
from pumpd_simulators.harvard_classic.options import MODELS, HarvardClassicOptions, Protocol
from pumpd_simulators.plant import Plant

_PUMPS: dict[Protocol, type[Pump]] = {
    Protocol.PUMP_11: Model22,
    Protocol.MODEL_22: Model22,
    Protocol.OEM: MicroliterOem,
    Protocol.PHD_22: Model22,
    Protocol.MODEL_44: Model44,
    Protocol.MODEL_33: Model33,
}
_LOCKED = (Protocol.PUMP_11, Protocol.OEM, Protocol.MODEL_22, Protocol.PHD_22)  # by any command


class HarvardClassicDevice:
    """The device: one pump for each plant. All have one supply."""

    bits_a_byte = 11  # 8N2

    def __init__(
        self, plants: Sequence[Plant], model: str = "model-22", options: HarvardClassicOptions | None = None
    ) -> None:
        self.options = options = options or HarvardClassicOptions()
        self.plants = plants
        chosen = MODELS[model]
        self.model, self.protocol = chosen.name, chosen.protocol
        self.powered = True
        self.doing: Operation | None = None
        self.pumps = [
            _PUMPS[chosen.protocol](plant, chosen, address, options)
            for plant, address in zip(plants, options.chain, strict=True)
        ]
        self._loop = asyncio.get_running_loop()
        self._send: Send | None = None
        self._framer = CrLfRequestFramer() if self.protocol in _LOCKED else RequestFramer()

    @property
    def baud(self) -> int:
        return self.options.baud

    # -- the line --------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        if not self.powered:
            return
        for frame in self._framer.feed(data):
            self._hear(frame)

    def _hear(self, frame: Request | Garbage) -> None:
        if self.protocol not in _LOCKED and frame == Request(""):
            for each in self.pumps:
                each.plant.advance()
                each.motor.stop()
            return
        given = frame.address if isinstance(frame, Request) else ""
        pump = next((pump for pump in self.pumps if pump.address == int(given or 0)), None)
        if pump is None:
            return
        pump.plant.advance()
        pump.remote = True
        text = frame.text if isinstance(frame, Request) else "?"
        self.doing = pump.operation(text)
        try:
            try:
                lines, form = pump.execute(text), pump.form
            except RefusalError as error:
                lines, form = pump.refusal(str(error)), pump.form
                if form is Form.PHD:
                    form = Form.LF  # seen on a PHD 2000 in Model 22 mode
            self._say(Reply(tuple(lines), pump.prompt, pump.shown_address(given), form))
        finally:
            self.doing = None

    def _say(self, reply: Reply) -> None:
        raw = reply.to_bytes()
        if reply.form is Form.PHD and reply.lines and self.options.extra_cr == "lines":
            raw = b"\r" + raw.replace(b"\r\r\n", b"\r\n")
        if self.options.reply_delay_s > 0:
            self._loop.call_later(self.options.reply_delay_s, self._put, raw)
        else:
            self._put(raw)

    def _put(self, raw: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(raw)

    # -- power and keys --------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        self.powered = on
        self._framer.reset()
        for pump in self.pumps:
            pump.plant.advance()
            pump.motor.stop()
            if on:
                pump.power_up()

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """Keys: start, stop, rate=VALUE (in the unit that is set, or N% of now), diameter=VALUE."""
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        if (value is not None) != (key in ("rate", "diameter")):
            raise PanelError(f"key {key!r} {'takes no value' if value else 'needs a value, such as rate=80'}")
        pump = self.pumps[unit - 1]
        if self._locked(pump):
            raise PanelError("the pump is in remote mode: its keys have no effect until KEY, or a power cut")
        pump.plant.advance()
        try:
            match key:
                case "start":
                    pump.run(pump.memory.way)
                case "stop":
                    pump.motor.stop()
                case "rate":
                    self._keyed_rate(pump, value or "")
                case "diameter":
                    pump.set_diameter(self._number(value or ""))
                case _:
                    raise PanelError(f"no key {key!r}; known: start, stop, rate=VALUE, diameter=VALUE")
        except RefusalError as error:
            raise PanelError(f"the pump refuses {key}: {error}") from error

    def _locked(self, pump: Pump) -> bool:
        match self.options.keypad:
            case "sheet":
                return pump.remote and self.protocol in _LOCKED
            case "locked":
                return pump.remote
            case _:
                return False

    def _keyed_rate(self, pump: Pump, value: str) -> None:
        now = pump.memory.rates.get(INFUSE)
        if now is None:
            raise PanelError("no rate is set: there is nothing to change")
        number = self._number(value.removesuffix("%"))
        pump.set_rate(INFUSE, type(now)(now.value * number / 100 if value.endswith("%") else number, now.unit))

    @staticmethod
    def _number(text: str) -> float:
        value = numbers.number(text)
        if value is None:
            raise PanelError(f"{text!r} is not a number")
        return value

    def display(self, unit: int = 1) -> dict[str, str]:
        pump = self.pumps[unit - 1]
        if not self.powered:
            return {"status": "off"}
        pump.plant.advance()
        rate = pump.memory.rates.get(INFUSE)
        return {
            "address": str(pump.address),
            "status": pump.prompt,
            "diameter_mm": f"{pump.memory.diameter_mm:.4g}",
            "rate": f"{rate.value:g} {rate.unit}" if rate else "0",
            "target_ml": f"{pump.memory.target_ml:g}",
            "volume_ml": f"{pump.motor.volume_ml():.4f}",
        }

    def shut(self) -> None:
        """No timer of its own stays behind; the plants' end with them."""
        self._send = None
