"""The present instant from the running loop, in nanoseconds: monotonic time, or virtual time on a test's loop."""

import asyncio


def now_ns() -> int:
    return int(asyncio.get_running_loop().time() * 1e9)
