"""A simulated Asena on its serial line: messages, the control token, the volume to be infused, alarms, the keys.

Source: the family's protocol sheet (alaris-asena.md). What it does not state is an option of this simulation.

Promises:
- What changes the pump is carried out only while the control token lives; it lapses unless REMOTE_CTRL is repeated, and
  the pump then stops and raises AL_COMTO. Questions are always answered, and so is INF_STOP unless told otherwise.
- The answer to a setting tells what the pump holds, whether it was taken or not.
"""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from pydantic import Field

from pumpd_drivers.alaris_asena.codec import Framer, Garbage, Message, security_code
from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.family import SimulatorOptions
from pumpd_simulators.plant import Plant, Sense

PRESSURE_LIMIT_MMHG = 500.0  # no source states the setting; the plant's stall is higher
_OPERATIONS = {
    "INST_SERIALNO": Operation.IDENTIFY,
    "COMMS_PROTOCOL": Operation.IDENTIFY,
    "INF_START": Operation.START,
    "INF_STOP": Operation.STOP,
    "REMOTE_CTRL": Operation.KEEP_ALIVE,
    "REMOTE_CFG": Operation.KEEP_ALIVE,
    "INF_VI_CLEAR": Operation.PROGRAM,
}
_SETTINGS = ("INF_RATE", "INF_VTBI")


class AlarisOptions(SimulatorOptions):
    serial: str = Field(default="8002-51740", pattern=r"^[0-9A-Za-z-]{1,20}$", description="serial number")
    revision: str = Field(default="2.1.5", pattern=r"^[0-9.]{1,12}$", description="after 2.3.6: no remote control")
    infusing_word: str = Field(default="INF", description="the mode's word while infusing, which no source states")
    token_lapse_s: float = Field(default=5.0, gt=0, description="how long a control token lives unless repeated")
    stop_needs_control: bool = Field(default=False, description="INF_STOP is taken from the pump's controller only")
    syringe: str = Field(default="BD PLASTIPAK", description="what the pump recognised")
    syringe_ml: int = Field(default=50, ge=1, le=60, description="its size")
    confirmed: bool = Field(default=True, description="somebody confirmed it at the panel")
    rate_max_ml_h: Decimal = Field(default=Decimal(1200), gt=0, description="highest rate with that syringe")


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
        self._lapse: asyncio.TimerHandle | None = None
        self._rate, self._vtbi = Decimal(0), Decimal(0)  # VTBI 0: none is active
        self._vtbi_from = self._cleared = 0.0
        self._confirmed = self._options.confirmed
        self._alarm = "AL_NOALM"
        self._events = 0
        self._commands: dict[str, Callable[[list[str]], tuple[str, ...]]] = {
            "INF": lambda _: self._status(),
            "COMMS_PROTOCOL": lambda _: (f"Asena Rev {self._options.revision}",),
            "COMMS_RESPONSE_MAX": lambda _: ("4000", "ms"),
            "INST_SERIALNO": lambda _: (self._options.serial,),
            "SYRINGE_STATUS": lambda _: (
                self._options.syringe,
                f"{self._options.syringe_ml:3d}",
                "CONF" if self._confirmed else "NCONF",
            ),
            "INF_RATE_MAX_SYRINGE": lambda _: (f"{self._options.rate_max_ml_h:.2f}", "ml/h"),
            "ALARM": lambda _: (self._alarm, " ", " "),
            "REMOTE_CTRL": self._control,
            "REMOTE_CFG": self._control,
            "REMQUERY": lambda fields: ((fields or ["DEACT"])[0], "", "", "", ""),
            "INF_RATE": self._set_rate,
            "INF_VTBI": self._set_vtbi,
            "INF_VI_CLEAR": lambda _: self._clear(),
            "INF_START": lambda _: self._start(),
            "INF_STOP": lambda _: self._stop(),
            "INF_BOLUS": lambda fields: tuple(fields[:1] or ["DISABLED"]),
        }
        plant.on_target = self._volume_given
        plant.on_stall = self._stalled
        plant.on_sense = self._felt
        plant.pressure_limit_mmhg = PRESSURE_LIMIT_MMHG

    # -- the line -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._framer.reset()

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        if not self.powered:
            return
        self._plant.advance()
        for message in self._framer.feed(data):
            command = None if isinstance(message, Garbage) else self._commands.get(message.word)
            if command is None or isinstance(message, Garbage):
                continue  # what a pump says to a message that it does not know is not public
            self.doing = _operation(message)
            answer = Message(message.word, command(list(message.fields))).to_bytes()
            if self._send is not None:
                self._send(answer)
            self.doing = None

    # -- control ------------------------------------------------------------------------------------------------

    @property
    def _controlled(self) -> bool:
        return self._lapse is not None

    def _control(self, fields: list[str]) -> tuple[str, ...]:
        able = tuple(int(part) for part in self._options.revision.split(".") if part) <= (2, 3, 6)
        if fields[:1] == ["ENABLED"] and fields[1:2] == [security_code(self._options.serial)] and able:
            self._end_control()
            self._lapse = self._loop.call_later(self._options.token_lapse_s, self._lapsed)
        elif fields[:1] == ["DISABLED"]:
            self._end_control()
        return ("ENABLED" if self._controlled else "DISABLED", "****", "PERMIT" if able else "DENY", "0", "ms")

    def _end_control(self) -> None:
        if self._lapse is not None:
            self._lapse.cancel()
            self._lapse = None

    def _lapsed(self) -> None:
        self._lapse = None
        self._raise("AL_COMTO")

    # -- settings and flow --------------------------------------------------------------------------------------

    @property
    def _running(self) -> bool:
        return self._plant.truth().running

    def _infused(self) -> float:
        return self._plant.moved()[0] - self._cleared

    def _set_rate(self, fields: list[str]) -> tuple[str, ...]:
        wanted = _amount(fields, 0)
        if wanted is not None and self._controlled and Decimal("0.1") <= wanted <= self._options.rate_max_ml_h:
            self._rate = wanted
            if self._running:
                self._run()
        return (f"{self._rate:.2f}", "ml/h")

    def _set_vtbi(self, fields: list[str]) -> tuple[str, ...]:
        wanted = _amount(fields, 1)
        if self._controlled and not self._running:
            if fields[:1] == ["DEACT"]:
                self._vtbi = Decimal(0)
            elif fields[:1] == ["ACTIV"] and fields[3:4] == ["STOP"] and wanted is not None and 0 < wanted <= 1000:
                self._vtbi, self._vtbi_from = wanted, self._plant.moved()[0]
        return ("ACTIV", f"{self._vtbi:.3f}", "ml", "STOP") if self._vtbi else ("DEACT",)

    def _clear(self) -> tuple[str, ...]:
        if self._controlled:
            self._cleared = self._plant.moved()[0]
        return ()

    def _start(self) -> tuple[str, ...]:
        if self._controlled:
            self._press_start()
        return ()

    def _press_start(self) -> bool:
        self._alarm = "AL_NOALM"  # starting again acknowledges what was told
        if self._rate and self._confirmed and self._left() != 0 and not self._running:
            self._run()
        return self._running

    def _left(self) -> float | None:
        """Volume to go, None without a limit."""
        if not self._vtbi:
            return None
        return max(0.0, float(self._vtbi) - (self._plant.moved()[0] - self._vtbi_from))

    def _run(self) -> None:
        self._plant.run(float(self._rate), self._left())

    def _stop(self) -> tuple[str, ...]:
        if self._controlled or not self._options.stop_needs_control:
            self._plant.stop()
        return ()

    def _volume_given(self) -> None:
        self._events += 1

    # -- alarms -------------------------------------------------------------------------------------------------

    def _raise(self, word: str) -> None:
        self._plant.stop()
        self._alarm = word
        self._events += 1

    def _stalled(self) -> None:
        self._raise("AL_EOIST" if Sense.EMPTY in self._plant.sensed else "AL_OCCLU")

    def _felt(self, sense: Sense, so: bool) -> None:  # noqa: FBT001 - the hook's shape
        if sense is Sense.DOOR:
            self._confirmed = not so and self._options.confirmed
        word = {
            Sense.PRESSURE: "AL_OCCLU",
            Sense.DOOR: "AL_DRDIS",
            Sense.EMPTY: "AL_EOIST",
            Sense.BATTERY_LOW: "AL_LBTAC",
        }.get(sense)
        if not so or word is None:
            return
        if sense is Sense.BATTERY_LOW:
            self._alarm = word  # it warns, and goes on
        else:
            self._raise(word)

    def _status(self) -> tuple[str, ...]:
        running = self._running
        rate, left = float(self._rate) if running else 0.0, self._left()
        seconds = int(left / float(self._rate) * 3600) if left is not None and self._rate else 0
        remaining = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}" if seconds < 86400 else "24+"
        return (
            self._options.serial,
            "-" if self._alarm == "AL_NOALM" else "A",
            self._options.infusing_word if running else "HLD",
            f"{rate:.2f}",
            "ml/h",
            "",
            f"{self._infused():.3f}",
            "ml",
            f"{self._plant.pressure_mmhg():.2f}",
            "mmHg",
            remaining,
            "EVENT",
            str(214000 + self._events),
        )

    # -- power and keys -----------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        self._plant.stop()
        self._end_control()
        self._framer.reset()
        self.powered = on
        self._rate = self._vtbi = Decimal(0)
        self._cleared, self._alarm = self._plant.moved()[0], "AL_NOALM"

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - it has one panel
        """Keys: start, stop, rate=VALUE (or N% of now), confirm."""
        if not self.powered:
            raise PanelError("the pump is off: its keys do nothing")
        match key:
            case "start":
                if not self._press_start():
                    raise PanelError(
                        "the pump does not start: it has no rate, no volume to go, or no confirmed syringe"
                    )
            case "stop":
                self._plant.stop()
            case "confirm":
                self._confirmed = True
            case "rate" if value:
                wanted = _keyed(value, self._rate)
                if not Decimal("0.1") <= wanted <= self._options.rate_max_ml_h:
                    raise PanelError(f"rate {value!r} is not within 0.1 and {self._options.rate_max_ml_h} mL/h")
                self._rate = wanted
                if self._running:
                    self._run()
            case _:
                raise PanelError(f"no key {key!r}; known: start, stop, confirm, rate=VALUE")

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - it has one panel
        if not self.powered:
            return {"status": "off"}
        return {
            "status": "infusing" if self._running else "on hold",
            "rate": f"{self._rate:.1f} mL/h",
            "vtbi": f"{self._vtbi:.1f} mL" if self._vtbi else "off",
            "infused": f"{self._infused():.1f} mL",
            "alarm": self._alarm,
            "control": "remote" if self._controlled else "local",
        }

    def shut(self) -> None:
        self._end_control()


def _operation(message: Message) -> Operation:
    if message.word in _SETTINGS:
        return Operation.PROGRAM if message.fields else Operation.READ
    return _OPERATIONS.get(message.word, Operation.READ)


def _amount(fields: list[str], place: int) -> Decimal | None:
    """A number among the fields; None when there is none."""
    try:
        value = Decimal(fields[place].strip())
    except (InvalidOperation, IndexError):
        return None
    return value if value.is_finite() else None


def _keyed(value: str, now: Decimal) -> Decimal:
    try:
        return now * Decimal(value[:-1]) / 100 if value.endswith("%") else Decimal(value)
    except InvalidOperation as error:
        raise PanelError(f"{value!r} is not a rate") from error
