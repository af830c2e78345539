"""The library on the disk, looked at anew before each order and each start (PRG-19, SEC-17).

Promises:
- A start waits for a look that began after it was asked for. A disk that does not answer ends in a refusal, and holds
  up neither the pumps nor a stop.
- The highest version that was ever accepted is in the journal before anything runs by it, so that neither a restart nor
  other files bring an older one back.
- Nothing here touches an infusion that runs: what changes on the disk counts at the next start.
"""

import asyncio
from typing import Any

import structlog

from pumpd.dosing import Library
from pumpd.dosing.seal import Asked, Found, Mark, objections
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError
from pumpd.journal.writer import JournalWriter
from pumpd.library.accepted import ACCEPTED, highest
from pumpd.library.files import default_library
from pumpd.settings import Settings

log = structlog.get_logger("pumpd.control")

FIRST_LOOK_AFTER_S = 5.0  # a process that was restarted over a running pump has other things to do first
WITHIN_S = 2.0


class LibraryCheck:
    def __init__(self, settings: Settings, library: Library, journal: JournalWriter, clock: Clock) -> None:
        self._settings, self._library, self._journal, self._clock = settings, library, journal, clock
        self._directory = settings.library_dir or default_library()
        self.asked = Asked(settings.care_area, settings.simulation.unsigned_library)
        self.known: tuple[str, ...] = ()  # what the last look came to

    async def run(self) -> None:
        """The look after the load, so that a library that will not do is known before somebody needs it."""
        await asyncio.sleep(FIRST_LOOK_AFTER_S)
        if reasons := await self.objections():
            log.error("library_not_usable", why=reasons)
        elif self._library.manifest is None:
            log.warning(
                "library_unsigned", notice="it starts simulated pumps only, and only because the settings say so"
            )

    async def objections(self) -> tuple[str, ...]:
        """Why nothing may be started by this library, as it stands on the disk now; empty when it may."""
        try:
            async with asyncio.timeout(WITHIN_S):
                found, mark = await asyncio.to_thread(self._look)
            self.known = objections(found, self.asked, mark, self._library)
            if not self.known:
                await self._accept(mark)
        except TimeoutError:
            self.known = (f"library: {self._directory} was not read in {WITHIN_S:g} s; see what the disk is doing",)
        except JournalError as error:
            self.known = (f"library: {error}; which versions were in use here is not known",)
        return self.known

    def _look(self) -> tuple[Found, Mark | None]:
        """On a thread. Raises JournalError."""
        from pumpd.library.signing import examine  # noqa: PLC0415  # cryptography, 0.1 s and 7 MB, not needed first

        return examine(self._directory, self._settings.library_keys), highest(self._settings.journal_path)

    async def _accept(self, mark: Mark | None) -> None:
        manifest = self._library.manifest
        if manifest is None or (mark is not None and manifest.version <= mark.version):
            return
        body = manifest.model_dump(exclude={"pumpd_library"})
        await self._journal.append([Entry(ACCEPTED, body, "", "", self._clock.monotonic_ns())])

    @property
    def status(self) -> dict[str, Any]:
        """What people are shown of it."""
        manifest = self._library.manifest
        return {
            "digest": self._library.digest,
            "name": manifest.name if manifest else None,
            "version": manifest.version if manifest else None,
            "care_area": manifest.care_area if manifest else None,
            "key": manifest.key if manifest else None,
            "problems": list(self.known),
        }
