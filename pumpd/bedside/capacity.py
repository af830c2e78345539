"""When a request begins, and how many are in progress at once. A stop waits only for its turn, and is never refused."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from pumpd.bedside.answers import refused
from pumpd.bedside.turns import Turns
from pumpd.texts import text

STOPS = ("/api/stop", "/stop")
FULL = text(
    "bedside.busy",
    "The gateway is busy. This request was not carried out, and no pump was changed. Try again. Stop works.",
)


class Capacity:
    """A quarter of the places is kept from each address, so that no single one takes them all."""

    def __init__(self, app: ASGIApp, requests: int, turns: Turns) -> None:
        self._app, self._turns, self._most, self._most_each = app, turns, requests, requests - requests // 4
        self._in_progress: Counter[str] = Counter()  # by address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope["client"] else ""
        await self._turns.turn(address)
        if scope["path"] in STOPS:
            await self._app(scope, receive, send)
            return
        if self._in_progress.total() >= self._most or self._in_progress[address] >= self._most_each:
            await refused(scope, 503, FULL)(scope, receive, send)
            return
        self._in_progress[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_progress[address] -= 1
            self._in_progress += Counter()  # keeps only those above zero
