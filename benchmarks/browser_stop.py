"""Stop on a tablet: from the finger on the button in a browser to the last byte of the stop frame on the pump's line.

Everything is real except the pump: Chromium with the page, bedside over TLS, control, pseudo-terminals. Each try stops
a running infusion, on the screen with its plot; a second tablet shows the plot of another bed. Then the same is
repeated with ten more viewers, each with its own stream and a few requests per second.

The instant of the finger is the page's own `pointerdown`. The instant of the frame comes from control's tap on the
line, plus the time of its bytes at the line's speed. Both use the machine's CLOCK_MONOTONIC. The zero of the page's
clock is found by asking it often: the quickest round trip bounds the error (`clock_error_ms`).
"""

import asyncio
import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx

from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.messages.signing import der_of
from tests.bedside.tablet import Tablet as Viewer
from tests.browser.chromium import chromium
from tests.browser.gateway import Certificate, real_gateway, wait_until
from tests.browser.software_nurse import SoftwareNurse
from tests.browser.stop_frames import StopFrames
from tests.browser.tablet import tablet

TRIES = 100
BEDS = 8
VIEWERS = 10
BOUND_MS = 300
SETTLED_S = 0.3  # after a screen has changed
PRESSED = """() => { window.pressed = 0;
  addEventListener("pointerdown", event => { window.pressed = event.timeStamp; }, { capture: true }); }"""


class Viewers:
    """Tablets without a screen, in a thread: each reads its stream and sends a few requests."""

    def __init__(self, gateway, count):
        self._loop = asyncio.new_event_loop()
        self._gateway, self._count = gateway, count
        self._ended = asyncio.Event()
        self.events = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _run(self):
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._all())

    async def _all(self):
        views = [asyncio.create_task(self._view(number)) for number in range(self._count)]
        await self._ended.wait()
        for view in views:
            view.cancel()
        await asyncio.gather(*views, return_exceptions=True)

    async def _view(self, number):
        async with httpx.AsyncClient(base_url=self._gateway.url, verify=False, timeout=30) as http:
            viewer = Viewer(http)
            KeyStore(self._gateway.state / "paired-keys.json").add(
                pairable(f"viewer {number}", ("view",), der_of(viewer.key.public_key()), "tablet")
            )
            while not (await viewer.hello())["ok"]:  # noqa: ASYNC110  # until control has read its key
                await asyncio.sleep(0.2)
            await asyncio.gather(self._listen(http), self._ask(viewer))

    async def _listen(self, http):
        async with http.stream("GET", "/api/live") as stream:
            async for line in stream.aiter_lines():
                self.events += line.startswith("event:")

    async def _ask(self, viewer):
        while True:
            await viewer.post("/api/alive")
            await viewer.get("/api/library")
            await viewer.get("/api/about")
            await asyncio.sleep(1.0)


def clock_of(page):
    """Monotonic seconds at the page's zero, and the error of that value."""
    found = []
    for _ in range(30):
        before = time.monotonic()
        at = page.evaluate("() => performance.now()") / 1e3
        after = time.monotonic()
        found.append((after - before, (before + after) / 2 - at))
    trip, zero = min(found)
    return zero, trip / 2


def _tries(gateway, wire, nurse, pressing, count):
    page = pressing.page
    page.evaluate(PRESSED)
    zero, error = clock_of(page)
    taken, loads = [], []
    while len(taken) < count:
        nurse.start(gateway.beds)
        for bed in list(gateway.beds)[: count - len(taken)]:
            pressing.bed(bed)
            button = pressing.stop_button(bed)
            page.get_by_role("region", name="Running infusion").wait_for()
            time.sleep(SETTLED_S)
            sent = len(wire.sent[bed])
            button.click()
            wait_until(lambda bed=bed, sent=sent: len(wire.sent[bed]) > sent, 10, f"a stop frame to {bed}")
            taken.append(wire.sent[bed][sent] - zero - page.evaluate("() => window.pressed") / 1e3)
            loads.append(os.getloadavg()[0])
        for bed in gateway.beds:
            gateway.free(bed)
    return taken, error, max(loads)


def _result(title, taken, error, load, **more):
    return Result(
        title,
        percentile(taken, 99) * 1e3,
        BOUND_MS,
        "ms",
        details={
            "tries": len(taken),
            "p50_ms": round(percentile(taken, 50) * 1e3, 1),
            "worst_ms": round(max(taken) * 1e3, 1),
            "clock_error_ms": round(error * 1e3, 2),
            "highest_load": load,
            **more,
        },
    )


def measure(size: Size = Size.WHOLE) -> Iterator[Result]:
    tries, viewers = size.of(TRIES, 1), size.of(VIEWERS, 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate = Certificate.made(folder / "tls")
        (folder / "g").mkdir()
        beds = {f"bay{number}": f"SIM-{number}" for number in range(1, size.of(BEDS, 1) + 1)}  # none is UNSET
        gateway = stack.enter_context(real_gateway(folder / "g", certificate, beds, 1))
        browser = stack.enter_context(chromium(certificate.key_hash))
        wire = stack.enter_context(contextlib.closing(StopFrames(gateway)))
        pressing = stack.enter_context(tablet(browser, gateway, "pressed"))
        other = stack.enter_context(tablet(browser, gateway, "other"))
        for each in (pressing, other):
            each.pair()
        other.bed("bay1")
        nurse = SoftwareNurse(gateway)
        alone_with_two = _tries(gateway, wire, nurse, pressing, tries)
        yield _result("stop in a browser p99, two tablets", *alone_with_two)
        with Viewers(gateway, viewers) as watching:
            with_more = _tries(gateway, wire, nurse, pressing, tries)
        grown = (percentile(with_more[0], 99) - percentile(alone_with_two[0], 99)) * 1e3
        more = {"grown_p99_ms": round(grown, 1), "viewers_events": watching.events}
        yield _result(f"stop in a browser p99, and {viewers} viewers", *with_more, **more)


if __name__ == "__main__":
    alone(measure)
