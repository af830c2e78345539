"""A simulated New Era NE-1000 on its serial line: framing, alarms, the safe-mode watchdog, the command set, the keys.

Source: the family's protocol sheet (manual sections 10 and 12). Facts that no source states are in `NewEraOptions`.

Promises (from the manual):
- A pending alarm is the reply to the next valid packet, whatever its command; the packet is not carried out, and only
  then is the alarm acknowledged. In safe mode an alarm is also sent unasked, which does not acknowledge it.
- In safe mode each valid packet re-arms the watchdog; when it expires, the pump stops and raises A?T, and the watchdog
  stays off until the next valid packet. Safe mode survives a power cut; the watchdog then waits for a first packet.
- The reply to an invalid packet is ?COM, and it changes nothing; a packet for another address gets no reply.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from pumpd_drivers.new_era.codec import STX, Garbage, Reply, Request, RequestFramer
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.new_era.memory import PHASES, Memory, program
from pumpd_simulators.new_era.motor import NOT_NOW, OUT_OF_RANGE, Motor
from pumpd_simulators.new_era.numbers import UNITS_ML, UNITS_ML_H, NotANumberError, TooLongError, read, show
from pumpd_simulators.new_era.options import MODELS, NewEraOptions
from pumpd_simulators.new_era.trigger import MODES, action, edges
from pumpd_simulators.plant import Plant

UNKNOWN, CORRUPT, IGNORED = "?", "?COM", "?IGN"
GAP_S = 0.5  # a longer gap inside a safe packet discards it
LONGEST_WATCHDOG_S = 255
_HAIR_S = 1e-6  # a loop may call a timer early by this much
_BAUDS = (300, 1200, 2400, 9600, 19200)
_SYSTEM = frozenset({"ADR", "RES"})  # only as *ADR, *RESET
_QUESTIONS = frozenset({"DIA", "RAT", "VOL", "DIR", "DIS", "FUN", "PHN", "SAF"})  # with a value they are settings
_OPERATIONS = {
    "VER": Operation.IDENTIFY,
    "RUN": Operation.START,
    "STP": Operation.STOP,
    "CLD": Operation.PROGRAM,
}
_SWITCHES = ("AL", "PF", "LOC", "BUZ", "TRG", "DIN", "ROM")


def _nothing() -> None:
    pass


class NewEraPump:
    """Powered from the start, with A?R pending as after any power-up."""

    def __init__(self, plant: Plant, model: str = "ne-1000", options: NewEraOptions | None = None) -> None:
        self.options = options = options or NewEraOptions()
        self.plant = plant
        self.plants: Sequence[Plant] = (plant,)
        self.doing: Operation | None = None
        self.model = MODELS[model].name
        self.memory = Memory(options.diameter_mm, program(options.factory_phases), options.addresses[0])
        self.memory.switches |= {"PF": "1" if options.power_fail_restart else "0", "TRG": options.trigger}
        self.powered = True
        self._model = MODELS[model]
        self._loop = asyncio.get_running_loop()
        self._send: Send | None = None
        self._framer = RequestFramer()
        self._heard_at = 0.0
        self._partial_is_safe = False
        self._alarm: str | None = None
        self._ignores_until = 0.0
        self._trigger_high = True
        self._late: deque[asyncio.TimerHandle] = deque()  # delayed replies
        self._deadline = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self._motor = self._wake()
        self._commands: dict[str, Callable[[str], str]] = {
            "DIA": self._diameter,
            "RAT": self._rate,
            "VOL": self._volume,
            "DIR": self._direction,
            "DIS": self._dispensed,
            "CLD": self._clear,
            "RUN": self._run,
            "STP": lambda rest: UNKNOWN if rest else self._motor.stop(),
            "PUR": lambda rest: UNKNOWN if rest else self._motor.purge(),
            "PHN": self._phase,
            "FUN": self._function,
            "VER": lambda rest: UNKNOWN if rest else self._model.version,
            "SAF": self._safe_mode,
            "ADR": self._address,
            "RES": self._reset,
        }

    @property
    def baud(self) -> int:
        return self.memory.baud

    # -- the line -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        if not self.powered:
            return
        now, framer = self._loop.time(), self._framer
        if framer.partial and now - self._heard_at > GAP_S and (self._partial_is_safe or self.memory.safe_s):
            framer.reset()
        self._heard_at = now
        continued = framer.partial
        frames = framer.feed(data)
        if framer.partial and (frames or not continued):
            self._partial_is_safe = data[0] == STX if not frames else data.rfind(STX) > data.rfind(b"\r")
        for frame in frames:
            if self.powered:  # a fault may have cut the pump off during a reply
                self._hear(frame)

    def _hear(self, packet: Request | Garbage) -> None:
        self.plant.advance()
        memory = self.memory
        if isinstance(packet, Garbage):
            self._say(CORRUPT, acknowledge=False)
            return
        text = packet.text
        system = text[:1] == "*"  # accepted by any address
        if system:
            text = text[1:]
        elif (packet.address or 0) != memory.address:
            return
        if memory.safe_s and not packet.safe:
            self._say(CORRUPT, acknowledge=False)
            return
        self._rearm()
        self.doing = _operation(text)
        try:
            self._carry_out(text, system=system)
        finally:
            self.doing = None

    def _carry_out(self, text: str, *, system: bool) -> None:
        if self._alarm is not None:
            if self.options.saf_before_alarm and text[:3] == "SAF":
                self._execute(text, system=system)
            self._say()
            return
        if self.doing not in (Operation.READ, Operation.IDENTIFY) and self._loop.time() < self._ignores_until:
            self._say(IGNORED)
            return
        self._say(self._execute(text, system=system))

    def _execute(self, text: str, *, system: bool) -> str:
        if not text:
            return ""
        command = self._commands.get(text[:3])
        if command is None:
            return self._switch(text)
        if text[:3] in _SYSTEM and not system:
            return UNKNOWN
        try:
            return command(text[3:])
        except NotANumberError:
            return UNKNOWN
        except TooLongError:
            return OUT_OF_RANGE

    def _say(self, data: str = "", *, acknowledge: bool = True) -> None:
        """Reply. The status is the pending alarm, which the reply to a valid packet acknowledges."""
        status = self._motor.status
        if self._alarm is not None:
            status = "A?" + self._alarm
            if acknowledge:
                self._alarm, data = None, ""
        memory = self.memory
        frame = Reply(memory.address, status, data, bool(memory.safe_s)).to_bytes()
        delay = self.options.reply_delay_s
        if delay > 0:
            self._late.append(self._loop.call_later(delay, self._put_late, frame, self.doing))
        else:
            self._put(frame)

    def _put_late(self, frame: bytes, doing: Operation | None) -> None:
        self._late.popleft()
        self.doing = doing
        try:
            self._put(frame)
        finally:
            self.doing = None

    def _put(self, frame: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(frame)

    # -- alarms and the watchdog --------------------------------------------------------------------------------

    def _raise(self, letter: str) -> None:
        self._alarm = letter
        if self.memory.safe_s:
            self._put(Reply(self.memory.address, "A?" + letter, safe=True).to_bytes())

    def _rearm(self) -> None:
        if safe_s := self.memory.safe_s:
            self._deadline = self._loop.time() + safe_s
            if self._watchdog is None:
                self._watchdog = self._loop.call_at(self._deadline, self._watch)

    def _watch(self) -> None:
        # Packets only move the deadline, so the timer may fire before it and is then set again.
        self._watchdog = None
        if self._loop.time() < self._deadline - _HAIR_S:
            self._watchdog = self._loop.call_at(self._deadline, self._watch)
            return
        self.plant.advance()
        self._motor.reset()
        self._raise("T")

    def _watchdog_off(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _between_phases(self) -> None:
        self._ignores_until = self._loop.time() + self.options.phase_start_s

    def _stalled(self) -> None:
        self._motor.stall(self.options.after_stall)
        self._raise("S")

    # -- commands: each gets the text after its name, and returns data, an error word or "" ----------------------

    def _diameter(self, rest: str) -> str:
        if not rest:
            return self._show(self.memory.diameter)
        value = read(rest)
        if not Decimal("0.1") <= value <= 50:
            return OUT_OF_RANGE
        return self._motor.set_diameter(value)

    def _rate(self, rest: str) -> str:
        if not rest:
            value, units_now = self._motor.rate(selected=self.options.rate_query == "selected")
            return self._show(value) + units_now
        rest = rest.removeprefix("C")
        units = rest[-2:] if rest[-2:] in UNITS_ML_H else None
        return self._motor.set_rate(read(rest[:-2] if units else rest), units)

    def _volume(self, rest: str) -> str:
        memory, motor = self.memory, self._motor
        if not rest:
            return self._show(memory.phases[motor.shown - 1].volume) + memory.units
        phase = memory.phases[motor.editing - 1]
        value = None if rest in UNITS_ML else read(rest)
        if motor.running or phase.function != "RAT":
            return NOT_NOW
        if value is None:
            memory.volume_units = rest
        else:
            motor.store(replace(phase, volume=value))
        return ""

    def _direction(self, rest: str) -> str:
        if not rest:
            return self.memory.phases[self._motor.shown - 1].direction
        return self._motor.set_direction(rest) if rest in ("INF", "WDR", "REV", "STK") else UNKNOWN

    def _dispensed(self, rest: str) -> str:
        if rest:
            return UNKNOWN
        units = self.memory.units
        scale = 1000.0 if units == "UL" else 1.0
        infused, withdrawn = self._motor.counters()
        return f"I{self._show(infused * scale)}W{self._show(withdrawn * scale)}{units}"

    def _clear(self, rest: str) -> str:
        if rest not in ("INF", "WDR"):
            return UNKNOWN
        if self._motor.running:
            return NOT_NOW
        self._motor.clear(infused=rest == "INF", withdrawn=rest == "WDR")
        return ""

    def _run(self, rest: str) -> str:
        phase = _whole(rest) if rest else None
        if phase is not None and not 1 <= phase <= PHASES:
            return OUT_OF_RANGE
        return self._motor.run(phase)

    def _phase(self, rest: str) -> str:
        motor = self._motor
        if not rest:
            return str(motor.shown)
        phase = _whole(rest)
        if not 1 <= phase <= PHASES:
            return OUT_OF_RANGE
        if motor.running:
            return NOT_NOW
        motor.editing = phase
        return ""

    def _function(self, rest: str) -> str:
        motor = self._motor
        phase = self.memory.phases[motor.shown - 1]
        name, argument = rest[:3], rest[3:]
        match name:
            case "":
                return phase.shown_function
            case "PAS":
                new = replace(phase, function="PAS", argument=_whole(argument))
            case "RAT" | "STP" | "CLD" | "BEP" if not argument:
                new = replace(phase, function=name, argument=0)
            case _:
                return UNKNOWN
        if new.argument > 99:
            return OUT_OF_RANGE
        if motor.running:
            return NOT_NOW
        motor.store(new)
        return ""

    def _safe_mode(self, rest: str) -> str:
        if not rest:
            return str(self.memory.safe_s)
        seconds = _whole(rest)
        if seconds > LONGEST_WATCHDOG_S:
            return OUT_OF_RANGE
        self.memory.safe_s = seconds
        self._watchdog_off()
        self._rearm()
        return ""

    def _address(self, rest: str) -> str:
        if not rest:
            return str(self.memory.address)
        number, _, baud = rest.partition("B")
        address, rate = _whole(number), _whole(baud) if baud else self.memory.baud
        if address > 99 or rate not in _BAUDS:
            return OUT_OF_RANGE
        if rate != self.memory.baud:
            self._watchdog_off()
        self.memory.address, self.memory.baud = address, rate
        return ""

    def _reset(self, rest: str) -> str:
        if rest != "ET":
            return UNKNOWN
        self._motor.reset()
        self._motor.editing = 1
        self._watchdog_off()
        self.memory.phases[:] = program(self.options.reset_phases)
        self.memory.safe_s = self.memory.address = 0
        return ""

    def _switch(self, text: str) -> str:
        """Settings whose arguments no source states in full: stored and reported, on or off as in the manual."""
        for name in _SWITCHES:
            if text.startswith(name) and (name != "PF" or self.options.has_power_fail):
                value = text[len(name) :]
                if not value:
                    return self.memory.switches.get(name, "0")
                if name == "TRG" and value not in MODES:
                    return UNKNOWN
                if name != "TRG" and value not in ("0", "1"):
                    return OUT_OF_RANGE
                self.memory.switches[name] = value
                return ""
        return UNKNOWN

    def _show(self, value: float | Decimal) -> str:
        return show(value, dot=self.options.trailing_dot)

    # -- power and keys -----------------------------------------------------------------------------------------

    def _wake(self) -> Motor:
        """Power-up: everything but the memory is new."""
        motor = Motor(self.options, self.memory, self.plant)
        motor.on_range_alarm = lambda: self._raise("O")
        motor.on_next_phase = self._between_phases
        self.plant.on_stall = self._stalled
        self._raise("R")
        return motor

    def power(self, *, on: bool) -> None:
        self.plant.advance()
        ran = self.memory.was_running
        self._motor.reset()
        self._watchdog_off()
        self._forget_late()
        self._framer.reset()
        self.powered = on
        if on:
            self._motor = self._wake()
            if ran and self.memory.switches["PF"] == "1":
                self._motor.run()
        else:
            self.memory.was_running = ran  # the memory keeps that the cut came while it ran

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - it has one panel
        """Keys: start, stop, clear, rate=VALUE (in the pump's units, or N% of now), diameter=VALUE.

        `trigger` is not a key but the trigger input: a pulse, or a level with trigger=0 and trigger=1. With an alarm on
        the display any key only clears it. With the keypad locked (LOC 1) only stop works.
        """
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        self.plant.advance()
        if key == "trigger":
            self._trigger(value)
            return
        if self._alarm is not None:
            self._alarm = None
            return
        motor = self._motor
        if self.memory.switches.get("LOC") == "1" and key != "stop":
            raise PanelError("the keypad is locked (LOC 1): only stop works")
        if (value is not None) != (key in ("rate", "diameter")):
            raise PanelError(f"key {key!r} {'takes no value' if value else 'needs a value, such as rate=80'}")
        match key:
            case "start":
                error = motor.run()
            case "stop":
                error = motor.stop()
            case "clear":
                error = ""
            case "rate":
                error = motor.set_rate(self._keyed_rate(value or ""), None)
            case "diameter":
                error = self._keyed(self._diameter, value or "")
            case _:
                raise PanelError(f"no key {key!r}; known: start, stop, clear, trigger, rate=VALUE, diameter=VALUE")
        if error:
            raise PanelError(f"the pump refuses {key}{f'={value}' if value else ''} now ({error})")

    def _trigger(self, value: str | None) -> None:
        """With a pending alarm nothing starts, as with RUN."""
        try:
            levels = edges(value, self._trigger_high)
        except ValueError as error:
            raise PanelError(str(error)) from error
        for level in levels:
            self._trigger_high = level
            wanted = action(self.memory.switches["TRG"], rising=level, running=self._motor.running)
            if wanted == "stop":
                self._motor.stop()
            elif wanted == "start" and self._alarm is None:
                self._motor.run()

    def _keyed_rate(self, value: str) -> Decimal:
        now, _ = self._motor.rate()
        try:
            wanted = now * Decimal(value[:-1]) / 100 if value.endswith("%") else read(value)
            return read(show(wanted, dot=True))
        except ValueError as error:
            raise PanelError(f"{value!r} is not a rate that the display can hold") from error

    def _keyed(self, command: Callable[[str], str], value: str) -> str:
        try:
            return command(value)
        except ValueError as error:
            raise PanelError(f"{value!r} is not a number that the display can hold") from error

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - it has one panel
        if not self.powered:
            return {"status": "off"}
        self.plant.advance()
        return {
            "address": str(self.memory.address),
            "status": self._motor.status if self._alarm is None else "A?" + self._alarm,
            "diameter_mm": self._diameter(""),
            "rate": self._rate(""),
            "volume": self._volume(""),
            "dispensed": self._dispensed(""),
            "mode": f"safe {self.memory.safe_s} s" if self.memory.safe_s else "basic",
        }

    def _forget_late(self) -> None:
        while self._late:
            self._late.popleft().cancel()

    def shut(self) -> None:
        self._watchdog_off()
        self._forget_late()


def _operation(text: str) -> Operation:
    name, asks = text[:3], len(text) == 3
    if not text or name in _QUESTIONS:
        return Operation.READ if asks or not text else Operation.PROGRAM
    return _OPERATIONS.get(name, Operation.OTHER)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise NotANumberError(text)
    return int(text)
