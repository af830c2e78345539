"""One command and its answer, with the family's rule on alarms: an alarm swallows the command that it answers.

Promises:
- A command is sent again only when the pump said that it did not execute it (an alarm came instead), or when it is a
  question; `once` sends what could start a flow, once, whatever comes.
- An answer needs our address, the framing in use and the shape of data that was asked for.
- An alarm that the pump reports, asked or not, stays in `alarms` until `acknowledge`.
"""

import re
from collections.abc import Callable

from pumpd.driving import RETRIES, DeclinedError, Lane, Side, UnansweredError, timed_out
from pumpd.pump import PumpAlarm
from pumpd.wire import WireError
from pumpd_drivers.new_era.codec import Garbage, Reply, Request

LONGEST_REPLY = 40  # bytes; allows for the time on the line
MOST_SWALLOWED = 5  # alarms in a row before we give up

NOTHING = re.compile("")

ALARMS = {
    "R": PumpAlarm.PUMP_RESET,
    "S": PumpAlarm.OCCLUSION,  # a stalled motor is how this pump feels a blocked line
    "T": PumpAlarm.PUMP_WATCHDOG,
    "E": PumpAlarm.PUMP_PROGRAM_ERROR,
    "O": PumpAlarm.PUMP_PROGRAM_ERROR,
}

_ERRORS = {
    "?": "it does not know the command",
    "?NA": "not applicable now",
    "?OOR": "out of range",
    "?COM": "the packet arrived damaged",
    "?IGN": "ignored",
}


class UnsupportedError(DeclinedError):
    """The pump does not know this command."""


class Dialogue:
    """The conversation with one address.

    `safe` is the mode that the pump is in: True, False, or None while it is not known (safe frames are then sent, which
    a pump takes in either mode, and answers in either framing are accepted).
    """

    def __init__(
        self, link: Side[Reply | Garbage], address: int, reply_timeout_s: float, alarms: dict[PumpAlarm, None]
    ) -> None:
        self.link = link
        self.safe: bool | None = None
        self.alarms = alarms  # the driver's latch
        self.alarm_count = 0
        self._address, self._reply_timeout_s = address, reply_timeout_s
        self._requests: dict[tuple[str, bool], tuple[bytes, float]] = {}
        self._accepts: dict[tuple[str, bool], Callable[[Reply | Garbage], bool]] = {}
        link.on_stray = self._overhear

    def acknowledge(self) -> None:
        self.alarms.clear()

    # -- the three ways to send ------------------------------------------------------------------------------

    async def ask(
        self, command: str, shape: re.Pattern[str], *, lane: Lane = Lane.NORMAL, epoch: int | None = None
    ) -> Reply:
        """A question, asked again after a missed answer and after an alarm."""
        missed = swallowed = 0
        while True:
            try:
                reply = await self.send(command, shape, lane=lane, epoch=epoch)
            except UnansweredError as error:
                missed += 1
                if missed > RETRIES or not timed_out(error):
                    raise
                continue
            if not reply.alarm:
                return _agreed(command, reply)
            swallowed += 1
            if swallowed == MOST_SWALLOWED:
                raise DeclinedError(f"{command}: the pump answers with an alarm again and again")

    async def tell(self, command: str, epoch: int, *, safe: bool | None = None) -> Reply:
        """A setting: sent again only when an alarm swallowed it. `safe` overrides the framing."""
        for _ in range(MOST_SWALLOWED):
            reply = await self.send(command, NOTHING, epoch=epoch, safe=safe)
            if not reply.alarm:
                return _agreed(command, reply)
        raise DeclinedError(f"{command}: the pump answers with an alarm again and again")

    async def once(self, command: str, epoch: int) -> Reply:
        """A command that is never sent again. An alarm in its place means that it was not executed."""
        reply = await self.send(command, NOTHING, epoch=epoch)
        if reply.alarm:
            raise DeclinedError(f"{command}: the pump answered with its alarm {reply.status} instead")
        return reply

    async def send(
        self,
        command: str,
        shape: re.Pattern[str],
        *,
        lane: Lane = Lane.NORMAL,
        epoch: int | None = None,
        safe: bool | None = None,
        either: bool = False,
    ) -> Reply:
        """One exchange, sent once; the reply may be an alarm or an error word.

        `safe` overrides the framing of the request, `either` accepts an answer in either framing.
        """
        framed = self.safe is not False if safe is None else safe
        request, timeout_s = self._request(command, safe=framed)
        accepts = self._accept(shape, strict=framed and self.safe is True and not either)
        try:
            reply = await self.link.exchange(request, accepts, timeout_s, lane, epoch)
        except WireError as error:
            text = f"{command or 'status'}: {error}"
            raise (UnansweredError(text) if error.sent else DeclinedError(text)) from error
        if type(reply) is not Reply:
            raise UnansweredError(f"{command}: no reply")  # `accepts` takes none
        if reply.alarm:
            self._latch(reply.alarm)
            self.link.unsettle()  # one sent of the pump's own accord may have come in place of the answer
        return reply

    # -- frames ----------------------------------------------------------------------------------------------

    def framed(self, command: str, *, safe: bool) -> bytes:
        return self._request(command, safe=safe)[0]

    def _request(self, command: str, *, safe: bool) -> tuple[bytes, float]:
        key = (command, safe)
        found = self._requests.get(key)
        if found is None:
            raw = Request(command, self._address, safe).to_bytes()
            found = raw, self._reply_timeout_s + self.link.line.time_for(len(raw) + LONGEST_REPLY)
            if len(self._requests) > 256:
                self._requests.clear()
            self._requests[key] = found
        return found

    def _accept(self, shape: re.Pattern[str], *, strict: bool) -> Callable[[Reply | Garbage], bool]:
        key = (shape.pattern, strict)
        if key not in self._accepts:
            address, fits = self._address, shape.fullmatch

            def accepts(frame: Reply | Garbage) -> bool:
                return (
                    type(frame) is Reply
                    and frame.address == address
                    and (frame.safe or not strict)
                    and (frame.alarm is not None or frame.error is not None or fits(frame.data) is not None)
                )

            self._accepts[key] = accepts
        return self._accepts[key]

    def _overhear(self, frame: Reply | Garbage) -> None:
        if isinstance(frame, Reply) and frame.address == self._address and frame.alarm:
            self._latch(frame.alarm)

    def _latch(self, letter: str) -> None:
        self.alarm_count += 1
        self.alarms[ALARMS[letter]] = None


def _agreed(command: str, reply: Reply) -> Reply:
    if reply.error is None:
        return reply
    refusal = UnsupportedError if reply.error == "?" else DeclinedError
    raise refusal(f"{command}: the pump refuses: {_ERRORS.get(reply.error, reply.error)} ({reply.error})")
