"""A driver in a process of its own, as the benchmark sees it (peers/clients/serving.py is the other end)."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLIENTS = Path(__file__).parent / "clients"
READY_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 5.0


class ClientError(Exception):
    """The process ended, or did not say what it should."""


@dataclass(frozen=True)
class Command:
    python: Path
    script: Path
    more: tuple[str, ...] = ()


def pumpd_client(family: str, settings: Mapping[str, Any]) -> Command:
    return Command(Path(sys.executable), CLIENTS / "with_pumpd.py", (family, json.dumps(settings)))


class Client:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: dict[str, asyncio.Queue[dict[str, Any]]] = {
            key: asyncio.Queue() for key in ("ready", "answered", "asked", "stop")
        }

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            self._said[next(iter(said))].put_nowait(said)

    async def heard(self, key: str, within_s: float = ANSWERS_WITHIN_S) -> dict[str, Any]:
        """What it says next under this key. Raises ClientError when it says nothing in time."""
        try:
            async with asyncio.timeout(within_s):
                return await self._said[key].get()
        except TimeoutError:
            raise ClientError(f"nothing said of {key!r} within {within_s:g} s") from None

    async def counts(self) -> dict[str, Any]:
        self._tell("count")
        return await self.heard("answered")

    def stop(self) -> None:
        """Ask it to call stop. It then says `asked`, and how the call ended."""
        self._tell("stop")

    def hold(self) -> None:
        """It does nothing, as if it had no processor, until `go`."""
        self._process.send_signal(signal.SIGSTOP)

    def go(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")


def _last_line(log: Path) -> str:
    return " ".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:])


@contextlib.asynccontextmanager
async def client(command: Command, port: Path, log: Path) -> AsyncIterator[Client]:
    """It polls. `log` gets what it prints as errors."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(str(each) for each in (command.python, command.script, port, *command.more)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    made = Client(process)
    listening = asyncio.create_task(made.listen())
    try:
        try:
            await made.heard("ready", READY_WITHIN_S)
        except ClientError as error:
            last = _last_line(log)
            raise ClientError(f"{command.script.name} did not connect: {error}. {last}") from None
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
