"""What sends the journal to one place."""

from typing import Protocol


class Sink(Protocol):
    """`connections`: how many it has made since the process began."""

    connected: bool
    connections: int

    async def run(self) -> None: ...
