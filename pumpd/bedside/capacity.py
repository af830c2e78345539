"""How many requests are in progress at once. A stop is never counted and never refused."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pumpd.messages.requests import Answer

STOPS = ("/api/stop", "/stop")
FULL = "The gateway is busy. This request was not carried out, and no pump was changed. Try again. Stop works."


class Capacity:
    def __init__(self, app: ASGIApp, requests: int) -> None:
        self._app, self._most, self._in_progress = app, requests, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in STOPS:
            await self._app(scope, receive, send)
            return
        if self._in_progress >= self._most:
            answer = Answer(ok=False, reasons=(FULL,))
            await JSONResponse(answer.model_dump(mode="json"), 503)(scope, receive, send)
            return
        self._in_progress += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_progress -= 1
