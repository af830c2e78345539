"""What is signed and loaded, compared with the disk: the drug library and the configuration (PRG-19, SEC-17)."""

import asyncio

from pumpd.control.ordering.config_check import ConfigCheck
from pumpd.control.ordering.library_check import LibraryCheck


class DiskCheck:
    """Both checks at once, so that a start waits no longer than for the slower one."""

    def __init__(self, library: LibraryCheck, config: ConfigCheck) -> None:
        self._library, self._config = library, config

    @property
    def known(self) -> tuple[str, ...]:
        """The result of the last check."""
        return (*self._library.known, *self._config.known)

    async def objections(self) -> tuple[str, ...]:
        """Why nothing may be started by what is on the disk now; empty when it may."""
        library, config = await asyncio.gather(self._library.objections(), self._config.objections())
        return (*library, *config)
