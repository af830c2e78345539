"""What the page may ask for. Everything is GET and reads, but for signing in and out.

Promises:
- There is no request by which anything could reach a gateway or a pump, and no connection over which it could go.
- Nothing but the page itself and signing in works without a sign-in, and a nurse's does not open what is for engineers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pumpd_ward import STATEMENT, export
from pumpd_ward.board.entrance import Entrance
from pumpd_ward.board.live import Live
from pumpd_ward.board.places import Places
from pumpd_ward.roles import Role
from pumpd_ward.settings import WardSettings
from pumpd_ward.store import history
from pumpd_ward.store.history import Span

STATIC = Path(__file__).parent.parent / "static"
LONGEST = timedelta(days=3 * 366)  # that may be asked for at once

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

Answer = Callable[[Request, asyncpg.pool.PoolConnectionProxy], Awaitable[Response]]


class _Headers:
    """Adds them to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope["path"].startswith("/api/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Board:
    def __init__(self, settings: WardSettings, entrance: Entrance, live: Live) -> None:
        self._settings, self._entrance, self._live = settings, entrance, live

    def routes(self) -> list[Route | Mount]:
        asked: dict[str, tuple[Answer, Role]] = {
            "/api/trend": (self._trend, Role.NURSE),
            "/api/alarms": (self._alarms, Role.NURSE),
            "/api/entries": (self._entries, Role.ENGINEER),
            "/api/fleet": (self._fleet, Role.ENGINEER),
            "/api/export/{name}": (self._export, Role.ENGINEER),
        }
        return [
            *(Route(path, self._for(role, answer), methods=["GET"]) for path, (answer, role) in asked.items()),
            Route("/api/me", self._me, methods=["GET"]),
            Route("/api/live", self._follow, methods=["GET"]),
            *self._entrance.routes(),
            # From a source tree, the page may not have been built yet.
            *([Mount("/", StaticFiles(directory=STATIC, html=True))] if STATIC.is_dir() else []),
        ]

    def _for(self, role: Role, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            async with self._entrance.store() as store:
                person = await self._entrance.person(request, store)
                if person.role is not Role.ENGINEER and role is Role.ENGINEER:
                    raise HTTPException(403, "Your sign-in shows beds and alarms; this is for engineers.")
                return await answer(request, store)

        return answered

    async def _me(self, request: Request) -> Response:
        async with self._entrance.store() as store:
            person = await self._entrance.person(request, store)
        about = {"name": person.name, "role": person.role, "ward": self._settings.name, "statement": STATEMENT}
        return JSONResponse(about)

    async def _follow(self, request: Request) -> Response:
        """Server-sent events: the board, whenever it changes. Empty data: the store is away."""
        async with self._entrance.store() as store:
            await self._entrance.person(request, store)
        ends = datetime.now(UTC) + timedelta(minutes=15)  # then the browser asks again, and the sign-in counts again

        async def events() -> AsyncIterator[str]:
            async for text in self._live.follow():
                yield f"data: {text}\n\n"
                if datetime.now(UTC) > ends:
                    return

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _trend(self, request: Request, store: asyncpg.pool.PoolConnectionProxy) -> Response:
        gateway, pump = request.query_params.get("gateway", ""), request.query_params.get("pump", "")
        return JSONResponse(await history.trend(store, gateway, pump, _span(request)))

    async def _alarms(self, request: Request, store: asyncpg.pool.PoolConnectionProxy) -> Response:
        return JSONResponse(
            await history.alarms(store, _span(request), _given(request, "gateway"), _given(request, "priority"))
        )

    async def _entries(self, request: Request, store: asyncpg.pool.PoolConnectionProxy) -> Response:
        given = (_given(request, name) for name in ("gateway", "pump", "kind"))
        return JSONResponse(await history.entries(store, _span(request), *given))

    async def _fleet(self, _: Request, store: asyncpg.pool.PoolConnectionProxy) -> Response:
        return JSONResponse(await history.fleet(store, self._settings.board.silent_s))

    async def _export(self, request: Request, store: asyncpg.pool.PoolConnectionProxy) -> Response:
        what, _, kind = request.path_params["name"].partition(".")
        if what not in export.WHAT or kind not in export.KINDS:
            raise HTTPException(404, f"There is {', '.join(export.WHAT)}, each as {' or '.join(export.KINDS)}.")
        try:
            data = await export.exported(store, what, kind, _span(request), _given(request, "gateway"))
        except export.MissingError as error:
            raise HTTPException(501, str(error)) from error
        name = f'attachment; filename="{what}.{kind}"'
        return Response(data, media_type=export.KINDS[kind], headers={"Content-Disposition": name})


def _given(request: Request, name: str) -> str | None:
    return request.query_params.get(name) or None


def _span(request: Request) -> Span:
    """`from` and `to`; without them the last day."""
    now = datetime.now(UTC)
    begin = _time(request, "from", now - timedelta(days=1))
    end = _time(request, "to", now)
    if not begin < end or end - begin > LONGEST:
        raise HTTPException(400, "from: must be before `to`, by three years at most.")
    return Span(begin, end)


def _time(request: Request, name: str, default: datetime) -> datetime:
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise HTTPException(400, f"{name}: {text[:40]!r} is not a time such as 2026-03-01T08:00Z.") from None


async def _said(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def application(settings: WardSettings, entrance: Entrance, live: Live) -> Starlette:
    board = Board(settings, entrance, live)
    return Starlette(
        routes=board.routes(),
        middleware=[Middleware(_Headers), Middleware(Places)],
        exception_handlers={HTTPException: _said},
    )
