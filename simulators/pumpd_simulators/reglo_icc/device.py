"""A simulated Reglo ICC on its serial line: addressing, the command set, events, power and keys.

Source: the family's protocol sheet, and otherwise what public clients send and expect. Facts that no source states are
in `RegloIccOptions`.

Promises:
- Each request for this pump gets one reply: one of `* # + -`, or a value and CR LF. Anything that is not a request, or
  is for another pump, gets no reply.
- With channel addressing on, the digit before a command is a channel, or 0 for all of them; with it off, it is the
  pump's address, and a command applies to the whole pump.
- Nothing is sent unasked unless `xE1` is set, and then never inside a reply.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial

from pumpd_drivers.reglo_icc.codec import (
    FAIL,
    NO,
    OK,
    YES,
    Event,
    Garbage,
    Request,
    RequestFramer,
    Text,
    read_set,
    volume_text,
)
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.plant import Plant
from pumpd_simulators.reglo_icc import memory
from pumpd_simulators.reglo_icc.memory import MODES
from pumpd_simulators.reglo_icc.motor import STOPPED, TOP_RPM, Channel
from pumpd_simulators.reglo_icc.options import RegloIccOptions

LONGEST_TENTHS = 35_964_000  # of a second: 999 h
_HAIR = 1e-9  # rounding error of a sum of floats
_SIGNS = frozenset((OK, FAIL, YES, NO))
_IDENTIFIES = frozenset({"#", "(", ")", "x!", "xS", "xA", "~", "@"})
_READS = frozenset({"E", ":", "xM", "xD", "xe", "?", "!", "xG"})

Answer = Callable[[Channel, str], str]


class RegloIccPump:
    """The device, powered from the start: one channel for each plant."""

    def __init__(
        self, plants: Sequence[Plant], model: str = "reglo-icc", options: RegloIccOptions | None = None
    ) -> None:
        self.options = options = options or RegloIccOptions(channels=len(plants))
        self.model = "Reglo ICC" if model == "reglo-icc" else model
        self.plants = plants
        self.baud = 9600
        self.powered = True
        self.doing: Operation | None = None
        self.channels = [
            Channel(plant, options, partial(self._changed, number)) for number, plant in enumerate(plants, start=1)
        ]
        self._memory = memory.of_pump(options)
        self.address = options.addresses
        self._apart = options.channel_addressing
        self._tells_events = False
        self._panel_free = True
        self._events: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._send: Send | None = None
        self._framer = RequestFramer()
        self._for_pump: dict[str, Callable[[str], str]] = {
            "@": self._set_address,
            "~": self._addressing,
            "xE": self._event_messages,
            "#": lambda _: f"{options.reported_model} {options.firmware} {len(plants)}{options.rollers:02d}",
            "(": lambda _: options.firmware,
            ")": lambda rest: FAIL if rest else f"{len(plants):02d}{options.rollers:02d}",
            "x!": lambda _: str(options.protocol_version),
            "xA": self._channel_count,
            "xN": lambda _: OK,
            "D": lambda _: OK,
            "xs": lambda _: OK,
            "xu": lambda _: OK,
            "A": lambda _: self._panel(free=True),
            "B": lambda _: self._panel(free=False),
            "C": lambda _: YES,  # no foot switch connected
            "*": lambda _: OK,
            "-": self._acknowledge,
            "0": self._defaults,
            **{name: partial(self._memory.answer, name) for name in self._memory.cells},
        }
        self._for_channel: dict[str, Answer] = {
            "H": lambda channel, _: OK if channel.start() else NO,
            "I": lambda channel, _: _done(channel.stop),
            "xI": lambda channel, _: _done(channel.pause),
            "J": lambda channel, _: _kept(channel.keep(clockwise=True)),
            "K": lambda channel, _: _kept(channel.keep(clockwise=False)),
            "xD": lambda channel, _: "J" if channel.settings.clockwise else "K",
            "xM": lambda channel, _: channel.settings.mode,
            "xe": lambda channel, _: f"{channel.cause[0]} {volume_text(Decimal(str(channel.cause[1])))}",
            "xf": self._setpoint,
            "S": self._speed,
            "f": partial(self._number, "flow_ml_min"),
            "v": partial(self._number, "volume_ml"),
            "xT": partial(self._time, "run_s"),
            "xP": partial(self._time, "pause_s"),
            "V": partial(self._short_time, "run_s"),
            "T": partial(self._short_time, "pause_s"),
            '"': partial(self._count, "cycles"),
            "%": partial(self._count, "backsteps"),
            "?": lambda _, __: f"{options.rate_max_ml_min:.2f} ml/min",
            "!": lambda _, __: f"{options.rate_max_ml_min:.2f} ml/min",
            "E": self._runs,
            ":": lambda channel, _: self._total_text(sum(each.total_ml for each in self._counted(channel))),
            "W": lambda channel, _: _done(*(each.clear_total for each in self._counted(channel))),
            "xG": lambda channel, _: f"{sum(each.total_ml for each in self._counted(channel)):.0f}",
            "xC": lambda channel, _: f"{channel.total_ml / options.rate_max_ml_min * TOP_RPM:.0f}",
            "xJ": lambda channel, _: f"{channel.ran_s * 10:.0f}",
            "xX": lambda channel, _: f"{channel.ran_s * 10:.0f}",
            "xY": lambda channel, _: OK if channel.calibrate() else NO,
            "xZ": lambda channel, _: _done(channel.stop),
            **{mode: partial(self._mode, mode) for mode in MODES},
            **{name: partial(_remember, name) for name in self.channels[0].memory.cells},
        }
        if not options.has_setpoint:
            del self._for_channel["xf"]
        if not options.has_backsteps:
            del self._for_channel["%"]
        if not options.has_serial:
            del self._for_pump["xS"]

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
        if isinstance(frame, Garbage) or not self._is_ours(frame):
            return
        for plant in self.plants:
            plant.advance()
        self.doing = _operation(frame)
        try:
            answer = self._answer(frame)
            self._say(answer.encode("ascii") if answer in _SIGNS else Text(answer).to_bytes())
        finally:
            self.doing = None
        self._send_events()

    def _is_ours(self, request: Request) -> bool:
        return request.address is None or self._apart or request.address == self.address

    def _answer(self, request: Request) -> str:
        if any(channel.overloaded for channel in self.channels) and request.command != "-":
            return FAIL
        if (for_pump := self._for_pump.get(request.command)) is not None:
            return for_pump(request.parameter)
        answer = self._for_channel.get(request.command)
        if answer is None or (self._apart and (request.address or 0) > len(self.channels)):
            return FAIL
        addressed = self.channels
        if self._apart and request.address:
            addressed = [self.channels[request.address - 1]]
        replies = [answer(channel, request.parameter) for channel in addressed]
        return next((one for one in replies if one in (FAIL, NO)), replies[0])

    def _say(self, raw: bytes) -> None:
        if self.options.reply_delay_s > 0:
            self._loop.call_later(self.options.reply_delay_s, self._put, raw)
        else:
            self._put(raw)

    def _put(self, raw: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(raw)

    def _changed(self, number: int, state: str, why: str) -> None:
        """A channel started or stopped. The fields of an event are as in public clients [I]."""
        if not self._tells_events:
            return
        channel = self.channels[number - 1]
        if state == STOPPED:
            event = Event("X", number, why)
        else:
            event = Event("U", number, f"{state}|0|{channel.dosed_ml * 1000:.0f}|{channel.cycles_left}")
        self._events.append(event.to_bytes())
        if self.doing is None:
            self._send_events()

    def _send_events(self) -> None:
        events, self._events = self._events, []
        for event in events:
            self._say(event)

    # -- commands to the pump: each gets its parameter and returns a sign or a text ---------------------------

    def _set_address(self, rest: str) -> str:
        if rest not in tuple("12345678"):
            return FAIL
        self.address = int(rest)
        return OK

    def _addressing(self, rest: str) -> str:
        if rest not in ("", "0", "1"):
            return FAIL
        if not rest:
            return str(int(self._apart))
        self._apart = rest == "1"
        return OK

    def _event_messages(self, rest: str) -> str:
        if rest not in ("", "0", "1"):
            return FAIL
        if not rest:
            return str(int(self._tells_events))
        self._tells_events = rest == "1"
        return OK

    def _channel_count(self, rest: str) -> str:
        """The number of channels; it can only be set to what the head has."""
        if not rest:
            return str(len(self.channels))
        return OK if rest == f"{len(self.channels):04d}" else FAIL

    def _panel(self, *, free: bool) -> str:
        self._panel_free = free
        return OK

    def _acknowledge(self, _: str) -> str:
        for channel in self.channels:
            channel.overloaded = False
        return OK

    def _defaults(self, rest: str) -> str:
        if rest not in ("", "00000") or any(channel.runs for channel in self.channels):
            return FAIL
        if not rest:  # with five zeros only calibrations are reset, and there are none
            for channel in self.channels:
                channel.settings = channel.factory
        return OK

    # -- commands to a channel -------------------------------------------------------------------------------

    def _runs(self, channel: Channel, _: str) -> str:
        asked = [channel] if self.options.running_query == "channel" else self.channels
        return YES if any(each.runs for each in asked) else NO

    def _counted(self, channel: Channel) -> Sequence[Channel]:
        return [channel] if self.options.total_query == "channel" else self.channels

    def _total_text(self, total_ml: float) -> str:
        value, unit = total_ml + _HAIR, "ml"
        if self.options.total_units == "auto":
            value, unit = (value * 1000, "ul") if value < 1 else (value / 1000, "l") if value >= 1000 else (value, unit)
        places = max(0, min(3, self.options.total_digits - len(str(int(value)))))
        shown = int(value * 10**places) / 10**places  # never more than was delivered
        return f"{shown:.{places}f} {unit}"

    @staticmethod
    def _mode(mode: str, channel: Channel, rest: str) -> str:
        setpoint = {"L": {"by_flow": False}, "M": {"by_flow": True}}.get(mode, {})
        return FAIL if rest else _kept(channel.keep(mode=mode, **setpoint))

    @staticmethod
    def _setpoint(channel: Channel, rest: str) -> str:
        if not rest:
            return str(int(channel.settings.by_flow))
        return _kept(channel.keep(by_flow=rest == "1")) if rest in ("0", "1") else FAIL

    @staticmethod
    def _speed(channel: Channel, rest: str) -> str:
        if not rest:
            return f"{channel.settings.speed_rpm:.2f}"
        if not re.fullmatch(r"[0-9]{6}", rest, re.ASCII):
            return FAIL
        return _kept(channel.keep(speed_rpm=Decimal(rest) / 100))

    def _number(self, name: str, channel: Channel, rest: str) -> str:
        scale = 1000 if self.options.unit == "l" else 1
        if rest:
            value = read_set(rest)
            if value is None or not channel.keep(**{name: value * scale}):
                return FAIL
            if self.options.set_answers == "ok":
                return OK
        return volume_text(getattr(channel.settings, name) / scale)

    def _time(self, name: str, channel: Channel, rest: str) -> str:
        if not rest:
            return f"{getattr(channel.settings, name) * 10:.0f}"
        least = 1 if self.options.short_times else 8
        if not least <= len(rest) <= 8 or not re.fullmatch("[0-9]+", rest) or int(rest) > LONGEST_TENTHS:
            return FAIL
        return _kept(channel.keep(**{name: Decimal(rest) / 10}))

    def _short_time(self, name: str, channel: Channel, rest: str) -> str:
        """The older form: four digits of 0.1 s, or three digits of minutes or hours."""
        match = re.fullmatch(r"[0-9]{4}|([MH])([0-9]{3})", rest, re.ASCII)
        if rest and match is None:
            return FAIL
        if match is not None and match[1]:
            rest = str(int(match[2]) * (600 if match[1] == "M" else 36_000))
        return self._time(name, channel, rest.rjust(8, "0") if rest else "")

    @staticmethod
    def _count(name: str, channel: Channel, rest: str) -> str:
        if not rest:
            return str(getattr(channel.settings, name))
        if not re.fullmatch(r"[0-9]{4}", rest, re.ASCII):
            return FAIL
        return _kept(channel.keep(**{name: int(rest)}))

    # -- power and keys --------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        self.powered = on
        self._framer.reset()
        self._events.clear()
        for channel in self.channels:
            channel.silence()
            if on:
                channel.wake()
        if on:
            self._apart, self._tells_events = self.options.channel_addressing, False
            self._panel_free = True

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:
        """Keys: start, stop, rate=ML_MIN (or N% of now), volume=ML, mode=LETTER. After `B` only stop works."""
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        if not self._panel_free and key != "stop":
            raise PanelError("the pump is under remote control (B): only stop works")
        if (value is not None) != (key in ("rate", "volume", "mode")):
            raise PanelError(f"key {key!r} {'takes no value' if value else 'needs a value, such as rate=1.5'}")
        channel = self.channels[unit - 1]
        channel.plant.advance()
        match key:
            case "start":
                taken = channel.start()
            case "stop":
                channel.stop()
                taken = True
            case "rate":
                taken = self._turn_to(channel, value or "")
            case "volume":
                taken = channel.keep(volume_ml=_keyed(value or ""))
            case "mode" if value and value in MODES:
                taken = channel.keep(mode=value)
            case _:
                raise PanelError(
                    f"no key {key!r} with {value!r}; known: start, stop, rate=, volume=, mode= (one of {MODES})"
                )
        if not taken:
            raise PanelError(f"the pump refuses {key} now")

    @staticmethod
    def _turn_to(channel: Channel, value: str) -> bool:
        """The rate knob works at any time: a run continues at the new flow."""
        now = channel.settings.flow_ml_min
        wanted = now * _keyed(value[:-1]) / 100 if value.endswith("%") else _keyed(value)
        if not 0 < wanted <= channel.options.rate_max_ml_min:
            return False
        channel.turn_to(wanted)
        return True

    def display(self, unit: int = 1) -> dict[str, str]:
        if not self.powered:
            return {"status": "off"}
        channel = self.channels[unit - 1]
        channel.plant.advance()
        kept = channel.settings
        return {
            "channel": str(unit),
            "status": "overload" if channel.overloaded else "running" if channel.runs else "stopped",
            "mode": kept.mode,
            "flow_ml_min": f"{channel.flow_ml_min():.4g}",
            "volume_ml": f"{kept.volume_ml:f}",
            "total": self._total_text(channel.total_ml),
            "panel": "free" if self._panel_free else "remote",
        }

    def shut(self) -> None:
        """No timer of its own is left; the plants end theirs."""
        self._send = None


def _kept(taken: bool) -> str:  # noqa: FBT001 - what `keep` returns
    return OK if taken else FAIL


def _remember(name: str, channel: Channel, rest: str) -> str:
    return channel.memory.answer(name, rest)


def _done(*actions: Callable[[], None]) -> str:
    for action in actions:
        action()
    return OK


def _keyed(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise PanelError(f"{text!r} is not a number that the display can hold")
    return value


def _operation(request: Request) -> Operation:
    command = request.command
    if command in _IDENTIFIES:
        return Operation.IDENTIFY
    if command in ("H", "I", "xI", "xZ"):
        return Operation.START if command == "H" else Operation.STOP
    if command in _READS:
        return Operation.READ
    if command in ("f", "v", "xf", "S", "xT", "xP", '"', "%"):
        return Operation.PROGRAM if request.parameter else Operation.READ
    if command == "xY":
        return Operation.START
    return Operation.PROGRAM if command in (*MODES, "J", "K", "W") else Operation.OTHER
