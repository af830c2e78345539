"""A simulated Base A on its serial line: acknowledgements, sessions, ENQ, unasked messages, its modules' keys.

Source: the family's protocol sheet. Facts that no source states are in `BaseAOptions`.

Promises:
- Each good frame is answered with ACK and, if it is a command, at once with one reply; each bad one with NAK and its
  error, and it changes nothing.
- Without an open session (base first, then module) only DC is carried out.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pumpd_drivers.fresenius_base_a.codec import (
    ACK,
    BAD_ADDRESS,
    DC4,
    ENQ,
    LONGEST_MESSAGE,
    NAK,
    NO_ACK,
    NOT_READY,
    Frame,
    Garbage,
    Heard,
    RequestFramer,
    Signal,
)
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.fresenius_base_a.commands import MANUAL, PC_CONTROL, Module
from pumpd_simulators.fresenius_base_a.motor import RefusedError
from pumpd_simulators.fresenius_base_a.options import BaseAOptions
from pumpd_simulators.plant import Plant

_POSITIONS = range(1, 7)
_OPERATIONS = {
    **dict.fromkeys(("DC", "FC", "LF", "LN"), Operation.IDENTIFY),
    **dict.fromkeys(("LE", "LM"), Operation.READ),
    **dict.fromkeys(("MO", "PV", "RV", "PP", "PS"), Operation.PROGRAM),
    "PO": Operation.STOP,
}


class BaseA:
    """Powered from the start: no session open, all modules in manual mode and stopped."""

    baud = 19200

    def __init__(self, plants: Sequence[Plant], options: BaseAOptions | None = None) -> None:
        self.model = "Base A"
        self.plants = plants
        self.powered = True
        self.doing: Operation | None = None
        self.options = options or BaseAOptions()
        self._loop = asyncio.get_running_loop()
        self._send: Send | None = None
        self._framer = RequestFramer()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wake()

    def _wake(self) -> None:
        """Power-up: nothing is remembered."""
        self.base_open = self.options.standalone
        self.modules = {
            position: Module(plant, self.options)
            for position, plant in zip(self.options.addresses, self.plants, strict=True)
        }
        for module in self.modules.values():
            module.motor.on_battery_empty = lambda: self.power(on=False)
        self._missed = 0
        self._deaf = False
        self._last = b""
        self._framer.reset()

    # -- the line -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        if not self.powered or self._deaf:
            return
        for frame in self._framer.feed(data):
            self._hear(frame)

    def _hear(self, frame: Heard) -> None:
        match frame:
            case Garbage():
                if frame.error:
                    self._say(Signal(NAK, frame.error).to_bytes())
            case Signal(byte) if byte == DC4:
                self._missed = 0
            case Signal(byte) if byte == ACK:
                self._stop_timer("ack")
            case Signal(byte) if byte == NAK:
                self._stop_timer("ack")
                if self.options.repeats_on_nak and self._last:
                    self._say(self._last)
            case Signal():
                pass
            case Frame(address=address):
                if not self._is_ours(address):
                    self._say(Signal(NAK, BAD_ADDRESS).to_bytes())
                elif "ack" in self._timers:
                    self._say(Signal(NAK, NOT_READY).to_bytes())
                else:
                    self._answer(frame)

    def _is_ours(self, address: int | None) -> bool:
        return address is None if self.options.standalone else address == 0 or address in _POSITIONS

    def _answer(self, frame: Frame) -> None:
        module = self._module(frame.address)
        if frame.text in ("E", "M"):  # the host's answer to an unasked message
            if module:
                module.watched[frame.text].owed = False
            self._say(Signal(ACK).to_bytes())
            return
        with self._doing(frame.text):
            try:
                data = self._obey(frame, module)
                text = f"C;{data}" if data else "C"
            except RefusedError as refusal:
                text = f"I;{refusal}"
            self._last = Frame(frame.address, text).to_bytes()
            answer = Signal(ACK).to_bytes() + self._last
            if self.options.reply_delay_s:
                self._loop.call_later(self.options.reply_delay_s, self._say_later, answer, self.doing)
            else:
                self._say_framed(answer)

    @contextmanager
    def _doing(self, text: str) -> Iterator[None]:
        starts = self.options.start_command
        if text == starts or (not starts and text.startswith("PR")):
            self.doing = Operation.START
        else:
            self.doing = Operation.PROGRAM if text[:2] == "PR" else _OPERATIONS.get(text[:2], Operation.OTHER)
        try:
            yield
        finally:
            self.doing = None

    def _say_later(self, answer: bytes, doing: Operation | None) -> None:
        self.doing = doing
        try:
            self._say_framed(answer)
        finally:
            self.doing = None

    def _say_framed(self, answer: bytes) -> None:
        self._say(answer)
        if self.options.ack_timeout_s and self.powered:
            self._set_timer("ack", self.options.ack_timeout_s, self._unacknowledged)

    def _say(self, data: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(data)

    # -- sessions -------------------------------------------------------------------------------------------------

    def _module(self, address: int | None) -> Module | None:
        return next(iter(self.modules.values())) if address is None else self.modules.get(address)

    def _obey(self, frame: Frame, module: Module | None) -> str:
        """Carry out a command and return the reply's data. Raises RefusedError."""
        command, _, value = frame.text.partition(";")
        if len(frame.message) > LONGEST_MESSAGE:
            raise RefusedError("0C")
        if command == "DC":
            self._open(frame.address, module)
            return ""
        if not self.base_open:
            raise RefusedError("0D")
        if frame.address == 0:
            return self._obey_as_base(command, value)
        if module is None or not module.open:
            raise RefusedError("1E")
        if command == "FC":
            module.open = False
            return ""
        if command == "OF":
            module.motor.pause()
            module.open, module.mode = False, MANUAL
            return ""
        data = module.obey(frame.text)
        if command in ("DE", "DM"):
            self._set_timer("event", self.options.event_s, self._send_changes)
        return data

    def _open(self, address: int | None, module: Module | None) -> None:
        if address == 0:
            self.base_open = True
        elif not self.base_open:
            raise RefusedError("0D")
        elif module is None:
            raise RefusedError("0E")
        else:
            module.open = True
        if self.options.enquiry_s and "enquiry" not in self._timers:
            self._missed = 0
            self._set_timer("enquiry", self.options.enquiry_s, self._enquire)

    def _obey_as_base(self, command: str, value: str) -> str:
        variables = {
            "a": "0000",
            "e": "0000",
            "m": "0001",
            "i": f"{len(self.modules):02X}",
            "b": f"{sum(1 << position - 1 for position in self.modules):02X}",
        }
        match command:
            case "FC":
                if any(module.mode == PC_CONTROL for module in self.modules.values()):
                    raise RefusedError("1F")
                self._close()
                return ""
            case "LE" | "LF" if not value:
                raise RefusedError("04")
            case "LE":
                if any(letter not in variables for letter in value):
                    raise RefusedError("0A")
                return ";".join(letter + variables[letter] for letter in value)
            case "LF":
                if value != "b":
                    raise RefusedError("0A")
                return "b" + self.options.reported_model
            case _:
                known = next(iter(self.modules.values())).knows(command)
                raise RefusedError("20" if known else "01")

    def _close(self) -> None:
        self.base_open = self.options.standalone
        for module in self.modules.values():
            module.open = False
        for name in list(self._timers):
            self._stop_timer(name)

    # -- what the pump sends unasked ------------------------------------------------------------------------------

    def _enquire(self) -> None:
        options = self.options
        if self._missed >= options.enquiries_missed:
            self._missed = 0
            if options.without_dc4 == "pause":
                for module in self.modules.values():
                    module.motor.pause()
            elif options.without_dc4 == "disconnect":
                self._close()
                return
            elif options.without_dc4 == "deaf":
                self._deaf = True
                return
        self._missed += 1
        self._say(Signal(ENQ).to_bytes())
        self._set_timer("enquiry", options.enquiry_s, self._enquire)

    def _send_changes(self) -> None:
        """Send what has changed; a message that the host has not answered is sent again."""
        for position, module in self.modules.items():
            for text in module.spontaneous() if module.open else []:
                self._say(Frame(None if self.options.standalone else position, text).to_bytes())
        if any(watched.letters for module in self.modules.values() for watched in module.watched.values()):
            self._set_timer("event", self.options.event_s, self._send_changes)

    def _unacknowledged(self) -> None:
        self._say(Signal(NAK, NO_ACK).to_bytes())

    def _set_timer(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        self._stop_timer(name)

        def ring() -> None:
            del self._timers[name]
            for plant in self.plants:
                plant.advance()
            call()

        self._timers[name] = self._loop.call_later(delay_s, ring)

    def _stop_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    # -- power and keys -----------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        for module in self.modules.values():
            module.motor.pause()
        self._close()
        self.powered = on
        if on:
            self._wake()

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """Keys of a module: start, stop, silence, rate=ML_H (or N% of now)."""
        module = list(self.modules.values())[unit - 1]
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        if module.mode == PC_CONTROL and not self.options.keys_under_control and key != "stop":
            raise PanelError("the module is under PC control: only stop works")
        module.plant.advance()
        match key:
            case "start":
                try:
                    module.motor.start()
                except RefusedError as error:
                    raise PanelError(f"the pump refuses start now (error {error})") from error
            case "stop":
                module.motor.pause()
            case "silence":
                module.motor.silence()
            case "rate":
                module.motor.key_rate(self._keyed_rate(module, value or ""))
            case _:
                raise PanelError(f"no key {key!r}; known: start, stop, silence, rate=ML_H")

    def _keyed_rate(self, module: Module, value: str) -> float:
        try:
            wanted = module.motor.rate_ml_h * float(value[:-1]) / 100.0 if value.endswith("%") else float(value)
        except ValueError:
            wanted = -1.0
        if not 0 <= wanted <= self.options.rate_max_ml_h:
            raise PanelError(f"{value!r} is not a rate from 0 to {self.options.rate_max_ml_h:g} mL/h")
        return wanted

    def display(self, unit: int = 1) -> dict[str, str]:
        if not self.powered:
            return {"status": "off"}
        module = list(self.modules.values())[unit - 1]
        motor, limit = module.motor, module.motor.limit_ml
        return {
            "status": "running" if motor.running else "alarm" if motor.alarms else "paused",
            "rate_ml_h": f"{motor.rate_ml_h:.1f}",
            "volume_ml": f"{motor.volume_ul / 1000:.3f}",
            "limit_ml": "none" if limit is None else f"{limit:.3f}",
            "alarms": ", ".join(alarm.name.lower().replace("_", " ") for alarm in sorted(motor.alarms)) or "none",
            "mode": "PC control" if module.mode == PC_CONTROL else "manual",
        }

    def shut(self) -> None:
        for name in list(self._timers):
            self._stop_timer(name)
