"""The pump's control token: take it, repeat it while the pump is polled, give it back.

Promises:
- A pump that replies anything but ENABLED, or reports a longer token lifetime than assumed, is not controlled.
- Control of one pump never carries over to another: the token depends on the serial number and ends with it.
"""

from collections.abc import Awaitable
from decimal import Decimal
from typing import Protocol

from pumpd.driving import DeclinedError, KeepAlive, Lane, text
from pumpd.quantities import Duration
from pumpd_drivers.alaris_asena.codec import security_code
from pumpd_drivers.alaris_asena.replies import Fields, number
from pumpd_drivers.alaris_asena.settings import AlarisSettings

REPEAT_S = 1.0  # as a known client does


class Command(Protocol):
    def __call__(self, word: str, *fields: str, epoch: int | None, lane: Lane = Lane.NORMAL) -> Awaitable[Fields]: ...


class ControlToken:
    """`serial` is that of the pump identified last; empty before any was."""

    def __init__(self, command: Command, settings: AlarisSettings) -> None:
        self.serial = ""
        self._command, self._settings = command, settings
        self._words = ("REMOTE_CTRL", "REMOTE_CFG") if settings.remote_cfg else ("REMOTE_CTRL",)
        self._repeated = KeepAlive(lambda: self.take(None), REPEAT_S)

    def identified(self, serial: str) -> bool:
        """Note which pump is on the port; returns whether it is the same one as before."""
        known = serial == self.serial
        if not known:
            self._repeated.end()
        self.serial = serial
        return known

    async def take(self, epoch: int | None, lane: Lane = Lane.NORMAL) -> None:
        for word in self._words:
            reply = await self._command(word, "ENABLED", security_code(self.serial), epoch=epoch, lane=lane)
            if reply[:1] != ("ENABLED",):
                raise DeclinedError(
                    text(
                        "alaris_asena.no_control",
                        "{command}: the pump does not accept remote control ({reply})",
                        command=word,
                        reply="^".join(reply),
                    )
                )
            assumed_ms = Decimal(self._settings.token_lapse_s) * 1000
            if assumed_ms and reply[4:5] == ("ms",) and number(word, reply, 3, "ms") > assumed_ms:
                raise DeclinedError(
                    text(
                        "alaris_asena.token",
                        "{command}: the pump reports a token lifetime of {lifetime} ms, above token_lapse_s",
                        command=word,
                        lifetime=reply[3],
                    )
                )

    async def give_back(self, epoch: int) -> None:
        self._repeated.end()
        for word in self._words:
            reply = await self._command(word, "DISABLED", epoch=epoch)
            if reply[:1] != ("DISABLED",):
                raise DeclinedError(
                    text(
                        "alaris_asena.not_disabled",
                        "{command}: sent DISABLED, the pump replied {reply}",
                        command=word,
                        reply="^".join(reply),
                    )
                )

    def keep(self, lease: Duration) -> None:
        """Repeat the token from now on, as long as `renew` is called within each lease."""
        self._repeated.begin(lease)

    def renew(self) -> None:
        self._repeated.renew()

    def let_lapse(self) -> None:
        """Stop repeating the token; the pump then stops by itself."""
        self._repeated.end()
