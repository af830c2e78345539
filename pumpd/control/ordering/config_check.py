"""The configuration on the disk, checked again before each order and each start (SEC-17).

Promises:
- A start waits for a check that began after the start was requested. A disk that does not answer leads to a refusal and
  holds up nothing else: at most one check is under way, on its own thread.
- Nothing here affects a running infusion, its resume, or a stop: a change on disk counts at the next start.
"""

import asyncio

import structlog

from pumpd.control.ordering.library_check import WITHIN_S
from pumpd.host.own_thread import OwnThread
from pumpd.messages.state import ConfigurationStatus
from pumpd.settings_file import Read
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")


class ConfigCheck:
    def __init__(self, read: Read | None) -> None:
        """`read`: the files that were loaded; None where the settings came from no file, as in a test."""
        self._read = read
        self.known: tuple[str, ...] = ()  # the result of the last check
        self._key = ""
        self._disk = OwnThread("configuration check", lambda: _on_disk(read))

    async def objections(self) -> tuple[str, ...]:
        """Why nothing may be started by this configuration, as it is on the disk now; empty when it may."""
        if self._read is None:
            return ()
        try:
            async with asyncio.timeout(WITHIN_S):
                self.known, self._key = await self._disk.result()
        except TimeoutError:
            self.known = (
                text(
                    "configuration.not_read",
                    "configuration: {file} was not read in {seconds} s; check the gateway's disk",
                    file=self._read.path,
                    seconds=f"{WITHIN_S:g}",
                ),
            )
        except Exception as error:  # nothing is started; a crash loop while a pump flows would be worse
            log.exception("configuration_not_understood")
            self.known = (
                text(
                    "configuration.cannot_check",
                    "configuration: pumpd cannot check {file}: {why}",
                    file=self._read.path,
                    why=repr(error),
                ),
            )
        return self.known

    def tell_usable(self) -> None:
        if self._read is not None and not self._key:
            log.info("configuration_unsigned", notice="no key is trusted for it, so only a change is found")
        else:
            log.info("configuration_usable", key=self._key or None)

    @property
    def status(self) -> ConfigurationStatus:
        """The configuration in use, as it is shown."""
        return {
            "digest": self._read.digest if self._read is not None else "",
            "key": self._key or None,
            "problems": list(self.known),
        }


def _on_disk(read: Read | None) -> tuple[tuple[str, ...], str]:
    """What is against the configuration on the disk now, and the id of the key that signed it. Blocks."""
    from pumpd.settings_seal import examine  # noqa: PLC0415  # cryptography: 0.1 s, not while a pump waits

    if read is None:
        return (), ""
    found = examine(read.path, read.digest)
    return found.problems, found.key
