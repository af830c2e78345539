"""`python -m benchmarks.dying_control --config FILE`: the control process, with two more ways to die.

SIGUSR1 freezes its event loop: the process and its other threads live, but the loop does not run any more.
SIGUSR2 uses up its memory: from then on no allocation succeeds (RLIMIT_AS). A control process that the kernel kills for
lack of memory dies of SIGKILL, and is measured as that.

It believes every pump to be the configured one, as if a person had identified those that cannot show it: the beds'
cables are not what is measured.
"""

import resource
import signal
import sys
import time
from pathlib import Path

from pumpd.control import __main__
from pumpd.control.infusions import pump_line

held: list[object] = []


def freeze(*_: object) -> None:
    while True:
        time.sleep(3600)


def starve(*_: object) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), resource.RLIM_INFINITY))
    size = 1 << 20
    while size >= 16:
        try:
            held.append(bytes(size))
        except MemoryError:
            size //= 2


def main() -> int:
    pump_line.proof = lambda *_: "a person"
    signal.signal(signal.SIGUSR1, freeze)
    signal.signal(signal.SIGUSR2, starve)
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
