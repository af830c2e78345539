"""How many requests are in progress at once: no address takes all the places, nor the store from those who watch."""

from collections import Counter

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MOST = 300  # live streams included; each screen has one
MOST_EACH = MOST * 3 // 4  # for one address: a whole ward may come through one proxy that does not say for whom


class Places:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._taken: Counter[str] = Counter()  # by address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        if self._taken.total() >= MOST or self._taken[address] >= MOST_EACH:
            full = JSONResponse({"error": "The board is busy. Pumps and gateways are not affected. Try again."}, 503)
            await full(scope, receive, send)
            return
        self._taken[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._taken[address] -= 1
            self._taken += Counter()  # keeps only those above zero
