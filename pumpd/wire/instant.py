"""The instant, from the running loop: monotonic nanoseconds in life, virtual ones under a test's loop."""

import asyncio


def now_ns() -> int:
    return int(asyncio.get_running_loop().time() * 1e9)
