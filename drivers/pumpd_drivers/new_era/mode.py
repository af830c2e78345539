"""Basic and safe mode: finding out which one the pump is in, arming and taking off its communication watchdog.

Promises:
- Looking for the pump changes nothing on a pump that is flowing, its watchdog included.
- With `safe_mode = "required"` a pump that does not know safe mode is refused, never run without its watchdog.
"""

from pumpd.driving import DeclinedError, UnansweredError, timed_out
from pumpd_drivers.new_era.codec import Reply
from pumpd_drivers.new_era.dialogue import NOTHING, Dialogue, UnsupportedError
from pumpd_drivers.new_era.settings import NewEraSettings

# How the status is asked for to find the pump: in a safe frame, then in basic ones. A pump in basic mode needs the
# second to end the line of noise that it heard, and answers the third. No SAF0, though it brings a pump to basic mode
# from wherever it is: where only the answers are lost, it would take the watchdog off a pump that flows.
_CALLS = (True, False, False)


class SafeMode:
    """`supported` tells whether the pump has a watchdog that may be armed, None while that is not known."""

    def __init__(self, talk: Dialogue, settings: NewEraSettings) -> None:
        self._talk, self._settings = talk, settings
        self.supported: bool | None = False if settings.safe_mode == "off" else None

    async def find(self, epoch: int) -> Reply:
        """Learn the pump's mode, have it tell its alarms, and return its status."""
        talk, silence = self._talk, "no answer"
        for safe in _CALLS:
            try:
                first = await talk.send("", NOTHING, epoch=epoch, safe=safe, either=True)
            except UnansweredError as error:
                if not timed_out(error):
                    raise
                silence = str(error)
                continue
            talk.safe = first.safe
            return await talk.ask("", NOTHING, epoch=epoch)
        talk.safe = None
        raise UnansweredError(
            f"no pump answers on {talk.link.port} at address {self._settings.address} "
            f"and {self._settings.baudrate} baud ({silence})"
        )

    async def off(self, epoch: int) -> None:
        """Back to basic mode; the watchdog is then off."""
        if self._talk.safe is False:
            return
        try:
            await self._switch("SAF0", epoch)
        except UnsupportedError:
            self.supported = False
        self._talk.safe = False

    async def on(self, seconds: int, epoch: int) -> None:
        """Arm the watchdog. Once that is answered every frame carries a check sum."""
        if self._settings.safe_mode == "off":
            return
        try:
            await self._switch(f"SAF{seconds}", epoch)
        except UnsupportedError as error:
            self.supported = False
            if self._settings.safe_mode == "required":
                raise DeclinedError(
                    "the pump does not know safe mode, so nothing would stop it if this gateway died"
                ) from error
        else:
            self._talk.safe = self.supported = True

    async def _switch(self, command: str, epoch: int) -> None:
        """Sent in the mode that the pump is in; which mode its answer comes in is not stated, so both are taken."""
        before, self._talk.safe = self._talk.safe, None
        try:
            await self._talk.tell(command, epoch, safe=before is not False)
        except DeclinedError:
            self._talk.safe = before
            raise
