"""The published firmware: frames in, moves nested in moves, and what is printed.

Source: the sheet's "Motion" and "STOP, PAUSE and nesting", observed on the firmware itself. What looks like a fault
here is the firmware's own:
- A move is a loop that ends when as many of its motors have arrived as the *latest frame* lists, whichever they are.
- A frame that comes during a move is obeyed inside of it, also another move. What was below continues afterwards.
- STOP does nothing by itself: it ends a loop only because its frame lists no motor.
- PAUSE waits for RESUME, and for nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pumpd_drivers.poseidon.codec import Echo, Move, Request, flags, number, whole
from pumpd_simulators.device import Operation
from pumpd_simulators.poseidon.motor import Leg, Motor


@dataclass(slots=True)
class Loop:
    """One move: what each motor has to do in it, and which have arrived."""

    legs: list[Leg]
    arrived: list[bool] = field(default_factory=lambda: [False] * 3)


@dataclass(slots=True)
class Pause:
    """Waits for RESUME."""


class Firmware:
    """The program on the board. `loops` is its stack: the last one has the processor."""

    def __init__(self, motors: Sequence[Motor], *, reports: bool = True) -> None:
        self.motors, self._reports = motors, reports
        self.power_up()

    def power_up(self) -> None:
        self.loops: list[Loop | Pause] = []
        self.latest = Request("", "", "", "")
        for motor in self.motors:
            motor.power_up()

    @property
    def listed(self) -> tuple[int, int, int]:
        """The motors of the latest frame."""
        return flags(self.latest.motors)

    def obey(self, request: Request, time: int) -> bytes:
        """Take a frame; returns all that is printed because of it. The motors stand still until `settle`."""
        for motor in self.motors:
            motor.rest()
        self.latest = request
        printed = Echo.of(request, time).to_bytes()
        match request.mode:
            case "SETTING":
                self._set(request)
            case "RUN" if request.setting == "DIST":
                printed += self._begin(request)
            case "RESUME":
                printed += self._begin(request)
            case "PAUSE":
                self.loops.append(Pause())
            case _:  # STOP, and every mode that the firmware does not know: nothing
                pass
        return printed + self._leave()

    def _set(self, request: Request) -> None:
        motor_id, value = whole(request.motors), abs(number(request.value))
        if motor_id not in (1, 2, 3):
            return
        motor = self.motors[motor_id - 1]
        if request.setting == "SPEED":
            motor.speed = value
        elif request.setting == "ACCEL" and value:
            motor.acceleration = value

    def _begin(self, request: Request) -> bytes:
        move = Move.of(request)
        steps = [int(move.direction * number(text)) for text in (request.p1, request.p2, request.p3)]
        self.loops.append(
            Loop(
                [
                    Leg(float(each * listed), motor.speed, motor.acceleration)
                    for each, listed, motor in zip(steps, self.listed, self.motors, strict=True)
                ]
            )
        )
        return move.to_bytes() if self._reports else b""

    # -- the loops ---------------------------------------------------------------------------------------------

    def settle(self) -> bytes:
        """Leave what is over, and let the motors of the present move turn; returns what is printed meanwhile."""
        for motor in self.motors:
            motor.rest()
        printed = self._leave()
        loop = self.loops[-1] if self.loops else None
        if isinstance(loop, Loop):
            turning = [place for place in range(3) if self.listed[place] and not loop.legs[place].done]
            for place in turning:
                self.motors[place].move(loop.legs[place], len(turning))
        return printed

    def _leave(self) -> bytes:
        """Leave every loop that is over; returns what a pause prints at its end."""
        printed = b""
        while self.loops:
            loop = self.loops[-1]
            if isinstance(loop, Pause):
                if self.latest.mode != "RESUME":
                    break
                self.loops.pop()  # it moves what is left, which is nothing: its copies of the motors never moved
                if self._reports:
                    printed += Move.of(_without_steps(self.latest)).to_bytes()
                continue
            if sum(loop.arrived) != sum(self.listed):
                for place in range(3):
                    loop.arrived[place] |= bool(self.listed[place]) and loop.legs[place].done
            if sum(loop.arrived) != sum(self.listed):
                break
            self.loops.pop()
        return printed


def operation(request: Request) -> Operation:
    match request.mode:
        case "SETTING":
            return Operation.PROGRAM
        case "RUN":
            return Operation.START if request.begins else Operation.KEEP_ALIVE
        case "STOP" | "PAUSE":
            return Operation.STOP
        case "RESUME":
            return Operation.START if any(flags(request.motors)) else Operation.STOP
        case _:
            return Operation.READ


def _without_steps(request: Request) -> Request:
    return Request(request.mode, request.setting, request.motors, request.value, request.direction)
