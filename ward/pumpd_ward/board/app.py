"""What the page may ask for. Everything is GET and reads, but for signing in and out.

Promises:
- There is no request by which anything could reach a gateway or a pump, and no connection over which it could go.
- Nothing but the page itself and signing in works without an account.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from pumpd_ward.board import accounts
from pumpd_ward.board.live import Live
from pumpd_ward.settings import WardSettings
from pumpd_ward.store import history
from pumpd_ward.store.history import Span

STATIC = Path(__file__).parent.parent / "static"
LONGEST = timedelta(days=3 * 366)  # that may be asked for at once
LARGEST_BODY = 4096

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
    def __init__(self, settings: WardSettings, pool: asyncpg.Pool, live: Live) -> None:
        self._settings, self._pool, self._live = settings, pool, live
        self._tries = accounts.Tries()
        secure = settings.board.tls_cert is not None
        self._cookie = "__Host-ward" if secure else "ward"
        self._cookie_is: dict[str, Any] = {"httponly": True, "samesite": "strict", "secure": secure, "path": "/"}

    def routes(self) -> list[Route | Mount]:
        asked: dict[str, Answer] = {
            "/api/me": self._me,
            "/api/trend": self._trend,
            "/api/alarms": self._alarms,
            "/api/entries": self._entries,
            "/api/fleet": self._fleet,
            "/api/export/{name}": self._export,
        }
        return [
            *(Route(path, self._for_people(answer), methods=["GET"]) for path, answer in asked.items()),
            Route("/api/live", self._follow, methods=["GET"]),
            Route("/api/sign-in", self._sign_in, methods=["POST"]),
            Route("/api/sign-out", self._sign_out, methods=["POST"]),
            # From a source tree, the page may not have been built yet.
            *([Mount("/", StaticFiles(directory=STATIC, html=True))] if STATIC.is_dir() else []),
        ]

    def _for_people(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            async with self._store() as store:
                await self._person(request, store)
                return await answer(request, store)

        return answered

    @contextlib.asynccontextmanager
    async def _store(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        try:
            async with self._pool.acquire(timeout=5) as store:
                yield store
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError) as error:
            raise HTTPException(503, "The store does not answer. Pumps and gateways are not affected.") from error

    async def _person(self, request: Request, store: asyncpg.pool.PoolConnectionProxy) -> str:
        token = request.cookies.get(self._cookie)
        name = await accounts.signed_in(store, token) if token else None
        if name is None:
            raise HTTPException(401, "Sign in first.")
        return name

    async def _me(self, request: Request, store: asyncpg.pool.PoolConnectionProxy) -> Response:
        name = await self._person(request, store)
        return JSONResponse({"name": name, "ward": self._settings.name, "statement": STATEMENT})

    async def _sign_in(self, request: Request) -> Response:
        _from_this_page(request)
        address = request.client.host if request.client else ""
        try:
            self._tries.check(address)
        except accounts.TooManyError:
            raise HTTPException(429, "Too many wrong passwords. Wait a minute, then try again.") from None
        if int(request.headers.get("content-length") or LARGEST_BODY + 1) > LARGEST_BODY:
            raise HTTPException(413, "Too long.")
        try:
            body = await request.json()
            name, password = str(body["name"]), str(body["password"])
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400, "A name and a password are needed.") from None
        async with self._store() as store:
            token = await accounts.sign_in(store, name, password, self._settings.board.signed_in_h)
        if token is None:
            self._tries.note(address)
            raise HTTPException(403, "Name or password is wrong.")
        answer = JSONResponse({"name": name})
        answer.set_cookie(self._cookie, token, max_age=self._settings.board.signed_in_h * 3600, **self._cookie_is)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        _from_this_page(request)
        if token := request.cookies.get(self._cookie):
            async with self._store() as store:
                await accounts.sign_out(store, token)
        answer = JSONResponse({})
        answer.delete_cookie(self._cookie, **self._cookie_is)
        return answer

    async def _follow(self, request: Request) -> Response:
        """Server-sent events: the board, whenever it changes. Empty data: the store is away."""
        async with self._store() as store:
            await self._person(request, store)
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


def _from_this_page(request: Request) -> None:
    """What changes a sign-in comes from this page: another site's page cannot send it in a person's name."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host')}":
        raise HTTPException(403, "This came from another site; nothing was done.")
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "JSON is needed.")


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


def application(settings: WardSettings, pool: asyncpg.Pool, live: Live) -> Starlette:
    board = Board(settings, pool, live)
    return Starlette(
        routes=board.routes(), middleware=[Middleware(_Headers)], exception_handlers={HTTPException: _said}
    )
