"""pumpd's own driver: `with_pumpd.py PORT FAMILY SETTINGS`, with the settings as JSON."""

import json
import sys

from serving import asynchronous

from pumpd.pump import Done, Driver, family


class NotDoneError(Exception):
    """The driver says that it is not done, or not known."""


class Client:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def poll(self) -> None:
        _done(await self._driver.read())

    async def stop(self) -> None:
        _done(await self._driver.stop())


def _done(outcome: object) -> None:
    if not isinstance(outcome, Done):
        raise NotDoneError(str(outcome))


async def connect(port: str) -> Client:
    driver = await family(sys.argv[2]).connect(port, json.loads(sys.argv[3]))
    _done(await driver.identify())
    return Client(driver)


asynchronous(connect)
