"""The pump's control token: taken, repeated while somebody looks at the pump, given back.

Promises:
- A pump that answers anything but ENABLED, or tells a longer life of its token than was assumed, is not controlled.
- Nothing of one pump's control is carried over to another: the token is the serial number's, and ends with it.
"""

from collections.abc import Awaitable
from decimal import Decimal
from typing import Protocol

from pumpd.driving import DeclinedError, KeepAlive, Lane
from pumpd.quantities import Duration
from pumpd_drivers.alaris_asena.answers import Fields, number
from pumpd_drivers.alaris_asena.codec import security_code
from pumpd_drivers.alaris_asena.settings import AlarisSettings

REPEAT_S = 1.0  # as a known client does


class Command(Protocol):
    def __call__(self, word: str, *fields: str, epoch: int | None, lane: Lane = Lane.NORMAL) -> Awaitable[Fields]: ...


class Control:
    """`serial` is that of the pump that was identified last, empty before."""

    def __init__(self, command: Command, settings: AlarisSettings) -> None:
        self.serial = ""
        self._command, self._settings = command, settings
        self._words = ("REMOTE_CTRL", "REMOTE_CFG") if settings.remote_cfg else ("REMOTE_CTRL",)
        self._token = KeepAlive(lambda: self.take(None), REPEAT_S)

    def meet(self, serial: str) -> bool:
        """Whether it is the pump from before."""
        known = serial == self.serial
        if not known:
            self._token.end()
        self.serial = serial
        return known

    async def take(self, epoch: int | None, lane: Lane = Lane.NORMAL) -> None:
        for word in self._words:
            said = await self._command(word, "ENABLED", security_code(self.serial), epoch=epoch, lane=lane)
            if said[:1] != ("ENABLED",):
                raise DeclinedError(f"{word}: the pump does not let itself be controlled ({'^'.join(said)})")
            assumed_ms = Decimal(self._settings.token_lapse_s) * 1000
            if assumed_ms and said[4:5] == ("ms",) and number(word, said, 3, "ms") > assumed_ms:
                raise DeclinedError(f"{word}: the pump says that its token lives {said[3]} ms, above token_lapse_s")

    async def give_back(self, epoch: int) -> None:
        self._token.end()
        for word in self._words:
            said = await self._command(word, "DISABLED", epoch=epoch)
            if said[:1] != ("DISABLED",):
                raise DeclinedError(f"{word}: told DISABLED, the pump says {'^'.join(said)}")

    def keep(self, lease: Duration) -> None:
        """Repeat the token from now on, for as long as `looked` is called within each lease."""
        self._token.begin(lease)

    def looked(self) -> None:
        self._token.renew()

    def let_lapse(self) -> None:
        """Say no more; the pump then stops by itself."""
        self._token.end()
