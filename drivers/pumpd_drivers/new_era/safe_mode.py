"""Basic and safe mode: find out which one the pump is in, arm and disarm its communication watchdog.

Promises:
- Finding the pump changes nothing on a flowing pump, its watchdog included.
- With `safe_mode = "required"` a pump without safe mode is refused, never run without its watchdog.
"""

from pumpd.driving import DeclinedError, UnansweredError, of_error, text, timed_out
from pumpd_drivers.new_era.codec import Reply
from pumpd_drivers.new_era.dialogue import NOTHING, NewEraDialogue, UnsupportedError

# The framing in which the status is requested to find the pump: safe, then basic twice. For a pump in basic mode the
# second request ends the line of noise that the first one left, and the third is answered. SAF0 would bring a pump to
# basic mode from anywhere, but where only the replies are lost it would disarm the watchdog of a flowing pump.
_CALLS = (True, False, False)


class SafeMode:
    """`supported`: whether the pump has a watchdog that can be armed; None while that is not known."""

    def __init__(self, pump: NewEraDialogue) -> None:
        self._pump, self._settings = pump, pump.settings
        self.supported: bool | None = False if self._settings.safe_mode == "off" else None

    async def find(self, epoch: int) -> Reply:
        """Learn the pump's mode, collect its alarms, and return its status."""
        pump = self._pump
        silence: str = text("new_era.silence", "no reply")
        for safe in _CALLS:
            try:
                first = await pump.send("", NOTHING, epoch=epoch, safe=safe, either=True)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                silence = of_error(error)
                continue
            pump.safe = first.safe
            return await pump.question("", NOTHING, epoch=epoch)
        pump.safe = None
        raise UnansweredError(
            text(
                "new_era.not_found",
                "no pump was found on {port} at address {address} and {baudrate} baud ({silence})",
                port=pump.link.port,
                address=self._settings.address,
                baudrate=self._settings.baudrate,
                silence=silence,
            )
        )

    async def off(self, epoch: int) -> None:
        """Back to basic mode; the watchdog is then off."""
        if self._pump.safe is False:
            return
        try:
            await self._switch("SAF0", epoch)
        except UnsupportedError:
            self.supported = False
        self._pump.safe = False

    async def on(self, seconds: int, epoch: int) -> None:
        """Arm the watchdog. From the reply on, every frame carries a check sum."""
        if self._settings.safe_mode == "off":
            return
        try:
            await self._switch(f"SAF{seconds}", epoch)
        except UnsupportedError as error:
            self.supported = False
            if self._settings.safe_mode == "required":
                raise DeclinedError(
                    text(
                        "new_era.no_safe_mode",
                        "the pump has no safe mode, so nothing would stop it if this gateway died",
                    )
                ) from error
        else:
            self._pump.safe = self.supported = True

    async def _switch(self, command: str, epoch: int) -> None:
        """Sent in the pump's present mode. No source states the mode of the reply, so both are accepted."""
        before, self._pump.safe = self._pump.safe, None
        try:
            await self._pump.command(command, epoch, safe=before is not False)
        except DeclinedError:
            self._pump.safe = before
            raise
