"""The library on the disk, checked again before each order and each start (PRG-19, SEC-17).

Promises:
- A start waits for a check that began after the start was requested. A disk that does not answer leads to a refusal and
  holds up nothing else: at most one check is under way, on its own thread.
- The highest version ever accepted is in the journal before it is used, so that neither a restart nor other files bring
  an older one back.
- Nothing here affects a running infusion: a change on disk counts at the next start.
"""

import asyncio
from pathlib import Path

import structlog

from pumpd.dosing import Library
from pumpd.dosing.seal import Asked, Found, Mark, objections
from pumpd.host.clock import Clock
from pumpd.host.own_thread import OwnThread
from pumpd.journal import Entry, JournalError
from pumpd.journal.writer import JournalWriter
from pumpd.library.accepted import ACCEPTED, highest
from pumpd.library.files import default_library
from pumpd.messages.state import LibraryStatus
from pumpd.settings import Settings
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

WITHIN_S = 2.0


class LibraryCheck:
    def __init__(self, settings: Settings, library: Library, journal: JournalWriter, clock: Clock) -> None:
        self._settings, self._library, self._journal, self._clock = settings, library, journal, clock
        self._directory = settings.library_dir or default_library()
        self.asked = Asked(settings.care_area, settings.simulation.unsigned_library)
        self.known: tuple[str, ...] = ()  # the result of the last check
        self._disk = OwnThread("library check", lambda: _on_disk(self._directory, settings))

    async def objections(self) -> tuple[str, ...]:
        """Why nothing may be started by this library, as it is on the disk now; empty when it may."""
        what = text("library.not_read", "{directory} was not read", directory=self._directory)
        try:
            async with asyncio.timeout(WITHIN_S):
                found, mark = await self._disk.result()
                self.known = objections(found, self.asked, mark, self._library)
                if not self.known:
                    what = text("library.not_recorded", "its version was not recorded")
                    await self._accept(mark)
        except TimeoutError:
            self.known = (
                text(
                    "library.check_disk",
                    "library: {what} in {seconds} s; check the gateway's disk",
                    what=what,
                    seconds=f"{WITHIN_S:g}",
                ),
            )
        except JournalError as error:
            self.known = (
                text(
                    "library.versions_unknown",
                    "library: {why}; the versions that were used here are not known",
                    why=error,
                ),
            )
        except Exception as error:  # nothing is started; a crash loop while a pump flows would be worse
            log.exception("library_not_understood")
            self.known = (
                text(
                    "library.cannot_check",
                    "library: pumpd cannot check {directory}: {why}",
                    directory=self._directory,
                    why=repr(error),
                ),
            )
        return self.known

    async def _accept(self, mark: Mark | None) -> None:
        manifest = self._library.manifest
        if manifest is None or (mark is not None and manifest.version <= mark.version):
            return
        body = manifest.model_dump(exclude={"pumpd_library"})
        await self._journal.append([Entry(ACCEPTED, body, "", "", self._clock.monotonic_ns())])

    def tell_usable(self) -> None:
        if self._library.manifest is None:
            log.warning("library_unsigned", notice="it starts simulated pumps only, because the settings allow it")
        else:
            log.info("library_usable", version=self._library.manifest.version)

    @property
    def status(self) -> LibraryStatus:
        """The library in use, as it is shown."""
        manifest = self._library.manifest
        return {
            "digest": self._library.digest,
            "name": manifest.name if manifest else None,
            "version": manifest.version if manifest else None,
            "care_area": manifest.care_area if manifest else None,
            "key": manifest.key if manifest else None,
            "problems": list(self.known),
        }


def _on_disk(directory: Path, settings: Settings) -> tuple[Found, Mark | None]:
    """What is on the disk now. Blocks. Raises JournalError."""
    from pumpd.library.signing import examine  # noqa: PLC0415  # cryptography: 0.1 s, not while a pump waits

    return examine(directory, settings.library_keys), highest(settings.journal_path)
