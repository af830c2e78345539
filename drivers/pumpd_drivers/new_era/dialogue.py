"""One command and its reply, with the family's rule on alarms: an alarm replaces the reply and swallows the command.

Promises:
- A command is sent again only when the pump reported that it did not execute it (an alarm came instead), or when it is
  a question; `once` sends a command that could start a flow exactly once, whatever the reply.
- A reply must carry our address, the framing in use and data of the expected shape.
- An alarm that the pump reports, asked or not, stays latched. One that no source names is a fault.
"""

import re
from abc import ABC
from collections.abc import Callable
from typing import Literal

import structlog

from pumpd.driving import RETRIES, DeclinedError, Lane, LinkDriver, Side, UnansweredError, of_error, text, timed_out
from pumpd.pump import PumpAlarm
from pumpd.wire import WireError
from pumpd_drivers.new_era.codec import Garbage, Reply, Request
from pumpd_drivers.new_era.replies import ALARMS
from pumpd_drivers.new_era.settings import NewEraSettings

LONGEST_REPLY = 40  # bytes; allows for the time on the line
MOST_SWALLOWED = 5  # alarms in a row before the driver gives up
_DAMAGED = ("?", "?COM")  # what a pump replies to a request that arrived damaged

NOTHING = re.compile("")

log = structlog.get_logger("pumpd.drivers.new_era")

_ERRORS = {
    "?": text("new_era.unknown", "it does not know the command"),
    "?NA": text("new_era.not_applicable", "not applicable now"),
    "?OOR": text("new_era.out_of_range", "out of range"),
    "?COM": text("new_era.damaged", "the packet arrived damaged"),
    "?IGN": text("new_era.ignored", "ignored"),
}


class UnsupportedError(DeclinedError):
    """The pump does not know this command."""


class NewEraDialogue(LinkDriver[Reply | Garbage], ABC):
    """The part of the driver that exchanges commands with one address.

    `safe` is the pump's mode: True, False, or None while it is not known. Safe frames are then sent, which a pump
    accepts in either mode, and replies in either framing are accepted.
    """

    def __init__(self, link: Side[Reply | Garbage], settings: NewEraSettings) -> None:
        super().__init__(link, settings)
        self.settings = settings
        self.safe: bool | None = None
        self.alarm_count = 0
        self._requests: dict[tuple[str, bool], tuple[bytes, float]] = {}
        self._accepts: dict[tuple[str, bool], Callable[[Reply | Garbage], bool]] = {}
        link.on_stray = self._on_stray

    # -- the three ways to send ------------------------------------------------------------------------------

    async def question(
        self, command: str, shape: re.Pattern[str], *, lane: Lane = Lane.NORMAL, epoch: int | None = None
    ) -> Reply:
        """Sent again after a missed reply, after an alarm, and once after an error: it may have arrived damaged."""
        missed = swallowed = damaged = 0
        while True:
            try:
                reply = await self.send(command, shape, lane=lane, epoch=epoch)
            except UnansweredError as error:
                missed += 1
                if missed > RETRIES or not timed_out(error):
                    raise
                continue
            if reply.error in _DAMAGED and not damaged and lane is Lane.NORMAL:
                damaged += 1
                continue
            if not reply.alarm:
                return _agreed(command, reply)
            swallowed += 1
            if swallowed == MOST_SWALLOWED:
                raise DeclinedError(
                    text(
                        "new_era.alarms",
                        "{command}: the pump replied with an alarm {times} times",
                        command=command,
                        times=MOST_SWALLOWED,
                    )
                )

    async def command(self, command: str, epoch: int, *, safe: bool | None = None) -> Reply:
        """A setting: sent again only when an alarm swallowed it. `safe` overrides the framing."""
        for _ in range(MOST_SWALLOWED):
            reply = await self.send(command, NOTHING, epoch=epoch, safe=safe)
            if not reply.alarm:
                return _agreed(command, reply)
        raise DeclinedError(
            text(
                "new_era.alarms",
                "{command}: the pump replied with an alarm {times} times",
                command=command,
                times=MOST_SWALLOWED,
            )
        )

    async def switch_off(self, setting: Literal["power_fail_command", "trigger_command"], epoch: int) -> None:
        """What could start a flow without an order. A pump that does not know the command has nothing to switch off."""
        command: str = getattr(self.settings, setting)
        if not command:
            return
        try:
            await self.command(command, epoch)
        except UnsupportedError as error:
            log.info("command_unknown_to_pump", setting=setting, why=str(error))
        except DeclinedError as error:
            if error.__cause__ is None:  # the pump refused: perhaps it wants another argument
                raise DeclinedError(
                    text(
                        "new_era.setting",
                        "{why}; the command is the setting {setting}",
                        why=of_error(error),
                        setting=setting,
                    )
                ) from error
            raise

    async def once(self, command: str, epoch: int) -> Reply:
        """A command that is never sent again. An alarm in place of its reply means that it was not executed."""
        reply = await self.send(command, NOTHING, epoch=epoch)
        if reply.alarm:
            raise DeclinedError(
                text(
                    "new_era.alarm_instead",
                    "{command}: the pump replied with its alarm {status} instead",
                    command=command,
                    status=reply.status,
                )
            )
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

        `safe` overrides the framing of the request; with `either` a reply in either framing is accepted.
        """
        framed = self.safe is not False if safe is None else safe
        request, timeout_s = self._request(command, safe=framed)
        accepts = self._accept(shape, strict=framed and self.safe is True and not either)
        try:
            reply = await self.link.exchange(request, accepts, timeout_s, lane, epoch)
        except WireError as error:
            why = text(
                "pump.request",
                "{request}: {why}",
                request=command or text("new_era.status", "status"),
                why=of_error(error),
            )
            raise (UnansweredError(why) if error.sent else DeclinedError(why)) from error
        if type(reply) is not Reply:
            raise UnansweredError(
                text("new_era.no_reply", "{command}: no reply", command=command)
            )  # `accepts` takes no Garbage
        if reply.alarm:
            self._count_alarm(reply.alarm)
            self.link.unsettle()  # it may have been sent unasked, and the reply may still come
        return reply

    # -- frames ----------------------------------------------------------------------------------------------

    def framed(self, command: str, *, safe: bool) -> bytes:
        return self._request(command, safe=safe)[0]

    def _request(self, command: str, *, safe: bool) -> tuple[bytes, float]:
        key = (command, safe)
        found = self._requests.get(key)
        if found is None:
            raw = Request(command, self.settings.address, safe).to_bytes()
            found = raw, self.settings.reply_timeout_s + self.link.line.time_for(len(raw) + LONGEST_REPLY)
            if len(self._requests) > 256:
                self._requests.clear()
            self._requests[key] = found
        return found

    def _accept(self, shape: re.Pattern[str], *, strict: bool) -> Callable[[Reply | Garbage], bool]:
        key = (shape.pattern, strict)
        if key not in self._accepts:
            address, fits = self.settings.address, shape.fullmatch

            def accepts(frame: Reply | Garbage) -> bool:
                return (
                    type(frame) is Reply
                    and frame.address == address
                    and (frame.safe or not strict)
                    and (frame.alarm is not None or frame.error is not None or fits(frame.data) is not None)
                )

            self._accepts[key] = accepts
        return self._accepts[key]

    def _on_stray(self, frame: Reply | Garbage) -> None:
        if isinstance(frame, Reply) and frame.address == self.settings.address and frame.alarm:
            self._count_alarm(frame.alarm)

    def _count_alarm(self, letter: str) -> None:
        self.alarm_count += 1
        self.latch(ALARMS.get(letter, PumpAlarm.PUMP_FAULT))


def _agreed(command: str, reply: Reply) -> Reply:
    if reply.error is None:
        return reply
    refusal = UnsupportedError if reply.error == "?" else DeclinedError
    raise refusal(
        text(
            "pump.refuses_with_code",
            "{command}: the pump refuses: {why} ({code})",
            command=command,
            why=_ERRORS.get(reply.error, reply.error),
            code=reply.error,
        )
    )
