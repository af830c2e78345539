"""Simulated Harvard pumps on one serial line: addressing, the form of a reply, power, and the keys of each pump.

Promises (from the recorded dialogue):
- Each request is answered once, by the pump whose address it names: `LF text CR` for each line, then `LF prompt`, then
  XON while `poll` is on. Any other address gets no reply.
- With echo on, the request is sent back before the reply.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pumpd_drivers.harvard.codec import Garbage, Reply, Request, RequestFramer
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.harvard import numbers
from pumpd_simulators.harvard.commands import HarvardPump, command_error
from pumpd_simulators.harvard.memory import INFUSE
from pumpd_simulators.harvard.options import MODELS, HarvardOptions
from pumpd_simulators.plant import Plant


class HarvardDevice:
    """The device: one pump for each plant. All have one supply."""

    def __init__(
        self, plants: Sequence[Plant], model: str = "legato-100", options: HarvardOptions | None = None
    ) -> None:
        self.options = options = options or HarvardOptions()
        self.plants = plants
        self.model = MODELS[model].name
        self.powered = True
        self.doing: Operation | None = None
        head, digits = options.serial.rstrip("0123456789"), options.serial[len(options.serial.rstrip("0123456789")) :]
        self.pumps = [
            HarvardPump(
                plant,
                MODELS[model],
                address,
                f"{head}{int(digits) + number:0{len(digits)}d}" if digits else options.serial,
                options,
            )
            for number, (plant, address) in enumerate(zip(plants, options.chain, strict=True))
        ]
        self._loop = asyncio.get_running_loop()
        self._send: Send | None = None
        self._framer = RequestFramer()

    @property
    def baud(self) -> int:
        return self.pumps[0].baud

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
        pump = self._addressed(frame.address if isinstance(frame, Request) else None)
        if pump is None or (isinstance(frame, Request) and self._written_otherwise(frame)):
            return
        pump.plant.advance()
        echoed = frame.raw if isinstance(frame, Garbage) else frame.to_bytes()
        echo = echoed if pump.switches["echo"] == "on" else b""
        if isinstance(frame, Garbage):
            self._say(pump, echo, command_error("Unknown command"), self._shown(pump))
            return
        word, *arguments = frame.text.split() or [""]
        name = pump.find(word)
        self.doing = pump.operation(name, arguments) if word else Operation.READ
        before = self._shown(pump)
        try:
            lines = pump.execute(name, arguments) if word else []
            if not (self.options.silent_settings and pump.address and self.doing is Operation.PROGRAM):
                self._say(pump, echo, lines, before)
        finally:
            self.doing = None

    def _addressed(self, address: int | None) -> HarvardPump | None:
        if address is None and len(self.pumps) == 1 and self.options.unaddressed == "any":
            return self.pumps[0]
        return next((pump for pump in self.pumps if pump.address == (address or 0)), None)

    def _written_otherwise(self, request: Request) -> bool:
        """Whether its address is not written as these pumps read it."""
        wanted = self.options.address_colon
        return request.address is not None and wanted != "optional" and request.colon != (wanted == "required")

    def _shown(self, pump: HarvardPump) -> int | None:
        return pump.address if pump.address or self.options.show_address_zero else None

    def _say(self, pump: HarvardPump, echo: bytes, lines: list[str], before: int | None) -> None:
        """`before` is the pump's address when the request came: the reply to `addr 2` still shows the old address."""
        options, prompt = self.options, pump.motor.prompt
        colon = options.colon_before_prompt and prompt in ("*", "T*")
        if before is not None and (options.prompt_on_text or options.address_on_text):
            live = prompt if options.prompt_on_text else ":"
            lines = [f"{before:02d}{live}{line}" for line in lines]
        raw = self._as_sent(pump, Reply(tuple(lines), prompt, self._shown(pump), colon))
        raw = echo + (raw if pump.switches["poll"] == "on" else raw[:-1])
        if options.reply_delay_s > 0:
            self._loop.call_later(options.reply_delay_s, self._put, raw)
        else:
            self._put(raw)

    def _as_sent(self, pump: HarvardPump, reply: Reply) -> bytes:
        """The reply with what only some pumps and lines do to it."""
        options = self.options
        if options.trailing_blank:
            reply = replace(reply, lines=tuple(f"{line} " for line in reply.lines))
        if options.nul_bytes == "text":
            lines = tuple(f"{line[: len(line) // 2]}\0{line[len(line) // 2 :]}" for line in reply.lines)
            reply = replace(reply, lines=lines)
        if options.wrong_address == "instead" and pump.address:
            reply = replace(reply, address=None)
        raw = reply.to_bytes()
        if options.wrong_address == "before" and pump.address:
            raw = b"\n00:" + raw
        if options.leaked_prompt and reply.prompt == "T*":
            raw = b"T*\r" + raw
        if options.telnet:
            raw = raw.replace(b"\r", b"\r\0")
        return b"\0" + raw if options.nul_bytes == "before" else raw

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
        """Keys: start, stop, rate=VALUE (in the pump's units, or N% of now), diameter=VALUE."""
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        if (value is not None) != (key in ("rate", "diameter")):
            raise PanelError(f"key {key!r} {'takes no value' if value else 'needs a value, such as rate=80'}")
        pump = self.pumps[unit - 1]
        pump.plant.advance()
        match key:
            case "start":
                lines = pump.execute("irun", [])
            case "stop":
                pump.motor.stop()
                lines = []
            case "rate":
                lines = pump.execute("irate", self._keyed_rate(pump, value or ""))
            case "diameter":
                lines = pump.execute("diameter", [value or ""])
            case _:
                raise PanelError(f"no key {key!r}; known: start, stop, rate=VALUE, diameter=VALUE")
        if lines:
            raise PanelError(f"the pump refuses {key}: {lines[-1].strip()}")

    @staticmethod
    def _keyed_rate(pump: HarvardPump, value: str) -> list[str]:
        now = pump.program.rates.get(INFUSE)
        if now is None:
            raise PanelError("no rate is set: there is nothing to change")
        if not value.endswith("%"):
            return [value, now.unit]
        percent = numbers.number(value[:-1])
        if percent is None:
            raise PanelError(f"{value!r} is not a percentage")
        return [numbers.shown(now.value * percent / 100), now.unit]

    def display(self, unit: int = 1) -> dict[str, str]:
        pump = self.pumps[unit - 1]
        if not self.powered:
            return {"status": "off"}
        pump.plant.advance()
        return {
            "address": str(pump.address),
            "status": pump.motor.prompt,
            "diameter_mm": f"{pump.program.diameter_mm:.4f}",
            "rate": pump.execute("irate", [])[0],
            "target": pump.execute("tvolume", [])[0],
            "target_time": pump.execute("ttime", [])[0],
            "infused": numbers.volume(pump.motor.volume_ml(INFUSE)),
        }

    def shut(self) -> None:
        """No timer of its own stays behind; the plants' end with them."""
        self._send = None
