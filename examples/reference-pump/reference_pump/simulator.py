"""The reference firmware as a simulated pump: its frames from the codec, its volumes from the plant.

It follows examples/firmware/pump.c command by command; tests/realtime compares it with that firmware on a chip.
"""

import asyncio
from collections.abc import Sequence

from pydantic import Field

from pumpd_simulators.device import Operation, PanelError, Send
from pumpd_simulators.family import Family, SimulatorOptions
from pumpd_simulators.plant import Plant, PlantSettings
from reference_pump.codec import Garbage, Reply, Request, RequestFramer
from reference_pump.replies import DONE, Flag

UNKNOWN, MALFORMED, OUT_OF_RANGE, NOT_WHILE_FLOWING, ANOTHER_PUMP, ANOTHER_PROGRAM, NOTHING_TO_START = range(1, 8)
LONGEST_LEASE_S, TAG_LENGTH = 60, 16
VERSION, MODEL = "0100", "ref-1"
OPERATIONS = {
    "I": Operation.IDENTIFY,
    "S": Operation.READ,
    "P": Operation.PROGRAM,
    "Q": Operation.READ,
    "G": Operation.START,
    "X": Operation.STOP,
}
Answer = tuple[int, str]


class ReferenceOptions(SimulatorOptions):
    serial: str = Field(default="10000001", pattern="^[0-9A-F]{8}$", description="the serial number, 8 hex digits")
    address: int = Field(default=1, ge=1, le=254, description="the address on the line")


class ReferencePump:
    baud = 38400

    def __init__(self, plant: Plant, options: ReferenceOptions) -> None:
        self.model = MODEL
        self.plants: Sequence[Plant] = (plant,)
        self.powered = True
        self.doing: Operation | None = None
        self._plant, self._serial, self._address = plant, options.serial, options.address
        self._tag = ""
        self._framer = RequestFramer()
        self._send: Send | None = None
        self._loop = asyncio.get_running_loop()
        self._lease: asyncio.TimerHandle | None = None
        self._power_up()
        plant.on_stall = lambda: self._end(Flag.STALLED)

    def _power_up(self) -> None:
        self._held, self._startable, self._blinks = "0" * 20, False, 0
        self._flags, self._cleared = Flag.RESET, self._plant.moved()[0]
        self._limit_ml, self._step_ml, self._steps = 0.0, 1.0, 0

    # -- the line --------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send

    def detach(self) -> None:
        self._send = None

    def feed(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if self.powered and not isinstance(frame, Garbage) and frame.address == self._address:
                self._answer(frame)

    def _answer(self, frame: Request) -> None:
        self.doing = OPERATIONS.get(frame.command, Operation.OTHER)
        result, data = self._carry_out(frame)
        if self._send is not None:
            self._send(Reply(frame.address, frame.sequence, frame.command, result, data).to_bytes())
        self.doing = None

    def _carry_out(self, frame: Request) -> Answer:
        match frame.command:
            case "I":
                return DONE, f"{self._serial}{VERSION}{MODEL}"
            case "S":
                return self._renewed(frame.data)
            case "P":
                return self._load(frame.data)
            case "Q":
                return DONE, self._held
            case "G":
                return self._start(frame.data), ""
            case "X":
                self._plant.stop()
                self._startable = False
                return DONE, self._status()
            case "B":
                return self._blink(frame.data), ""
            case "T":
                return self._tagged(frame.data)
            case "A":
                return self._readdress(frame.data), ""
            case _:
                return UNKNOWN, ""

    # -- commands --------------------------------------------------------------------------------------------

    @property
    def _flowing(self) -> bool:
        return self._plant.truth().running

    def _status(self) -> str:
        made_ml = self._plant.moved()[0] - self._cleared
        steps = min(int(made_ml / self._step_ml + 1e-6), self._steps)
        _, rate, volume = _numbers(self._held, 4, 8, 8)
        given = volume if steps == self._steps else int(steps * self._step_ml * 1000)
        left = self._lease.when() - self._loop.time() if self._lease is not None and self._flowing else 0.0
        return f"{self._flowing:X}{self._flags:02X}{rate:08X}{given:08X}{steps:08X}{-int(-left // 1):02X}"

    def _renewed(self, data: str) -> Answer:
        if data:
            if not _is_hex(data, 2):
                return MALFORMED, ""
            if not 1 <= int(data, 16) <= LONGEST_LEASE_S:
                return OUT_OF_RANGE, ""
            if self._flowing:
                self._grant(int(data, 16))
        return DONE, self._status()

    def _load(self, data: str) -> Answer:
        if not _is_hex(data, 20):
            return MALFORMED, ""
        if self._flowing:
            return NOT_WHILE_FLOWING, ""
        diameter, rate, volume = _numbers(data, 4, 8, 8)
        step_ml = diameter**2 * 0.785398 * 1000 / 3200 / 1e12  # one step is 1000 / 3200 um; 1e12 cubic um are 1 mL
        if not (4000 <= diameter <= 40000 and 0 < volume <= 100_000 and 0 < rate <= step_ml * 1e3 * 3600 * 1e3):
            return OUT_OF_RANGE, ""
        if not (steps := int(volume / 1e3 / step_ml)):
            return OUT_OF_RANGE, ""
        self._held, self._step_ml, self._steps = data, step_ml, steps
        self._flags, self._startable, self._cleared = Flag(0), True, self._plant.moved()[0]
        return DONE, self._held

    def _start(self, data: str) -> int:
        if not _is_hex(data, 30):
            return MALFORMED
        serial, program, lease_s = data[:8], data[8:28], int(data[28:], 16)
        if self._flowing:
            return NOT_WHILE_FLOWING
        if serial != self._serial:
            return ANOTHER_PUMP
        if not 1 <= lease_s <= LONGEST_LEASE_S:
            return OUT_OF_RANGE
        if not self._startable or self._flags:
            return NOTHING_TO_START
        if program != self._held:
            return ANOTHER_PROGRAM
        self._startable = False
        _, rate, _ = _numbers(program, 4, 8, 8)
        self._plant.run(rate / 1000, self._steps * self._step_ml)
        self._grant(lease_s)
        return DONE

    def _blink(self, data: str) -> int:
        if not _is_hex(data, 1):
            return MALFORMED
        if self._flowing:
            return NOT_WHILE_FLOWING
        self._blinks = int(data, 16)
        return DONE

    def _tagged(self, data: str) -> Answer:
        if data:
            if self._flowing:
                return NOT_WHILE_FLOWING, ""
            if len(data) > TAG_LENGTH:
                return MALFORMED, ""
            self._tag = data
        return DONE, self._tag

    def _readdress(self, data: str) -> int:
        if not _is_hex(data, 10):
            return MALFORMED
        serial, address = data[:8], int(data[8:], 16)
        if self._flowing:
            return NOT_WHILE_FLOWING
        if serial != self._serial:
            return ANOTHER_PUMP
        if not 1 <= address <= 254:
            return OUT_OF_RANGE
        self._address = address
        return DONE

    # -- what happens to the pump ----------------------------------------------------------------------------

    def _grant(self, seconds: int) -> None:
        if self._lease is not None:
            self._lease.cancel()
        self._lease = self._loop.call_later(seconds, self._end, Flag.LEASE_ENDED)

    def _end(self, why: Flag) -> None:
        if self._flowing or why is Flag.STALLED:
            self._plant.stop()
            self._flags |= why

    def power(self, *, on: bool) -> None:
        self.powered = on
        self._plant.stop()
        self._power_up()

    def press(self, key: str, value: str | None = None, unit: int = 1) -> None:  # noqa: ARG002 - one panel
        if key != "stop" or not self.powered:
            raise PanelError(f"no key {key!r}; known: stop")
        self._end(Flag.KEY_PRESSED)

    def display(self, unit: int = 1) -> dict[str, str]:  # noqa: ARG002 - one panel
        return {"tag": self._tag, "blinks": str(self._blinks)} if self.powered else {"status": "off"}

    def shut(self) -> None:
        if self._lease is not None:
            self._lease.cancel()


def _is_hex(data: str, digits: int) -> bool:
    return len(data) == digits and not set(data) - set("0123456789ABCDEF")


def _numbers(data: str, *digits: int) -> list[int]:
    """Hexadecimal numbers of so many digits each."""
    ends = [sum(digits[: index + 1]) for index in range(len(digits))]
    return [int(data[end - length : end], 16) for end, length in zip(ends, digits, strict=True)]


FAMILY = Family(
    name="reference",
    title="The reference firmware of examples/firmware",
    models=(MODEL,),
    options=ReferenceOptions,
    make=lambda plants, _, options: ReferencePump(plants[0], options),
    physics=lambda _, seed: PlantSettings.syringe(seed),
)
