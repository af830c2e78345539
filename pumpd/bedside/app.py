"""The tablets' HTTP API and files (docs/reference/bedside.md).

Promises:
- Stop needs nothing: no cookie, no key, no sign-in, no body. It goes to control before anything else is done.
- Nothing is decided here: every other change is a signed request that control verifies.
- Every answer has one of the statuses that the description lists. No body over 16 KiB is read.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from pumpd import texts
from pumpd.bedside import bodies, stop_page, stops
from pumpd.bedside.address import PlainAddress
from pumpd.bedside.answers import answered, language_of, refused
from pumpd.bedside.bench import Bench
from pumpd.bedside.capacity import Capacity
from pumpd.bedside.feed import Feed
from pumpd.bedside.files import Files, InParts
from pumpd.bedside.headers import SecurityHeaders
from pumpd.bedside.link import Control, NoControlError
from pumpd.bedside.sessions import COOKIE, LASTS_S, Sessions
from pumpd.bedside.turns import REQUESTS_A_S, REQUESTS_AT_ONCE, Hosts, Turns
from pumpd.messages.pairing import PairOffer, PairReveal, PairState
from pumpd.messages.requests import (
    DISCLAIMER,
    Alive,
    Answer,
    LibraryRequest,
    NonceRequest,
    Stop,
    TabletRequest,
)
from pumpd.settings import BedsideLimits, Settings

STATIC = Path(__file__).parent / "static"
DESCRIPTION = Path(__file__).with_name("openapi.json")  # printed by tools/tablet_api.py
WITHOUT_SCRIPT = texts.text("stop.without_script", "stop requested on the page without script")
ANOTHER_SITE = texts.text(
    "stop.other_site", "stop: a page of another site requested it. No pump was stopped. Use the gateway's own page."
)
HELLO = '{"op":"hello"}'

Handler = Callable[[Request], Awaitable[Response]]
B = TypeVar("B", bound=BaseModel)


class Bedside:
    def __init__(self, settings: Settings, control: Control, feed: Feed, static: Path = STATIC) -> None:
        self._settings, self._control, self._feed, self._files = settings, control, feed, Files(static)
        self._limits = settings.bedside.limits if settings.bedside else BedsideLimits()
        self._sessions = Sessions()
        self.hosts = Hosts()
        self._bench = Bench(settings, control)
        self._version = version("pumpd")
        self._description = DESCRIPTION.read_bytes()
        self._simulated = any(pump.simulated for pump in settings.pumps)

    def app(self) -> Starlette:
        routes = [
            Route("/api/stop", self.stop, methods=["POST"]),
            Route("/stop", self.stop_page, methods=["GET", "POST"]),
            Route("/stop.css", self.stop_css),
            Route("/api/openapi.json", self.openapi),
            Route("/api/about", self.about),
            Route("/api/pair", _explained(self.pair), methods=["POST"]),
            Route("/api/pair/reveal", _explained(self.pair_reveal), methods=["POST"]),
            Route("/api/pair/{window}", _explained(self.pair_state)),
            Route("/api/nonce", _explained(self.nonce)),
            Route("/api/hello", _explained(self.hello), methods=["POST"]),
            Route("/api/live", _explained(self.live)),
            Route("/api/library", _explained(self.library)),
            Route("/api/request", _explained(self.request), methods=["POST"]),
            Route("/api/alive", _explained(self.alive), methods=["POST"]),
            Route("/api/bench/speed", _explained(self.bench_speed), methods=["POST"]),
            Route("/api/bench/{pump}", _explained(self.bench_view)),
            Route("/api/bench/{pump}/fault", _explained(self.bench_fault), methods=["POST"]),
            Route("/{path:path}", self.file),
        ]
        turns = Turns(self.hosts, REQUESTS_A_S, REQUESTS_AT_ONCE)
        return Starlette(
            routes=routes,
            middleware=[
                Middleware(SecurityHeaders),
                Middleware(PlainAddress),
                Middleware(Capacity, requests=self._limits.requests, turns=turns),
            ],
            exception_handlers={HTTPException: _refused_by_router},
        )

    # -- stop --------------------------------------------------------------------------------------------------------

    async def stop(self, request: Request) -> Response:
        if _from_elsewhere(request):
            return refused(request.scope, 403, ANOTHER_SITE)
        try:
            answer = await self._stop(request, await stops.named(request))
        except NoControlError as error:
            return refused(request.scope, 503, error.why)
        return answered(request.scope, answer, 200 if answer.ok else 404)

    async def stop_page(self, request: Request) -> Response:
        return self._stop_html(await self._stop_without_script(request) if request.method == "POST" else "")

    async def _stop_without_script(self, request: Request) -> str:
        """Stop all pumps. Returns what the page then shows."""
        if _from_elsewhere(request):
            return stop_page.not_sent(ANOTHER_SITE)
        try:
            answer = await self._stop(request, bodies.StopBody(reason=WITHOUT_SCRIPT))
        except NoControlError as error:
            return stop_page.not_sent(error.why)
        return stop_page.sent(answer.result["stopping"]) if answer.ok else stop_page.not_sent(" ".join(answer.reasons))

    async def _stop(self, request: Request, asked: bodies.StopBody) -> Answer:
        by = self._sessions.tablet(request.cookies.get(COOKIE))
        who = f"tablet {by}" if by else f"bedside, {_address(request) or 'unknown'}"
        return await self._control.ask(Stop(**asked.model_dump(), by=who))

    def _stop_html(self, outcome: str = "") -> Response:
        built = "index.html" in self._files
        text = stop_page.page(self._settings.gateway, outcome=outcome, built=built, simulated=self._simulated)
        return HTMLResponse(text)

    async def stop_css(self, _request: Request) -> Response:
        return Response(stop_page.CSS, media_type="text/css")

    # -- open to everyone --------------------------------------------------------------------------------------------

    async def openapi(self, _request: Request) -> Response:
        return InParts(self._description, media_type="application/json")

    async def about(self, request: Request) -> Response:
        who = self._who(request)
        result = {
            "gateway": self._settings.gateway,
            "version": self._version,
            "statement": DISCLAIMER,
            "simulated": self._simulated,
            "paired": who is not None,
            "tablet": None if who is None else {key: who[key] for key in ("id", "name", "roles")},
            "bench": self._bench.there,
        }
        return answered(request.scope, Answer(ok=True, result=result))

    async def file(self, request: Request) -> Response:
        """A file of the page, except names that begin with a dot and anything outside the page's directory."""
        name = request.path_params["path"] or "index.html"
        if name in self._files:
            return self._files.answer(name, request.headers.get("accept-encoding", ""))
        if name == "index.html":
            return self._stop_html()
        return refused(request.scope, 404, texts.text("bedside.no_page", "this gateway has no such page"))

    # -- pairing, and proof of a key ---------------------------------------------------------------------------------

    async def pair(self, request: Request) -> Response:
        body = await self._read(request, bodies.OfferBody)
        return answered(request.scope, await self._control.ask(PairOffer(**body.model_dump())))

    async def pair_reveal(self, request: Request) -> Response:
        body = await self._read(request, bodies.RevealBody)
        return answered(request.scope, await self._control.ask(PairReveal(**body.model_dump())))

    async def pair_state(self, request: Request) -> Response:
        return answered(request.scope, await self._control.ask(PairState(window=_short(request, "window"))))

    async def nonce(self, request: Request) -> Response:
        return answered(request.scope, await self._control.ask(NonceRequest()))

    async def hello(self, request: Request) -> Response:
        body = await self._read(request, bodies.HelloBody)
        answer = await self._control.ask(TabletRequest(**body.model_dump(), request=HELLO))
        response = answered(request.scope, answer)
        if answer.ok:
            token = self._sessions.begin(body.key)
            self.hosts.proved(_address(request))
            response.set_cookie(COOKIE, token, LASTS_S, path="/", secure=True, httponly=True, samesite="strict")
        return response

    # -- for paired tablets ------------------------------------------------------------------------------------------

    async def live(self, request: Request) -> Response:
        tablet = await self._reader(request)
        last = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else 0
        return _events(self._feed.events(tablet, after, language_of(request.scope)))

    async def library(self, request: Request) -> Response:
        await self._reader(request)
        return answered(request.scope, await self._control.ask(LibraryRequest()))

    async def request(self, request: Request) -> Response:
        tablet = self._tablet(request)
        body = await self._read(request, bodies.RequestBody)
        if body.key != tablet:
            raise bodies.BodyError(
                403,
                texts.text(
                    "bedside.other_tablet",
                    "request: the cookie is of another tablet; nothing was done, reload the page",
                ),
            )
        return answered(request.scope, await self._control.ask(TabletRequest(**body.model_dump())))

    async def alive(self, request: Request) -> Response:
        tablet = self._tablet(request)
        answer = await self._control.ask(Alive(tablet=tablet))
        if not answer.ok:
            self._sessions.end(tablet)
        return answered(request.scope, answer)

    # -- the engineer's panel ----------------------------------------------------------------------------------------

    async def bench_view(self, request: Request) -> Response:
        self._engineer(request)
        return answered(
            request.scope, Answer(ok=True, result=await self._bench.view(_short(request, "pump"), self._feed.state))
        )

    async def bench_fault(self, request: Request) -> Response:
        self._engineer(request)
        fault = await self._read(request, bodies.BenchFault)
        return answered(request.scope, Answer(ok=True, result=await self._bench.fault(_short(request, "pump"), fault)))

    async def bench_speed(self, request: Request) -> Response:
        self._engineer(request)
        asked = await self._read(request, bodies.BenchSpeed)
        return answered(request.scope, Answer(ok=True, result=await self._bench.speed(asked.speed)))

    async def close(self) -> None:
        """End the traces of the engineer's panel."""
        await self._bench.close()

    async def _read(self, request: Request, kind: type[B]) -> B:
        """The body. Raises BodyError."""
        return await bodies.read(request, kind, bodies.LARGEST, self._limits.body_s)

    # -- who is asking -----------------------------------------------------------------------------------------------

    def _who(self, request: Request) -> dict[str, Any] | None:
        key = self._sessions.tablet(request.cookies.get(COOKIE))
        return None if key is None else self._feed.tablet(key)

    def _tablet(self, request: Request) -> str:
        """The paired tablet to which the cookie belongs. Raises BodyError."""
        key = self._sessions.tablet(request.cookies.get(COOKIE))
        if key is None:
            raise bodies.BodyError(
                401, texts.text("bedside.prove_key", "cookie: this tablet must prove its key first (`/api/hello`)")
            )
        return key

    async def _reader(self, request: Request) -> str:
        """The same, if control knows it at this moment: a revoked tablet reads nothing. Raises BodyError.

        While control does not answer, the last state decides (`feed`).
        """
        key = self._tablet(request)
        try:
            answer = await self._control.ask(Alive(tablet=key))
        except NoControlError:
            return key
        if not answer.ok:
            self._sessions.end(key)
            raise bodies.BodyError(401, *answer.reasons)
        return key

    def _engineer(self, request: Request) -> None:
        """Raises BodyError unless there is a bench and both tablet and person have the role `maintain`."""
        self._tablet(request)
        if not self._bench.there:
            raise bodies.BodyError(
                404,
                texts.text(
                    "bench.not_configured", "bench: not configured; it needs simulated pumps and `[bedside.bench]`"
                ),
            )
        who = self._who(request)
        person = who["person"] if who else None
        if who is None or person is None or "maintain" not in who["roles"] or "maintain" not in person["roles"]:
            raise bodies.BodyError(
                403, texts.text("bench.roles", "bench: the tablet and the person signed in both need the role maintain")
            )


def _explained(handler: Handler) -> Handler:
    """The handler, with its errors turned into answers that give the reasons."""

    @wraps(handler)
    async def explained(request: Request) -> Response:
        try:
            return await handler(request)
        except bodies.BodyError as error:
            return refused(request.scope, error.status, *error.reasons)
        except NoControlError as error:
            return refused(request.scope, 503, error.why)
        except ClientDisconnect:
            return refused(
                request.scope,
                400,
                texts.text("bedside.broke_off", "body: the connection broke off; nothing was done, send it again"),
            )

    return explained


def _short(request: Request, name: str) -> str:
    """A part of the path. Raises BodyError when control would refuse it."""
    text = str(request.path_params[name])
    if not text.isprintable() or len(text) > 64:
        raise bodies.BodyError(404, texts.text("bedside.name_long", "{name}: at most 64 visible characters", name=name))
    return text


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _from_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site") == "cross-site"


def _events(lines: Any) -> Response:
    return StreamingResponse(lines, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _refused_by_router(request: Request, error: Exception) -> Response:
    """Usually a method that a path does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    response = refused(request.scope, status, str(getattr(error, "detail", "")))
    response.headers.update(headers)
    return response
