import itertools

import pytest

from pumpd.wire import memory

from .lines import Peer, opened

_names = itertools.count()


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
async def link(peer):
    name = f"link-{next(_names)}"
    link = await opened(name, peer)
    yield link
    await link.close()
    memory.withdraw(name)


@pytest.fixture
def cable(link):
    """The name of the port in memory, to unplug and plug."""
    return link.port.removeprefix("memory://")
