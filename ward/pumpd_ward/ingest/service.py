"""Some workers in one process. More processes, on more machines, share the same consumer."""

import asyncio
import os
import socket

from pumpd_ward.ingest.worker import Worker
from pumpd_ward.settings import WardSettings


async def ingest(settings: WardSettings, workers: int = 1) -> None:
    """Run until cancelled."""
    place = f"{socket.gethostname().replace('.', '-')}-{os.getpid()}"
    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(Worker(settings, f"{place}-{number}").run())
