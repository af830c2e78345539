"""Waiting for an event, but no longer than a given time."""

import asyncio


async def until_set(event: asyncio.Event, for_s: float) -> None:
    """Wait until the event is set; after `for_s` seconds of the loop it is set here."""
    timer = asyncio.get_running_loop().call_later(for_s, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()
