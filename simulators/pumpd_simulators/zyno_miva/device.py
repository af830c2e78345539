"""A simulated Zyno pump on its serial line: the commands of the protocol sheet, its keys, its power.

Source: the family's protocol sheet (zyno.md), and where it does not say the form of a reply, what a public client
expects. Facts that neither states are options.

Promises:
- A request gets one reply, at the instant at which its last byte arrived (a public client waits 50 ms in all), unless
  an option delays it. What is not a frame, or has a wrong check, gets none.
- A coded reply begins with the two letters of its request; a request that the pump does not carry out gets ERROR.
- Nothing is sent unasked.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from pumpd_drivers.zyno_miva.codec import Frame, Framer
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.plant import Plant
from pumpd_simulators.zyno_miva.memory import EventLog, Kind
from pumpd_simulators.zyno_miva.motor import BOLUS_RATE_ML_H, Motor
from pumpd_simulators.zyno_miva.numbers import accepted, decimal, hexadecimal
from pumpd_simulators.zyno_miva.options import ZynoMivaOptions

ERROR = "ERROR"

_QUERY = re.compile(r":(?P<what>[A-Z:]+)\?")
_SETTING = re.compile(r":(?P<what>[A-Z:]+) +(?P<value>.+)")
_SHORT = (("INFUSION", "INFU"), ("PROTOCOL", "PROT"))

_OPERATIONS = {
    "RN": Operation.IDENTIFY,
    "RS": Operation.IDENTIFY,
    "*I": Operation.IDENTIFY,
    "WT": Operation.OTHER,
    "KE": Operation.OTHER,
    "W0": Operation.OTHER,
}


class ZynoMivaPump:
    baud = 9600

    def __init__(self, plant: Plant, model: str = "miva", options: ZynoMivaOptions | None = None) -> None:
        self.model = model
        self.plants: Sequence[Plant] = (plant,)
        self.options = options = options or ZynoMivaOptions()
        self.powered = True
        self.doing: Operation | None = None
        self._plant = plant
        self._loop = asyncio.get_running_loop()
        self._framer = Framer(options.checksum)
        self._send: Send | None = None
        self._began = plant.now
        self.log = EventLog(self._clock, options.log_head)
        self.motor = Motor(plant, options, self.log)
        self.log.add(Kind.POWER_ON)
        motor = self.motor
        self._coded: dict[str, Callable[[str], str]] = {
            "RN": lambda _: options.serial,
            "RS": lambda _: options.firmware,
            "RL": lambda _: options.library,
            "RM": lambda _: options.platform,
            "R1": lambda _: f"{4600:04X}",  # a public client's default
            "R2": lambda _: "00C800C8",
            "R3": lambda _: hexadecimal(sum(plant.moved()), 10),
            "R7": lambda _: hexadecimal(options.battery_v),
            "RC": lambda _: self._time(),
            "RD": lambda _: f"0064{min(0x3FF, int(plant.pressure_mmhg())):04X}",
            "RI": lambda _: self.log.indices(),
            "RE": self._event,
            "W0": lambda rest: "" if rest in ("0", "1") else ERROR,
            "KE": lambda rest: rest if re.fullmatch("[1-7][01]", rest) else ERROR,
            "WT": self._command,
            "Q0": lambda _: options.mode,
            "Q3": lambda _: f"{int(motor.elapsed_s):04X}",
            "Q4": lambda _: options.rate_unit,
            "Q5": lambda _: hexadecimal(motor.infused_ml),
            "Q6": lambda _: hexadecimal(motor.left_ml if options.vtbi_tells == "left" else float(motor.volume)),
            "Q7": lambda _: str(int(motor.gives_bolus)),
            "Q8": lambda _: hexadecimal(BOLUS_RATE_ML_H if motor.gives_bolus else 0),
            "QC": lambda _: options.rate_unit,
            "QD": lambda _: hexadecimal(float(motor.volume)),
            "QE": lambda _: self._protocol_time(),
            "QF": lambda _: "SEC",
            "QG": lambda _: hexadecimal(BOLUS_RATE_ML_H),
            "QH": lambda _: hexadecimal(options.auto_bolus_ml) if options.auto_bolus_ml else ERROR,
            "QI": lambda _: hexadecimal(options.demand_bolus_ml) if options.demand_bolus_ml else ERROR,
        }
        self._queries: dict[str, Callable[[], str]] = {
            "INFU:RUN": lambda: "TRUE" if motor.running else "FALSE",
            "INFU:RATE": lambda: decimal(motor.rate if motor.running else Decimal(0), max(1, options.places)),
            "PROT:RATE": lambda: decimal(motor.rate, max(1, options.places)),
            "SERIAL": lambda: options.serial,
        }

    # -- the line ------------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        for frame in self._framer.feed(data) if self.powered else ():
            if isinstance(frame, Frame):
                self._hear(frame.text)

    def _hear(self, text: str) -> None:
        if not self.powered:  # a fault cut the pump off during the reply before
            return
        self._plant.advance()
        self.doing = _operation(text)
        try:
            if (reply := self._reply(text)) is not None:
                self._say(Frame(reply, self.options.checksum).to_bytes())
        finally:
            self.doing = None
        if text == "WT00":
            self.power(on=False)

    def _say(self, raw: bytes) -> None:
        if self.options.reply_delay_s > 0:
            self._loop.call_later(self.options.reply_delay_s, self._put, raw)
        else:
            self._put(raw)

    def _put(self, raw: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(raw)

    # -- requests: None is no reply ------------------------------------------------------------------------------

    def _reply(self, text: str) -> str | None:
        if text == "*IDN?":
            return self.options.name
        if text.startswith(":"):
            return self._worded(text)
        code, rest = text[:2], text[2:]
        answer = self._coded.get(code)
        return f"{code}{ERROR if answer is None else answer(rest)}"

    def _worded(self, text: str) -> str | None:
        short = text
        for word, abbreviated in _SHORT:
            short = short.replace(f":{word}:", f":{abbreviated}:")
        if query := _QUERY.fullmatch(short):
            answer = self._queries.get(query["what"])
            return ERROR if answer is None else answer()
        setting = _SETTING.fullmatch(short)
        if setting is None or not self._set(setting["what"], accepted(setting["value"], self.options.places)):
            return ERROR
        replies = {"ok": "OK", "value": setting["value"], "echo": text, "none": None}
        return replies[self.options.set_reply]

    def _set(self, what: str, value: Decimal | None) -> bool:
        if self.motor.busy:
            return False
        if what == "PROT:RATE" and self.options.mode == "CONT":
            return self.motor.set_rate(value)
        return what == "PROT:VTBI" and self.options.has_volume and self.motor.set_volume(value)

    def _command(self, rest: str) -> str:
        match rest:
            case "00":
                pass  # it switches off once it has replied
            case "01":
                self.motor.start()
            case "02":
                self.motor.stop()
            case _:
                return ERROR
        return ""

    def _event(self, rest: str) -> str:
        return rest + self.log.entry(int(rest, 16)) if re.fullmatch("[0-9A-F]{8}", rest) else ERROR

    def _protocol_time(self) -> str:
        if self.options.time_query == "error" or not self.motor.rate:
            return ERROR
        return f"{int(self.motor.volume / self.motor.rate * 3600):04X}"

    def _clock(self) -> int:
        return self.options.unix_time_s + int(self._plant.now - self._began)

    def _time(self) -> str:
        """Day, month, year, hour, minute, second, two digits each: the order in which a public client sets them."""
        at = datetime.fromtimestamp(self._clock(), UTC)
        return "".join(f"{each:02X}" for each in (at.day, at.month, at.year - 2000, at.hour, at.minute, at.second))

    # -- power and keys ------------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        """The log survives; what else does is an option."""
        self.powered = on
        self._framer.reset()
        self.motor.rest()
        self.motor.clear()
        if not self.options.keeps_program:
            self.motor.rate = self.motor.volume = Decimal(0)
        if on:
            self.log.add(Kind.POWER_ON)

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - it has one panel
        """Keys: start, stop, ok, bolus, end (of a stopped infusion), rate=ML_H (or N% of now), volume=ML."""
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        self._plant.advance()
        if (value is not None) != (key in ("rate", "volume")):
            raise PanelError(f"key {key!r} {'takes no value' if value else 'needs a value, such as rate=1.5'}")
        taken = True
        match key:
            case "start":
                taken = self.motor.start()
            case "stop":
                self.motor.stop()
            case "ok":
                if self.motor.waits_for_ok:
                    self.motor.begin()
            case "bolus":
                taken = self.motor.give_bolus()
            case "end" if not self.motor.busy:
                self.motor.clear()
            case "rate":
                taken = self.motor.set_rate(_keyed(value or "", self.motor.rate))
            case "volume":
                taken = self.motor.set_volume(_keyed(value or "", self.motor.volume))
            case _:
                raise PanelError(f"no key {key!r} now; known: start, stop, ok, bolus, end, rate=, volume=")
        if not taken:
            raise PanelError(f"the pump refuses {key} now")

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - it has one panel
        if not self.powered:
            return {"status": "off"}
        now = self.motor
        return {
            "status": "bolus" if now.gives_bolus else "infusing" if now.running else "stopped",
            "mode": self.options.mode,
            "rate": f"{now.rate} mL/h",
            "vtbi": f"{now.volume} mL",
            "infused": f"{now.infused_ml:.2f} mL",
        }

    def shut(self) -> None:
        """No timer of its own is left; the plant ends its own."""
        self._send = None


def _operation(text: str) -> Operation:
    if text in ("WT01", "WT02"):
        return Operation.START if text == "WT01" else Operation.STOP
    if text.startswith(":") and not text.endswith("?"):
        return Operation.PROGRAM
    return _OPERATIONS.get(text[:2], Operation.READ)


def _keyed(text: str, now: Decimal) -> Decimal:
    try:
        value = now * Decimal(text.removesuffix("%")) / 100 if text.endswith("%") else Decimal(text)
    except InvalidOperation as error:
        raise PanelError(f"{text!r} is not a number") from error
    if not value.is_finite() or value < 0:
        raise PanelError(f"{text!r} is not a number that the display can hold")
    return value
