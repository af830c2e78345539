"""From the detection of an alarm to its sign on a tablet's screen (ALM-10).

Everything is real except the pump: Chromium with the page, bedside over TLS, control, pseudo-terminals. Each try makes
a running pump stall. Detected is the instant of `alarm_raised` in the journal; the sign is the line of alarms with that
bed's name, at the first frame that shows it. Both use the machine's CLOCK_MONOTONIC, as in `browser_stop`.
"""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.browser_stop import clock_of
from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size
from tests.browser.chromium import chromium
from tests.browser.gateway import Certificate, real_gateway, wait_until
from tests.browser.software_nurse import SoftwareNurse
from tests.browser.tablet import tablet

TRIES = 100
BEDS = 8
BOUND_MS = 1000
SETTLED_S = 0.3
SEEN = """() => {
  window.seen = {};
  const look = () => {
    const bed = document.querySelector(".alarm-first .alarm-pump")?.textContent;
    if (bed && !(bed in window.seen)) window.seen[bed] = performance.now();
    requestAnimationFrame(look);
  };
  look();
}"""


def _raised(gateway, bed, after):
    """The alarm of that bed that came after this many, by the monotonic clock, in seconds."""
    found = [entry for entry in gateway.entries("alarm_raised", bed) if entry.fields["priority"] == "high"]
    return found[-1].mono_ns / 1e9 if len(found) > after else None


def measure(size: Size = Size.WHOLE) -> list[Result]:
    tries = size.of(TRIES, 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate = Certificate.made(folder / "tls")
        (folder / "g").mkdir()
        numbers = range(1, size.of(BEDS, 1) + 1)
        beds = {f"pump{number}": f"SIM-{number}" for number in numbers}  # bed6 has no address there
        gateway = stack.enter_context(real_gateway(folder / "g", certificate, beds, 1))
        browser = stack.enter_context(chromium(certificate.key_hash))
        watching = stack.enter_context(tablet(browser, gateway, "watching"))
        watching.pair()
        page, nurse, taken = watching.page, SoftwareNurse(gateway), []
        zero, error = clock_of(page)
        while len(taken) < tries:
            nurse.start(list(beds))
            for bed in list(beds)[: tries - len(taken)]:
                before = len([e for e in gateway.entries("alarm_raised", bed) if e.fields["priority"] == "high"])
                page.evaluate(SEEN)
                time.sleep(SETTLED_S)
                gateway.fault(bed, "stall")
                wait_until(lambda bed=bed: bed in page.evaluate("() => window.seen"), 60, f"the alarm of {bed}")
                seen = page.evaluate("() => window.seen")[bed] / 1e3
                wait_until(lambda bed=bed, n=before: _raised(gateway, bed, n) is not None, 10, "its entry")
                taken.append(seen + zero - _raised(gateway, bed, before))
                gateway.fault(bed, "stall", clear=True)
                gateway.free(bed)
            for bed in beds:
                gateway.free(bed)
        return [
            Result(
                "alarm on a tablet's screen p99",
                percentile(taken, 99) * 1e3,
                BOUND_MS,
                "ms",
                details={
                    "tries": len(taken),
                    "p50_ms": round(percentile(taken, 50) * 1e3, 1),
                    "worst_ms": round(max(taken) * 1e3, 1),
                    "clock_error_ms": round(error * 1e3, 2),
                },
            )
        ]


if __name__ == "__main__":
    alone(measure)
