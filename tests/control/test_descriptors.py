"""File descriptors that clients use up: some always stay free, and the loop that accepts neither ends nor spins."""

import asyncio
import errno
import resource

import pytest

from pumpd import accepting
from pumpd.accepting import LOG_EVERY_S, connections, places


@pytest.fixture
def limit(monkeypatch):
    """The limit of descriptors, as if the process had used ten of them."""

    def of(soft, hard):
        raised = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: (raised[-1] if raised else soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda _, both: raised.append(both[0]))
        monkeypatch.setattr(accepting.Path, "iterdir", lambda _: iter(range(10)))
        return raised

    return of


@pytest.mark.requirement("STP-12")
def test_connections_leave_the_descriptors_that_everything_else_needs(limit):
    limit(1024, 1024)
    assert places(200, 2, 64) == 200
    assert places(2000, 2, 64) == (1024 - 10 - 64) // 2


@pytest.mark.requirement("STP-12")
def test_a_limit_that_is_too_low_is_raised_as_far_as_it_may_be(limit):
    raised = limit(64, 300)
    assert places(200, 2, 64) == (300 - 10 - 64) // 2
    assert raised == [300]


@pytest.mark.requirement("STP-12")
def test_with_very_few_descriptors_some_connections_are_taken_all_the_same(limit):
    limit(16, 16)
    assert places(200, 2, 64) == accepting.LEAST


@pytest.mark.requirement("STP-12")
async def test_without_descriptors_a_connection_is_dropped_for_the_next_and_the_log_has_a_line_a_minute(
    monkeypatch,
):
    loop, dropped, logged, accepted = asyncio.get_running_loop(), [], [], []

    async def no_descriptor(_listener):
        if len(dropped) < 5000:
            raise OSError(errno.EMFILE, "too many")
        return "client", ("192.0.2.9", 1)

    monkeypatch.setattr(loop, "sock_accept", no_descriptor, raising=False)
    monkeypatch.setattr(accepting.log, "warning", lambda *args, **fields: logged.append(fields), raising=False)
    taken = connections(None, lambda: dropped.append(loop.time()))
    accepted.append(await anext(taken))
    await taken.aclose()
    assert accepted == [("client", "192.0.2.9")]
    assert loop.time() == pytest.approx(5000 * accepting.AGAIN_S, rel=0.01), "it does not spin"
    assert len(logged) == pytest.approx(loop.time() / LOG_EVERY_S, abs=1)
    assert sum(each["since_last"] for each in logged) > 4000
