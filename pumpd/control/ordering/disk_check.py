"""What is signed and loaded, compared with the disk: the drug library and the configuration (PRG-19, SEC-17)."""

import asyncio
from typing import Protocol

import structlog

from pumpd.control.ordering.config_check import ConfigCheck
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.refused import CHECK_AGAIN_AFTER_S

log = structlog.get_logger("pumpd.control")

FIRST_CHECK_AFTER_S = 5.0  # a process restarted while a pump runs has more urgent work


class Check(Protocol):
    """`known`: the result of the last check. `tell_usable` logs that there is no objection."""

    known: tuple[str, ...]

    async def objections(self) -> tuple[str, ...]: ...

    def tell_usable(self) -> None: ...


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


async def watch(what: str, check: Check) -> None:
    """Check after start-up, so that what is unusable is known before it is needed, and again while it is."""
    await asyncio.sleep(FIRST_CHECK_AFTER_S)
    told: tuple[str, ...] | None = None
    while True:
        reasons = await check.objections() if check.known or told is None else ()
        if reasons != told:
            if reasons:
                log.error("not_usable", what=what, why=reasons)
            else:
                check.tell_usable()
        told = reasons
        await asyncio.sleep(CHECK_AGAIN_AFTER_S)
