"""The time of the running event loop, in seconds, for intervals: it never jumps, and a test may move it."""

import asyncio


def now_s() -> float:
    return asyncio.get_running_loop().time()
