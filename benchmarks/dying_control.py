"""`python -m benchmarks.dying_control --config FILE`: the control process, with two more ways to die.

SIGUSR1 freezes its event loop: the process and its other threads live, but the loop does not run any more.
SIGUSR2 uses up its memory: from then on no allocation succeeds (RLIMIT_AS). A control process that the kernel kills for
lack of memory dies of SIGKILL, and is measured as that.

It believes every pump to be the configured one, as if each could show its serial number: the beds'
cables are not what is measured.
"""

import contextlib
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path

from pumpd.control import __main__
from pumpd.control.infusions import pump_line
from pumpd.pump.marks import Mark

SIZES = tuple(1 << power for power in range(20, 8, -1))
PLACES = tuple(range(1_000_000))  # made while there is memory: to hold what is taken needs none
held: list[object] = [None] * len(PLACES)


def freeze(*_: object) -> None:
    while True:
        time.sleep(3600)


def starve(*_: object) -> None:
    """Take all the memory that is left: large blocks, then each size of small object that Python keeps room for."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    places = iter(PLACES)
    makers = [partial(bytes, size) for size in (*SIZES, *range(512 - 33, 0, -16))] + [partial(float, "1e300"), object]
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), resource.RLIM_INFINITY))
    for make in makers:
        with contextlib.suppress(MemoryError):
            for place in places:
                held[place] = make()


def main() -> int:
    pump_line.proof = lambda *_: Mark.SERIAL
    signal.signal(signal.SIGUSR1, freeze)
    signal.signal(signal.SIGUSR2, starve)
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
