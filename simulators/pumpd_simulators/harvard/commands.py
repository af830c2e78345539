"""One Harvard pump's commands: each gets its arguments and returns lines of text; no line means done.

Source: the family's protocol sheet. Wordings that no source gives follow the recorded ones [I].
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from pumpd_simulators.device import Operation
from pumpd_simulators.harvard import numbers
from pumpd_simulators.harvard.memory import INFUSE, WITHDRAW, Amount, Program, Ramp
from pumpd_simulators.harvard.motor import Motor
from pumpd_simulators.harvard.options import HarvardOptions, Model
from pumpd_simulators.plant import Plant

Lines = list[str]

LOADS = {
    "qs iw": "Quick Start - Infuse/Withdraw (qs iw)",
    "qs i": "Quick Start - Infuse Only (qs i)",
    "qs w": "Quick Start - Withdraw Only (qs w)",
}
SYRINGES = {  # by maker as shown, then by size. Only what was recorded; the pump's own table is much longer
    "Hoshi": {"20 ml": 20.45},
    "BD, plastic": {"10 ml": 14.43, "20 ml": 19.05, "60 ml": 26.72},
}
METRICS = {  # 11 Elite, as a public client quotes them
    "Steps per rev": "400",
    "Gear ratio": "1:1",
    "Pulley ratio": "2.4:1",
    "Lead screw": "24 threads per inch",
    "Microstepping": "16 microsteps per step",
    "Low speed limit": "27 seconds",
    "High speed limit": "26 microseconds",
    "Min syringe size": "0.1 mm",
    "Max syringe size": "33 mm",
    "Direction": "Infuse/withdraw",
}
BAUDS = ("9600", "19200", "38400", "57600", "115200", "128000", "230400", "256000", "460800", "921600")

_OPERATIONS: dict[str | None, Operation] = {
    **dict.fromkeys(("version", "ver", "metrics", "address"), Operation.IDENTIFY),
    **dict.fromkeys(("irun", "wrun", "run", "rrun"), Operation.START),
    **dict.fromkeys(("stp", "stop"), Operation.STOP),
    **dict.fromkeys(("poll", "echo", "nvram"), Operation.OTHER),
}

# Only stored and reported: they do not affect the fluid.
_KEPT = {
    "ascale": "100",
    "boot": "off",
    "cmd": "ultra",
    "config": "a400,g1,p2.4,l24,m16",
    "delmethod": "",
    "dim": "15",
    "ftswitch": "mom",
    "gang": "1",
    "input": "low",
    "output": "low",
    "remote": "off",
    "sync": "off",
    "tilt": "Tilt sensor not available",
}


POWER_UP = datetime(2000, 1, 1)  # noqa: DTZ001 - the pump's clock has no zone; this is its time before it is set


class ArgumentError(ValueError):
    """The pump's reply to a wrong argument: `Argument error: ARGUMENT` and the reason."""

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(argument, reason)
        self.lines = [f"Argument error: {argument}", f"   {reason}"]


def command_error(reason: str) -> Lines:
    return ["Command error:", f"   {reason}"]


class HarvardPump:
    """Powered from the start. `poll` and `echo` are applied by the line, and only stored here."""

    def __init__(self, plant: Plant, model: Model, address: int, serial: str, options: HarvardOptions) -> None:
        self.plant, self.model, self.address, self.serial, self.options = plant, model, address, serial, options
        self.baud = options.baud
        self._kept = Program(options.diameter_mm)
        self.power_up()
        self._commands: dict[str, Callable[[Sequence[str]], Lines]] = {
            "address": self._address,
            "baud": self._baud,
            "cat": lambda _: list(LOADS.values()),
            "echo": partial(self._switch, "echo", ("on", "off")),
            "poll": partial(self._switch, "poll", ("on", "off", "remote")),
            "nvram": self._nvram,
            "time": self._clock,
            "load": self._load,
            "metrics": self._metrics,
            "ver": lambda _: [self.model.version],
            "version": self._version,
            "diameter": self._diameter,
            "force": self._force,
            "svolume": self._syringe_volume,
            "syrmanu": self._syringe,
            "run": lambda _: self._run(self.motor.way),
            "rrun": lambda _: self._run(-self.motor.way),
            "irun": lambda _: self._run(INFUSE),
            "wrun": lambda _: self._run(WITHDRAW),
            "stp": self._stop,
            "stop": self._stop,
            "status": self._status,
            "crate": lambda _: self._current_rate(),
            "rate": lambda arguments: self._rate(self.motor.way, arguments),
            "tvolume": self._target,
            "ttime": self._target_time,
            "ctvolume": lambda _: self._clear_target(volume=True),
            "cttime": lambda _: self._clear_target(volume=False),
            "cvolume": partial(self._clear_volume, (INFUSE, WITHDRAW)),
            "ctime": partial(self._clear_time, (INFUSE, WITHDRAW)),
        }
        for letter, way in (("i", INFUSE), ("w", WITHDRAW)):
            self._commands |= {
                f"{letter}rate": partial(self._rate, way),
                f"{letter}ramp": partial(self._ramp, way),
                f"{letter}volume": partial(self._volume, way),
                f"{letter}time": partial(self._time, way),
                f"c{letter}volume": partial(self._clear_volume, (way,)),
                f"c{letter}time": partial(self._clear_time, (way,)),
            }
        self._commands |= {name: partial(self._keep, name) for name in _KEPT}
        if not options.has_ver:
            del self._commands["ver"]

    def power_up(self) -> None:
        options = self.options
        self.program = self._kept.copy()
        self.motor = Motor(self.plant, self.program, options)
        self.switches: dict[str, str] = {"poll": options.poll_after_power, "echo": "off", "nvram": options.nvram}
        self.loaded, self.force_percent, self.syringe, self.syringe_ml = "qs iw", 30, "", 10.0
        self._values = dict(_KEPT)
        self._set_clock = (POWER_UP, self.plant.now)

    # -- finding the command -----------------------------------------------------------------------------------

    def find(self, word: str) -> str | None:
        """The command for a word: its full name, or its first four or more letters."""
        word = word.lower()
        if word in self._commands:
            return word
        matches = [name for name in self._commands if name.startswith(word)] if len(word) >= 4 else []
        return matches[0] if matches else None

    def operation(self, name: str | None, arguments: Sequence[str]) -> Operation:
        if name is None or name in _OPERATIONS:
            return _OPERATIONS.get(name, Operation.OTHER)
        clears = name.startswith("c") and name.endswith(("volume", "time"))
        asks = not clears and (not arguments or arguments[0] == "lim")
        return Operation.READ if asks else Operation.PROGRAM

    def execute(self, name: str | None, arguments: Sequence[str]) -> Lines:
        if name is None:
            return command_error("Unknown command")
        try:
            lines = self._commands[name](arguments)
        except ArgumentError as error:
            return error.lines
        if self.switches["nvram"] == "on":
            self._kept = self.program.copy()
        return lines

    # -- system ------------------------------------------------------------------------------------------------

    def _address(self, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [f"Pump address is {self.address}"]
        if not (arguments[0].isdigit() and int(arguments[0]) <= 99):
            raise ArgumentError(arguments[0], "Address out of range")
        self.address = int(arguments[0])
        return [f"Pump address set to {self.address}"]

    def _baud(self, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [str(self.baud)]
        if arguments[0] not in BAUDS:
            raise ArgumentError(arguments[0], "Invalid baud rate")
        self.baud = int(arguments[0])
        return []

    def _switch(self, name: str, known: Sequence[str], arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [self.switches[name].upper()]
        if (value := arguments[0].lower()) not in known:
            raise ArgumentError(arguments[0], "Invalid argument")
        self.switches[name] = value
        return []

    def _nvram(self, arguments: Sequence[str]) -> Lines:
        known = ("on", "off", "none") if self.options.has_nvram_none else ("on", "off")
        return self._switch("nvram", known, arguments)

    def _current_rate(self) -> Lines:
        """Only while the pump runs, and with its direction, as a public client has it from the maker's manual [I]."""
        motor = self.motor
        if self.options.crate_reply == "rate":
            return [numbers.rate(motor.rate_ml_h)]
        way = "Infusing" if motor.way is INFUSE else "Withdrawing"
        return [f"{way} at {numbers.rate(motor.rate_ml_h)}"] if self.plant.truth().running else []

    def _clock(self, arguments: Sequence[str]) -> Lines:
        """The reply to `time 05/08/23 14:48:23` is the time, as for the question (recorded: 05/08/23 2:48:23 PM)."""
        if arguments:
            try:
                given = datetime.strptime(" ".join(arguments), "%m/%d/%y %H:%M:%S")  # noqa: DTZ007 - it has no zone
            except ValueError:
                raise ArgumentError(" ".join(arguments), "Invalid time") from None
            self._set_clock = (given, self.plant.now)
        began, at = self._set_clock
        now = began + timedelta(seconds=self.plant.now - at)
        return [f"{now:%m/%d/%y} {now.hour % 12 or 12}:{now:%M:%S %p}"]

    def _keep(self, name: str, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [self._values[name]]
        self._values[name] = " ".join(arguments)
        return []

    def _load(self, arguments: Sequence[str]) -> Lines:
        wanted = " ".join(arguments).lower()
        if not wanted:
            return [LOADS[self.loaded]]
        if wanted not in LOADS:
            raise ArgumentError(arguments[0], "Unknown method")
        if self.motor.running:
            return command_error("Not allowed while running")
        self.loaded = wanted
        return []

    def _metrics(self, _: Sequence[str]) -> Lines:
        return [
            f"{name:<19}{text}"
            for name, text in {"Pump type": self.model.name, "Pump type string": self.model.version, **METRICS}.items()
        ]

    def _version(self, _: Sequence[str]) -> Lines:
        firmware = self.options.firmware or self.model.firmware
        return [f"Firmware:      {firmware}", f"Pump address:  {self.address}", f"Serial number: {self.serial}"]

    # -- syringe -----------------------------------------------------------------------------------------------

    def _diameter(self, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [f"{self.program.diameter_mm:.4f} mm"]
        value = numbers.number(arguments[0])
        if value is None:
            raise ArgumentError(arguments[0], "Invalid number")
        if not 0.1 <= value <= self.options.diameter_max_mm:
            raise ArgumentError(arguments[0], "Out of range")
        if self.motor.running:
            return command_error("Not allowed while running")
        self.program.diameter_mm = value
        return []

    def _force(self, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [f"{self.force_percent}%"]
        if not (arguments[0].isdigit() and 1 <= int(arguments[0]) <= 100):
            raise ArgumentError(arguments[0], "Out of range")
        self.force_percent = int(arguments[0])
        return []

    def _syringe_volume(self, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [numbers.volume(self.syringe_ml)]
        self.syringe_ml = self._volume_of(arguments).ml
        return []

    def _syringe(self, arguments: Sequence[str]) -> Lines:
        if not arguments:
            return [self.syringe or "Custom"]
        makers = {maker.lower(): maker for maker in SYRINGES}
        maker = makers.get(arguments[0].lower())
        if maker is None:
            raise ArgumentError(arguments[0], "Unknown syringe")
        size = " ".join(arguments[1:])
        if size == "?":
            return list(SYRINGES[maker])
        if size not in SYRINGES[maker]:
            raise ArgumentError(size, "Unknown syringe")
        self.program.diameter_mm = SYRINGES[maker][size]
        self.syringe = f"{maker}, {size}, {self.program.diameter_mm:.2f} mm"
        return []

    # -- running -----------------------------------------------------------------------------------------------

    def _run(self, way: int) -> Lines:
        if (way == INFUSE) is (self.loaded == "qs w") and self.loaded != "qs iw":
            return command_error("Not in this mode")
        error = self.motor.run(way)
        return command_error(error) if error else []

    def _stop(self, _: Sequence[str]) -> Lines:
        self.motor.stop()
        return []

    def _status(self, _: Sequence[str]) -> Lines:
        """Rate in fL/s, time, volume in fL, flags; all of the present direction (PHD Ultra user guide p. 88)."""
        motor, options = self.motor, self.options
        letter = "i" if motor.way == INFUSE else "w"
        flags = [
            letter.upper() if motor.running else letter,
            ".",  # limit switch: these pumps have none
            "S" if motor.stalled else ".",
            ".",  # trigger input
            letter,
            *(["T" if motor.at_target else "."] if options.status_target_flag else []),
        ]
        rate_fl_s = motor.rate_ml_h / 3600 * 1e12
        time_s = motor.time_s(motor.way)
        time = time_s * 1000 if options.status_time == "ms" else time_s
        fields = f"{rate_fl_s:.0f} {time:.0f} {motor.volume_ml(motor.way) * 1e12:.0f}"
        return [f"{fields:>{max(options.status_width - len(flags) - 1, 0)}} {''.join(flags)}"]

    def _rate(self, way: int, arguments: Sequence[str]) -> Lines:
        low, high = self.options.limits_ml_h(self.program.diameter_mm)
        if not arguments:
            amount = self.program.rates.get(way)
            return [str(amount) if amount else "0 ml/min"]
        word = arguments[0].lower()
        if word == "lim":
            return [f"{numbers.rate(low)} to {numbers.rate(high)}"]
        if word in ("max", "min"):
            value, _, unit = numbers.rate(high if word == "max" else low).partition(" ")
            amount = Amount(float(value), unit)
        else:
            amount = self._rate_of(arguments)
        if not self.options.takes(amount.ml_h, self.program.diameter_mm):
            raise ArgumentError(arguments[0], "Rate out of range")
        self.program.rates[way] = amount
        self.program.ramps.pop(way, None)
        self.motor.change_rate(way)
        return []

    def _ramp(self, way: int, arguments: Sequence[str]) -> Lines:
        if not arguments:
            ramp = self.program.ramps.get(way)
            return [str(ramp) if ramp else "Ramp not set up."]
        begin, end = self._rate_of(arguments[:2]), self._rate_of(arguments[2:4])
        for amount, given in ((begin, arguments[0]), (end, arguments[2])):
            if not self.options.takes(amount.ml_h, self.program.diameter_mm):
                raise ArgumentError(given, "Rate out of range")
        time_s = numbers.number(arguments[4]) if len(arguments) == 5 else None
        if not time_s:
            raise ArgumentError(" ".join(arguments[4:]), "Invalid time")
        self.program.ramps[way] = Ramp(begin, end, time_s)
        return []

    def _target(self, arguments: Sequence[str]) -> Lines:
        program = self.program
        if not arguments:
            return [str(program.target) if program.target else "Target volume not set"]
        amount = self._volume_of(arguments)
        if not 0 < amount.ml <= self.options.vtbi_max_ml:
            raise ArgumentError(arguments[0], "Target volume out of range")
        program.target = amount
        if self.options.targets == "last":
            program.target_time_s = None
        self.motor.targets_changed()
        return []

    def _target_time(self, arguments: Sequence[str]) -> Lines:
        program = self.program
        if not arguments:
            return [numbers.time(program.target_time_s) if program.target_time_s else "Target time not set"]
        time_s = numbers.seconds(arguments[0])
        if not time_s:
            raise ArgumentError(arguments[0], "Target time out of range")
        program.target_time_s = time_s
        if self.options.targets == "last":
            program.target = None
        self.motor.targets_changed()
        return []

    def _clear_target(self, *, volume: bool) -> Lines:
        if volume:
            self.program.target = None
        else:
            self.program.target_time_s = None
        self.motor.targets_changed()
        return []

    def _volume(self, way: int, _: Sequence[str]) -> Lines:
        return [numbers.volume(self.motor.volume_ml(way))]

    def _time(self, way: int, _: Sequence[str]) -> Lines:
        return [numbers.time(self.motor.time_s(way))]

    def _clear_volume(self, ways: Sequence[int], _: Sequence[str]) -> Lines:
        for way in ways:
            self.motor.clear_volume(way)
        return []

    def _clear_time(self, ways: Sequence[int], _: Sequence[str]) -> Lines:
        for way in ways:
            self.motor.clear_time(way)
        return []

    def _kept_digits(self, value: float) -> float:
        return float(f"{value:.{self.options.digits}g}")

    def _volume_of(self, arguments: Sequence[str]) -> Amount:
        value = numbers.number(arguments[0])
        unit = numbers.volume_unit(arguments[1]) if len(arguments) == 2 else None
        if value is None or unit is None:
            raise ArgumentError(arguments[-1], "Invalid number" if value is None else "Invalid units")
        return Amount(self._kept_digits(value), unit)

    def _rate_of(self, arguments: Sequence[str]) -> Amount:
        value = numbers.number(arguments[0]) if arguments else None
        unit = numbers.rate_unit(arguments[1]) if len(arguments) == 2 else None
        if value is None or unit is None:
            raise ArgumentError(
                arguments[-1] if arguments else "", "Invalid number" if value is None else "Invalid units"
            )
        return Amount(self._kept_digits(value), unit)
