"""When a request begins, and how many are in progress at once. A stop waits only for its turn, and is never refused."""

from collections import Counter

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pumpd.bedside.turns import Turns
from pumpd.messages.requests import Answer

STOPS = ("/api/stop", "/stop")
FULL = "The gateway is busy. This request was not carried out, and no pump was changed. Try again. Stop works."


class Capacity:
    """One address has at most half of the places, so that it cannot take them from the others."""

    def __init__(self, app: ASGIApp, requests: int, turns: Turns) -> None:
        self._app, self._most, self._turns = app, requests, turns
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
        if self._in_progress.total() >= self._most or self._in_progress[address] >= self._most // 2:
            answer = Answer(ok=False, reasons=(FULL,))
            await JSONResponse(answer.model_dump(mode="json"), 503)(scope, receive, send)
            return
        self._in_progress[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_progress[address] -= 1
            self._in_progress += Counter()  # keeps only those above zero
