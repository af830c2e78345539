"""A simulated Asena on its serial line: messages, the control token, the keys.

Source: the family's protocol sheet (alaris-asena.md). Facts that it does not state are options of this simulation.

Promises:
- A command that changes the pump is carried out only while the control token lives. The token lapses unless REMOTE_CTRL
  is repeated; the pump then stops and raises AL_COMTO. Questions are always answered, and INF_STOP is always carried
  out unless an option forbids it.
- The reply to a setting is the value that the pump holds, whether it accepted the setting or not.
"""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from pumpd_drivers.alaris_asena.codec import Framer, Garbage, Message, security_code
from pumpd_simulators.alaris_asena.motor import LAPSED, LOWEST_RATE_ML_H, NO_ALARM, Motor
from pumpd_simulators.alaris_asena.options import AlarisOptions
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.plant import Plant

CONTROL, CONFIGURE = "REMOTE_CTRL", "REMOTE_CFG"
LAST_CONTROLLED = (2, 3, 6)  # later firmware has no remote control
RESPONSE_MAX_MS = 4000
FIRST_EVENT = 214725  # the number in the sheet's status capture
DAY_S = 86400

_OPERATIONS = {
    "INST_SERIALNO": Operation.IDENTIFY,
    "COMMS_PROTOCOL": Operation.IDENTIFY,
    "INF_START": Operation.START,
    "INF_STOP": Operation.STOP,
    CONTROL: Operation.KEEP_ALIVE,
    CONFIGURE: Operation.KEEP_ALIVE,
    "INF_VI_CLEAR": Operation.PROGRAM,
}
_WITH_FIELDS = {"INF_RATE": Operation.PROGRAM, "INF_VTBI": Operation.PROGRAM}

Fields = tuple[str, ...]


class AlarisPump:
    baud = 38400

    def __init__(self, plant: Plant, model: str = "asena-gh", options: AlarisOptions | None = None) -> None:
        self.model = model
        self.plants: Sequence[Plant] = (plant,)
        self.powered = True
        self.doing: Operation | None = None
        self._plant, self._options = plant, options or AlarisOptions()
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._send: Send | None = None
        self._tokens: dict[str, asyncio.TimerHandle | None] = {}  # the live tokens, and when they lapse
        self._bolus = "DISABLED"
        self._motor = self._wake()
        top = f"{self._options.rate_max_ml_h:.2f}"
        self._commands: dict[str, Callable[[Fields], Fields]] = {
            "INF": lambda _: self._status(),
            "COMMS_PROTOCOL": lambda _: (f"Asena Rev {self._options.revision}",),
            "COMMS_RESPONSE_MAX": lambda _: (str(RESPONSE_MAX_MS), "ms"),
            "INST_SERIALNO": lambda _: (self._options.serial,),
            "SYRINGE_STATUS": lambda _: self._syringe(),
            "INF_RATE_MAX_SYRINGE": lambda _: (top, "ml/h"),
            "INF_CAP_RATE": lambda _: (top, "ml/h"),
            "INF_BOLUS_CAP_RATE": lambda _: (top, "ml/h"),
            "INF_PURGE_RATE": lambda _: (top, "ml/h"),
            "INF_VI": lambda _: (f"{self._motor.infused_ml():.3f}", "ml"),
            "ALARM": lambda _: (self._motor.alarm, " ", " "),
            CONTROL: lambda fields: self._control(CONTROL, fields),
            CONFIGURE: lambda fields: self._control(CONFIGURE, fields),
            "REMQUERY": lambda _: ("DEACT", "", "", "", ""),
            "INF_RATE": self._rate,
            "INF_VTBI": self._vtbi,
            "INF_VI_CLEAR": self._clear,
            "INF_START": self._start,
            "INF_STOP": self._stop,
            "INF_BOLUS": self._bolus_switch,
        }
        if not self._options.has_cfg:
            del self._commands[CONFIGURE]

    def _wake(self) -> Motor:
        """Power-up: nothing is remembered."""
        motor = Motor(self._plant, self._options)
        motor.on_battery_empty = lambda: self.power(on=False)
        return motor

    # -- the line -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        self._plant.advance()
        for message in self._framer.feed(data) if self.powered else ():
            command = None if isinstance(message, Garbage) else self._commands.get(message.word)
            if command is None or isinstance(message, Garbage):
                continue  # how a pump replies to an unknown message is not public
            self.doing = _operation(message)
            answer = Message(message.word, command(message.fields)).to_bytes()
            if self._options.reply_delay_s:
                self._loop.call_later(self._options.reply_delay_s, self._put_late, answer, self.doing)
            else:
                self._put(answer)
            self.doing = None
            if not self.powered:  # a fault cut the pump off during the reply
                return

    def _put(self, answer: bytes) -> None:
        if self._send is not None and self.powered:
            self._send(answer)

    def _put_late(self, answer: bytes, doing: Operation | None) -> None:
        self.doing = doing
        self._put(answer)
        self.doing = None

    # -- control ------------------------------------------------------------------------------------------------

    def _control(self, word: str, fields: Fields) -> Fields:
        firmware = self._options.firmware or self._options.revision
        able = tuple(map(int, firmware.split("."))) <= LAST_CONTROLLED
        if fields == ("ENABLED", security_code(self._options.serial)) and able:
            self._end(word)
            lapse_s = self._options.token_lapse_s
            self._tokens[word] = self._loop.call_later(lapse_s, self._lapsed, word) if lapse_s else None
        elif fields == ("DISABLED",):
            self._end(word)
        state = "ENABLED" if word in self._tokens else "DISABLED"
        return (state, "****", "PERMIT" if able else "DENY", str(self._options.told_lapse_ms), "ms")

    def _end(self, word: str) -> None:
        if (timer := self._tokens.pop(word, None)) is not None:
            timer.cancel()

    def _lapsed(self, word: str) -> None:
        self._end(word)
        if word == CONTROL:
            self._motor.halt(LAPSED)

    @property
    def _settable(self) -> bool:
        return CONTROL in self._tokens and (CONFIGURE in self._tokens or not self._options.settings_need_cfg)

    # -- settings, flow, status ---------------------------------------------------------------------------------

    def _rate(self, fields: Fields) -> Fields:
        if self._settable and fields[1:] == ("ml/h",):
            self._motor.set_rate(_amount(fields[0]))
        return (f"{self._motor.rate:.2f}", "ml/h")

    def _vtbi(self, fields: Fields) -> Fields:
        if self._settable:
            match fields:
                case ("DEACT",):
                    self._motor.set_vtbi(None)
                case ("ACTIV", text, "ml", "STOP") if (amount := _amount(text)) is not None:
                    self._motor.set_vtbi(amount)
        if not self._motor.vtbi:
            return ("DEACT", "", "", "")
        volume = self._motor.left_ml() if self._options.vtbi_tells == "left" else self._motor.vtbi
        return ("ACTIV", f"{volume:.3f}", "ml", "STOP")

    def _clear(self, _: Fields) -> Fields:
        if self._settable:
            self._motor.clear_volume()
        return ()

    def _start(self, _: Fields) -> Fields:
        if CONTROL in self._tokens and (self._motor.alarm == NO_ALARM or self._options.start_clears_alarm):
            self._motor.start()
        return ()

    def _stop(self, _: Fields) -> Fields:
        if CONTROL in self._tokens or not self._options.stop_needs_control:
            self._motor.stop()
        return ()

    def _bolus_switch(self, fields: Fields) -> Fields:
        if self._settable and fields in (("ENABLED",), ("DISABLED",)):
            (self._bolus,) = fields
        return (self._bolus,)

    def _syringe(self) -> Fields:
        options = self._options
        return (options.syringe, f"{options.syringe_ml:3d}", "CONF" if self._motor.confirmed else "NCONF")

    def _status(self) -> Fields:
        now, options = self._motor, self._options
        rate = now.rate if now.running or options.rate_at_rest == "set" else Decimal(0)
        seconds = int((now.left_ml() or 0.0) / float(now.rate) * 3600) if now.rate else 0
        return (
            options.serial,
            "-" if now.alarm == NO_ALARM else "A",
            options.infusing_word if now.running else options.standing_word,
            f"{rate:.2f}",
            "ml/h",
            "",  # no drug
            f"{now.infused_ml():.3f}",
            "ml",
            f"{self._plant.pressure_mmhg():.2f}",
            "mmHg",
            f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}" if seconds < DAY_S else "24+",
            "EVENT",
            str(FIRST_EVENT + now.events),
        )

    # -- power and keys -----------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        """Nothing survives: what a pump remembers is not public."""
        self._motor.stop()
        self.shut()
        self._framer.reset()
        self.powered, self._bolus = on, "DISABLED"
        self._motor = self._wake()

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - it has one panel
        """Keys: start, stop, rate=VALUE (or N% of now), confirm (the syringe), clear (an alarm)."""
        if not self.powered:
            raise PanelError("the pump is off: its keys have no effect")
        now = self._motor
        match key:
            case "start":
                if not now.start():
                    needs = "a rate, a remaining volume and a confirmed syringe"
                    raise PanelError(f"the pump does not start ({now.alarm}): it needs {needs}")
            case "stop":
                now.stop()
            case "confirm":
                now.confirmed = True
            case "clear":
                now.acknowledge()
            case "rate" if value:
                if not now.set_rate(_keyed(value, now.rate)):
                    top = self._options.rate_max_ml_h
                    raise PanelError(f"rate {value!r} is not within {LOWEST_RATE_ML_H} and {top} mL/h")
            case _:
                raise PanelError(f"no key {key!r}; known: start, stop, confirm, clear, rate=VALUE")

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - it has one panel
        if not self.powered:
            return {"status": "off"}
        now = self._motor
        return {
            "status": "infusing" if now.running else "on hold",
            "rate": f"{now.rate:.1f} mL/h",
            "vtbi": f"{now.vtbi:.1f} mL" if now.vtbi else "off",
            "infused": f"{now.infused_ml():.1f} mL",
            "alarm": now.alarm,
            "control": "remote" if CONTROL in self._tokens else "local",
        }

    def shut(self) -> None:
        for word in tuple(self._tokens):
            self._end(word)


def _operation(message: Message) -> Operation:
    if message.fields and message.word in _WITH_FIELDS:
        return _WITH_FIELDS[message.word]
    if message.word == "INF_BOLUS":
        return Operation.OTHER
    return _OPERATIONS.get(message.word, Operation.READ)


def _amount(text: str) -> Decimal | None:
    """A number; None when the text is not one."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _keyed(value: str, now: Decimal) -> Decimal:
    try:
        return now * Decimal(value.removesuffix("%")) / 100 if value.endswith("%") else Decimal(value)
    except InvalidOperation as error:
        raise PanelError(f"{value!r} is not a rate") from error
