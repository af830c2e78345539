"""Stop under each condition that a browser can be in: from the finger to the last byte of the stop frame on the line.

Everything is real except the pumps: Chromium with the page, bedside over TLS, control, pseudo-terminals. Each condition
is made again for each try (tests/browser/conditions.py). Where it stops all pumps, the slowest of them counts.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.result import Result, alone
from benchmarks.size import Size
from tests.browser.chromium import chromium
from tests.browser.conditions import CONDITIONS, Here, measured
from tests.browser.gateway import Certificate, real_gateway
from tests.browser.stop_frames import StopFrames

TRIES = 5
FEW = ["seven tabs", "scripts turned off"]
BOUND_MS = 1000  # of the slowest try


def measure(size: Size = Size.WHOLE) -> Iterator[Result]:
    names = size.of(list(CONDITIONS), FEW)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate = Certificate.made(folder / "tls")
        (folder / "g").mkdir()
        gateway = stack.enter_context(real_gateway(folder / "g", certificate, {"bed1": "SIM-1", "bed2": "SIM-2"}, 1))
        browser = stack.enter_context(chromium(certificate.key_hash))
        frames = stack.enter_context(contextlib.closing(StopFrames(gateway)))
        for name in names:
            taken = [measured(Here(browser, gateway), frames, name) for _ in range(size.of(TRIES, 1))]
            details = {
                "tries": [round(each * 1e3) for each in taken],
                "load": os.getloadavg()[0],
            }
            yield Result(f"stop, {name}", max(taken) * 1e3, BOUND_MS, "ms", details=details)


if __name__ == "__main__":
    alone(measure)
