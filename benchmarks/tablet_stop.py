"""A tablet's stop: from POST /api/stop over TLS to the last byte of the stop frame on the wire.

Real control and bedside processes, and real pseudo-terminals at the speed of the New Era line. One pump infuses, so
that there is a plot; the other one, which is read once a second, is stopped. Measured alone and with viewers. Each
viewer is a paired tablet with an open stream of live state, which reports every 2 s that it is alive. The tablet that
stops has an open connection, as a page has. `browser_stop` measures from a click in a browser, `stop_conditions` under
each condition that may stand in the way there.
"""

import asyncio
import contextlib
import json
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.control_process import ROOT, WITHIN_S, control_process, environment
from benchmarks.families import FIRST, Bed
from benchmarks.infusing import Nurse
from benchmarks.line import exact_loop, line
from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size
from pumpd.bedside.certificates import make
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.messages.signing import der_of, key_id, sign_bytes

TRIES = 100
VIEWERS = 10
BOUND_MS = 300  # of the 99th percentile
GAP_S = 0.3  # time for the previous stop to be answered, also on a busy machine


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _trusting(folder):
    return ssl.create_default_context(cafile=str(folder / "state" / "tls" / "ca.pem"))


def _pair(folder, count):
    """Pair `count` tablets and write their keys to a file."""
    store, keys = KeyStore(folder / "state" / "paired-keys.json"), []
    for number in range(count):
        key = ec.generate_private_key(ec.SECP256R1())
        store.add(pairable(f"viewer {number}", ("view",), der_of(key.public_key()), "tablet"))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        keys.append(pem.decode())
    (folder / "viewers.json").write_text(json.dumps(keys), encoding="utf-8")


@contextlib.asynccontextmanager
async def _bedside(folder, port):
    config = folder / "bedside.toml"
    section = f'\n[bedside]\nhost = "127.0.0.1"\nport = {port}\n'
    config.write_text((folder / "pumpd.toml").read_text(encoding="utf-8") + section, encoding="utf-8")
    command = [sys.executable, "-m", "pumpd.bedside", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment("bedside"))  # noqa: ASYNC220
    try:
        async with asyncio.timeout(WITHIN_S):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 10)


@contextlib.asynccontextmanager
async def beside(module, *arguments):
    """Another process of the benchmark, which has said in a line that it has begun. This loop has the pumps: it must
    not wait for it.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(WITHIN_S):
            assert await process.stdout.readline(), f"{module} ended"
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _watched(folder, port, viewers):
    """So many viewers in their own process, so that they do not disturb the measurement. All of them have a state."""
    return beside("benchmarks.tablet_stop", "view", folder, port) if viewers else contextlib.nullcontext()


async def _measured(viewers, tries):
    chance = random.Random(7)
    taken = []
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        nurse, port = Nurse(folder), _free_port()
        make(folder / "state" / "tls", "bench", ["localhost", "127.0.0.1"])
        _pair(folder, viewers)
        beds = [Bed(FIRST, str(folder / f"bed{number}"), f"bed{number}", number) for number in (1, 2)]
        async with (
            line(FIRST, folder / "bed1"),
            line(FIRST, folder / "bed2", 2) as served,
            control_process(folder, beds) as process,
            _bedside(folder, port),
        ):
            await process.ready()
            await nurse.infuse(process, FIRST)
            url = f"https://localhost:{port}"
            async with (
                _watched(folder, port, viewers),
                httpx.AsyncClient(verify=_trusting(folder), base_url=url) as tablet,
            ):
                for _ in range(tries):
                    await asyncio.sleep(chance.uniform(GAP_S, 2 * GAP_S))
                    count, asked = len(served.frames), time.monotonic()
                    answering = asyncio.create_task(tablet.post("/api/stop?pump=bed2"))
                    frame = await served.next_stop(count)
                    taken.append(frame.ended - asked)
                    assert (await answering).json()["ok"]
    return taken


async def _view(folder, port):
    keys = json.loads((folder / "viewers.json").read_text(encoding="utf-8"))
    seen = asyncio.Semaphore(0)

    async def one(pem):
        key = serialization.load_pem_private_key(pem.encode(), None)
        async with httpx.AsyncClient(
            verify=_trusting(folder), base_url=f"https://localhost:{port}", timeout=None
        ) as http:
            nonce = (await http.get("/api/nonce")).json()["result"]["nonce"]
            signature = sign_bytes(key, f'pumpd-request-v1\nbench\n{nonce}\n{{"op":"hello"}}'.encode())
            body = {"key": key_id(key.public_key()), "nonce": nonce, "signature": signature}
            assert (await http.post("/api/hello", json=body)).json()["ok"]

            async def alive():
                while True:
                    await http.post("/api/alive")
                    await asyncio.sleep(2)

            saying = asyncio.create_task(alive())
            async with http.stream("GET", "/api/live") as stream:
                async for text in stream.aiter_lines():
                    if text.startswith("event: state"):
                        seen.release()
            await saying

    async def report():
        for _ in keys:
            await seen.acquire()
        print("watching", flush=True)

    await asyncio.gather(report(), *(one(pem) for pem in keys))


def measure(size: Size = Size.WHOLE) -> Iterator[Result]:
    for viewers in (0, size.of(VIEWERS, 1)):
        with asyncio.Runner(loop_factory=exact_loop) as runner:
            taken = runner.run(_measured(viewers, size.of(TRIES, 2)))
        name = f"tablet's stop p99, {viewers} viewers" if viewers else "tablet's stop p99, alone"
        details = {
            "tries": len(taken),
            "p50_ms": round(percentile(taken, 50) * 1e3, 1),
            "worst_ms": round(max(taken) * 1e3, 1),
        }
        yield Result(name, percentile(taken, 99) * 1e3, BOUND_MS, "ms", details=details)


if __name__ == "__main__":
    if sys.argv[1:2] == ["view"]:
        asyncio.run(_view(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        alone(measure)
