"""Whether another machine uses this gateway's name, as telemetry hears it: a LOW alarm and nothing more."""

import asyncio
from collections.abc import Callable

from pumpd.host.name_taken import is_taken, path_of
from pumpd.host.own_thread import OwnThread
from pumpd.pump import AlarmCode
from pumpd.settings import Settings

EVERY_S = 5.0


class NameWatch:
    """Looks on its own thread: where the state is on a slow disk, nothing here waits for it."""

    overdue = False

    def __init__(self, settings: Settings, on_change: Callable[[], None]) -> None:
        self.wanted = settings.mqtt is not None
        """Whether there is a telemetry that could say so."""
        path = path_of(settings)
        self._look = OwnThread("name taken", lambda: is_taken(path))
        self._on_change = on_change
        self._taken = False

    async def run(self) -> None:
        while True:
            taken = await self._look.result()
            if taken != self._taken:
                self._taken = taken
                self._on_change()
            await asyncio.sleep(EVERY_S)

    def alarms(self) -> list[AlarmCode]:
        return [AlarmCode.NAME_TAKEN] if self._taken else []
