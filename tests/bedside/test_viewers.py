"""How many viewers of the live state there may be (STP-12)."""

import asyncio
import contextlib

import pytest

from pumpd.bedside.feed import MOST_VIEWERS, Feed


class Control:
    async def watch(self):
        while True:
            yield {"tablets": {each: {"name": each, "roles": [], "person": None} for each in ("a", "b")}}
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def following(folder):
    feed = Feed(Control(), folder / "no journal yet")
    running = asyncio.create_task(feed.run())
    await asyncio.sleep(0.1)
    viewers = []

    async def view(tablet):
        async for _ in feed.events(tablet, 0):
            pass

    def viewer(tablet):
        viewers.append(asyncio.create_task(view(tablet)))
        return viewers[-1]

    try:
        yield feed, viewer
    finally:
        for task in (running, *viewers):
            task.cancel()
        await asyncio.gather(running, *viewers, return_exceptions=True)


@pytest.mark.requirement("STP-12")
async def test_a_tablet_has_a_limited_number_of_viewers_and_the_oldest_end_for_new_ones(tmp_path):
    async with following(tmp_path) as (_, viewer):
        other = viewer("b")
        await asyncio.sleep(0.1)
        viewers = [viewer("a") for _ in range(3 * MOST_VIEWERS)]
        await asyncio.sleep(3)
        assert [task.done() for task in viewers] == [True] * 2 * MOST_VIEWERS + [False] * MOST_VIEWERS
        assert not other.done(), "another tablet's viewer stays"


@pytest.mark.requirement("STP-12")
async def test_nothing_is_left_of_viewers_that_went_away(tmp_path):
    async with following(tmp_path) as (feed, viewer):
        viewers = [viewer("a") for _ in range(3 * MOST_VIEWERS)]
        await asyncio.sleep(3)
        for task in viewers:
            task.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)
        for _ in range(5):
            await asyncio.sleep(0)  # generators that were left are closed by the loop
        assert feed._viewers == {}
