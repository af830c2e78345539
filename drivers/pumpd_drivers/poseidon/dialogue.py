"""One request and its echo, in words, and what the echoes show: idle, moving, restarted.

Promises:
- An echo is accepted only if every field equals what was sent. Requests that change nothing carry a running number, a
  move the number of its slice, so that an echo names its request.
- A question (`PING`, a mode that the firmware does not know) is repeated after a silence; a setting, a move and a stop
  are sent once.
- While own slices run, every frame lists the own motor: another list of motors would end the move. At all other times
  no motor is listed, so that no frame continues a move that another client left unfinished.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import cycle

from pumpd.driving import DeclinedError, Lane, LinkDriver, Side, text
from pumpd_drivers.poseidon.codec import Echo, Move, Ready, Reply, Request
from pumpd_drivers.poseidon.replies import Sign, Times
from pumpd_drivers.poseidon.settings import PoseidonSettings

NO_MOTOR = "BLAH"  # as the public client writes it
STOP = Request("STOP", NO_MOTOR, NO_MOTOR, NO_MOTOR)


class PoseidonDialogue(LinkDriver[Reply], ABC):
    """The part of the driver that exchanges words. `idle`: the pump's clock showed that nothing moves, and no move was
    sent since.
    """

    longest_reply = 520  # an echo, and the report of a move after it

    def __init__(self, link: Side[Reply], settings: PoseidonSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.idle = False
        self.ready = asyncio.Event()  # the pump's ready text came on this connection
        self._times = Times()
        self._begins = False  # a move is being sent
        self._numbers = cycle(range(1, 10000))
        self._on = 0  # the connection that `idle` and `_times` are about
        link.on_stray = self._unasked

    # -- what happens at the pump ----------------------------------------------------------------------------

    @property
    @abstractmethod
    def own_slices(self) -> bool:
        """Whether a slice of this driver is to move on to its end, or the next one will come."""

    @abstractmethod
    def on_restart(self) -> None:
        """The pump restarted: it holds nothing, and its default speed."""

    @abstractmethod
    def on_idle(self, heard_s: float) -> None:
        """Nothing moves, as an echo showed at this instant."""

    # -- requests ----------------------------------------------------------------------------------------------

    async def ping(self, epoch: int | None = None, lane: Lane = Lane.NORMAL) -> Sign:
        """A question that only its echo answers. Its Time decides whether the pump is idle."""
        motors = str(self.settings.motor) if self.own_slices and lane is Lane.NORMAL else NO_MOTOR
        request = Request("PING", "X", motors, self._number())
        self._follow_connection()
        asked_s = now_s()
        echo = await self.ask(request.to_bytes(), echo_of(request), lane=lane, epoch=epoch)
        return self._note(echo, asked_s)

    async def set(self, name: str, value: Decimal | int, epoch: int | None, *, repeat: bool = False) -> None:
        """SPEED or ACCEL of this motor; it counts from the next move on. `repeat` it after a silence: it then is a
        question whether the pump accepts the value that it was given before.
        """
        request = Request("SETTING", name, str(self.settings.motor), f"{Decimal(value):.1f}")
        self._follow_connection()
        asked_s = now_s()
        exchange = self.ask(request.to_bytes(), echo_of(request), epoch=epoch) if repeat else None
        echo = await (exchange or self.send_once(request.to_bytes(), echo_of(request), epoch))
        self._note(echo, asked_s)

    async def move(self, number: int, steps: int, epoch: int) -> None:
        """One slice, sent once, to an idle pump. Done when the pump has reported that this very move begins."""
        distances = ["0.0"] * 3
        distances[self.settings.motor - 1] = f"{steps}.0"
        motor, way = str(self.settings.motor), self.settings.direction
        request = Request("RUN", "DIST", motor, f"{number}.0", way, *distances)
        if not self.idle:
            raise DeclinedError(text("poseidon.not_idle", "RUN: the pump is not known to be idle: moves never overlap"))
        self.idle, self._begins = False, True
        asked_s = now_s()
        heard: list[Echo] = []
        try:
            await self.send_once(request.to_bytes(), begin_of(request, heard), epoch)
        except DeclinedError:
            self.idle = True  # it was not sent
            raise
        finally:
            self._begins = False
            self._times.forget()
            for echo in heard:
                self._note(echo, asked_s)

    async def stop_moving(self) -> None:
        """The frame without a motor that ends a move, sent once; done when it is echoed."""
        request = Request(STOP.mode, STOP.setting, STOP.motors, self._number())
        await self._at_once(request, Lane.STOP_FRAME)

    async def end_pause(self) -> None:
        """A paused pump would continue its old move at a later RESUME: this one lists no motor and ends it."""
        await self._at_once(Request("RESUME", NO_MOTOR, "0", self._number()), Lane.STOP)

    async def _at_once(self, request: Request, lane: Lane) -> None:
        self._follow_connection()
        asked_s = now_s()
        echo = await self.send_once(request.to_bytes(), echo_of(request), None, lane=lane)
        self._note(echo, asked_s)

    def _number(self) -> str:
        return f"{next(self._numbers)}.0"

    # -- echoes ------------------------------------------------------------------------------------------------

    def _note(self, echo: Reply, asked_s: float) -> Sign:
        assert isinstance(echo, Echo)  # nothing else is accepted
        heard_s = now_s()
        if self._begins:
            return Sign.FIRST  # it was answered before the move, about which it shows nothing
        sign = self._times.take(echo.time, asked_s, heard_s)
        if sign is Sign.GREW:
            self.idle = True
            self.on_idle(heard_s)
        elif sign is Sign.FROZEN:
            self.idle = False
        elif sign is Sign.OTHER:
            self._restarted()
        return sign

    def _unasked(self, frame: Reply) -> None:
        if isinstance(frame, Ready):
            self._follow_connection()
            self.ready.set()
            self._times.forget()
            self._restarted()

    def _restarted(self) -> None:
        self.idle = False
        self.on_restart()

    def _follow_connection(self) -> None:
        """After the port was opened again, another pump may be on it."""
        if self._on != self.connections:
            self._on = self.connections
            self.idle = False
            self.ready.clear()
            self._times.forget()


def now_s() -> float:
    """The instant now, in s, by the clock that times the slices."""
    return asyncio.get_running_loop().time()


def echo_of(request: Request) -> Callable[[Reply], bool]:
    """Accepts the echo of this request, whatever its Time."""
    wanted = Echo.of(request, 0)
    return lambda frame: isinstance(frame, Echo) and replace(frame, time=0) == wanted


def begin_of(request: Request, heard: list[Echo]) -> Callable[[Reply], bool]:
    """Accepts the report that the move of this request begins, which follows its echo; `heard` receives the echo."""
    echoes, wanted = echo_of(request), Move.of(request)

    def accepts(frame: Reply) -> bool:
        if isinstance(frame, Echo) and echoes(frame):
            heard[:] = [frame]
        return bool(heard) and frame == wanted

    return accepts
