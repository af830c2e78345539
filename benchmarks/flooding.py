"""Floods for `isolation`, each in a process of its own: in the process that measures, it would measure its own waiting.

`python -m benchmarks.flooding broker PORT` or `disk FOLDER`, until it is ended.
"""

import asyncio
import os
import sys
from pathlib import Path

import aiomqtt


async def broker(port: int) -> None:
    """On the topic that telemetry hears, and on others."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        while True:
            for topic in ("$state", "events"):
                await client.publish(f"pumpd/v1/bench/{topic}", b"x" * 2000, qos=0)
            await asyncio.sleep(0)


def disk(folder: Path) -> None:
    """Writes, and forces it to the disk that the journal is on."""
    block = os.urandom(1 << 20)
    with (folder / "flood").open("wb") as file:
        while True:
            file.seek(0)
            for _ in range(16):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())


if __name__ == "__main__":
    if sys.argv[1] == "broker":
        asyncio.run(broker(int(sys.argv[2])))
    disk(Path(sys.argv[2]))
