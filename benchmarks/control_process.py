"""A real control process for a benchmark: start it, wait until it is ready, use its operator socket, end it.

`python -m benchmarks.control_process SECONDS --config FILE` is `python -m pumpd.control` with a different time between
two polls of an idle pump (0: no pause), for which there is no setting.
"""

import asyncio
import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from benchmarks.families import Bed
from pumpd.control import __main__
from pumpd.control.infusions import polling
from pumpd.library.files import CHECKOUT
from pumpd.library.signing import throwaway

ROOT = Path(__file__).parents[1]
ENDED_EACH_S = 0.5
WITHIN_S = 90.0  # on a busy machine: only what is broken takes this long
_CONFIG = """
gateway = "bench"
state_dir = "{folder}/state"
{library}
{pumps}
"""


def environment(unit: str) -> dict[str, str]:
    """This environment with what a service's unit adds to it, so that memory is what a gateway has."""
    lines = (ROOT / "systemd" / f"pumpd-{unit}.service").read_text(encoding="utf-8").splitlines()
    added = (line.removeprefix("Environment=") for line in lines if line.startswith("Environment="))
    return os.environ | dict(each.split("=", 1) for each in added)


class ControlProcess:
    def __init__(self, popen, folder, ready_s):
        self.popen, self.ready_s = popen, ready_s
        self._socket = folder / "state" / "control.sock"

    async def connect(self):
        self._reader, self._writer = await asyncio.open_unix_connection(self._socket)

    async def ask(self, **fields):
        self._writer.write(json.dumps(fields).encode() + b"\n")
        return json.loads(await self._reader.readline())

    def disconnect(self):
        self._writer.close()

    async def pump(self, wanted):
        """The first pump's status, once `wanted` is true of it."""
        return (await self.pumps(lambda pumps: wanted(pumps[0])))[0]

    async def ready(self):
        """Returns when all pumps are connected and have been read."""
        await self.pumps(lambda pumps: all(not pump["problem"] and pump["pump_state"] for pump in pumps))

    async def pumps(self, wanted):
        async with asyncio.timeout(WITHIN_S):
            while True:
                pumps = (await self.ask(op="status"))["result"]["pumps"]
                if wanted(pumps):
                    return pumps
                await asyncio.sleep(0.02)

    def cpu_s(self):
        """CPU seconds of all its threads so far, from the scheduler, which is finer than ticks of 10 ms."""
        tasks = Path(f"/proc/{self.popen.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def rss_mb(self):
        """Resident memory as the kernel counts it (VmRSS, in units of 10^6 bytes)."""
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise LookupError("the process is gone")


class NotStartedError(Exception):
    """The control process ended before it was ready; with the last thing that it logged."""


async def _ready(notices, popen, log):
    """Returns when it says so. Raises NotStartedError as soon as it has ended."""
    loop = asyncio.get_running_loop()
    notice = asyncio.ensure_future(loop.sock_recv(notices, 4096))
    try:
        while popen.poll() is None:
            # Not a time limit for `sock_recv`: one that ends as the notice comes would lose it.
            await asyncio.wait((notice,), timeout=ENDED_EACH_S)
            if notice.done():
                if b"READY=1" in notice.result():
                    return
                notice = asyncio.ensure_future(loop.sock_recv(notices, 4096))
    finally:
        notice.cancel()
    log.seek(0)
    raise NotStartedError((log.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1])


_library = functools.cache(throwaway)  # a second process in the same folder trusts the same key


@contextlib.asynccontextmanager
async def control_process(
    folder: Path, beds: Iterable[Bed], idle_poll_s: float | None = None
) -> AsyncIterator[ControlProcess]:
    """A process that is ready. `ready_s` is the time from before its exec to its READY notice."""
    config = folder / "pumpd.toml"
    library = _library(CHECKOUT, folder / "library")
    pumps = "\n".join([await bed.as_toml() for bed in beds])
    config.write_text(_CONFIG.format(folder=folder, library=library, pumps=pumps), encoding="utf-8")
    module = ["pumpd.control"] if idle_poll_s is None else ["benchmarks.control_process", str(idle_poll_s)]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices,
        open(os.memfd_create("log"), "r+b") as log,  # noqa: ASYNC230, PTH123 - in memory: `card` counts what is written
    ):
        notices.bind(str(folder / "notify"))
        notices.setblocking(False)
        begun = time.monotonic()
        popen = subprocess.Popen(  # noqa: ASYNC220 - its start is what is being timed
            [sys.executable, "-m", *module, "--config", str(config)],
            cwd=ROOT,
            env=environment("control") | {"NOTIFY_SOCKET": str(folder / "notify")},
            stderr=log,
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                await _ready(notices, popen, log)
            process = ControlProcess(popen, folder, time.monotonic() - begun)
            await process.connect()
            try:
                yield process
            finally:
                process.disconnect()
        finally:
            popen.terminate()
            await asyncio.to_thread(popen.wait, 10)
            (folder / "notify").unlink()


def main() -> int:
    polling.IDLE_POLL_S = float(sys.argv.pop(1))
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
