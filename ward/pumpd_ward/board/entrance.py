"""Signing in and out, by a local account or by the site's provider, and who a request is from."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import asyncpg
import structlog
from pydantic import BaseModel, StringConstraints, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pumpd_ward.board import accounts, sign_ins
from pumpd_ward.board.oidc import Provider, SignInRefusedError
from pumpd_ward.board.sign_ins import BEGUN_S, Person
from pumpd_ward.settings import BoardSettings, SettingsError

LARGEST_BODY = 4096
BODY_WITHIN_S = 5.0
CHECKS_AT_ONCE = 2  # of passwords

_log = structlog.get_logger()


class _Given(BaseModel):
    name: Annotated[str, StringConstraints(max_length=200)]
    password: Annotated[str, StringConstraints(max_length=1000)]


class Entrance:
    """`provider`: the site's, if it has one."""

    def __init__(self, settings: BoardSettings, pool: asyncpg.Pool, provider: Provider | None) -> None:
        self._settings, self._pool, self._provider = settings, pool, provider
        self._tries = accounts.Tries()
        # A check takes 64 MB and a connection to the store: strangers must not take all of them from those who watch.
        self._few_at_once = asyncio.Semaphore(CHECKS_AT_ONCE)
        secure = settings.tls_cert is not None
        # The browser sends a cookie with this prefix to this server only, and only over TLS.
        prefix = "__Host-" if secure else ""
        self._cookie, self._begun_cookie = f"{prefix}ward", f"{prefix}ward-begun"
        self._cookie_is: dict[str, Any] = {"httponly": True, "samesite": "strict", "secure": secure, "path": "/"}
        # The provider's page sends the browser back: a strict cookie would not come along.
        self._begun_cookie_is: dict[str, Any] = self._cookie_is | {"samesite": "lax"}

    def routes(self) -> list[Route]:
        return [
            Route("/api/ways", self._ways, methods=["GET"]),
            Route("/api/sign-in", self._sign_in, methods=["POST"]),
            Route("/api/sign-out", self._sign_out, methods=["POST"]),
            Route("/api/oidc/begin", self._begin, methods=["GET"]),
            Route("/api/oidc/end", self._end, methods=["GET"]),
        ]

    @contextlib.asynccontextmanager
    async def store(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        try:
            async with self._pool.acquire(timeout=5) as store:
                yield store
        except asyncpg.DataError as error:  # such as a character that no text of the store can hold
            raise HTTPException(400, "What was asked cannot be looked for.") from error
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError) as error:
            raise HTTPException(503, "The store does not answer. Pumps and gateways are not affected.") from error

    async def person(self, request: Request, store: sign_ins.Store) -> Person:
        """Raises HTTPException when the request is nobody's."""
        token = request.cookies.get(self._cookie)
        found = await sign_ins.signed_in(store, token) if token else None
        if found is None:
            raise HTTPException(401, "Sign in first.")
        return found

    async def _ways(self, _: Request) -> Response:
        """What the sign-in page offers beside a name and a password."""
        return JSONResponse({"oidc": self._settings.oidc.label if self._settings.oidc else None})

    async def _sign_in(self, request: Request) -> Response:
        _from_this_page(request)
        address = request.client.host if request.client else ""
        given = await _given(request)
        try:
            self._tries.begin(address)
        except accounts.TooManyError:
            raise HTTPException(429, "Too many wrong passwords. Wait a minute, then try again.") from None
        async with self._few_at_once, self.store() as store:
            person = await accounts.person(store, given.name, given.password)
            if person is None:
                raise HTTPException(403, "Name or password is wrong.")
            self._tries.right(address)
            answer = JSONResponse({"name": person.name})
            await self._let_in(store, person, answer)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        """Also at the provider, if the person came from there: else the next one at this screen is let in as them."""
        _from_this_page(request)
        person = None
        if token := request.cookies.get(self._cookie):
            async with self.store() as store:
                person = await sign_ins.end(store, token)
        go = await self._provider.leave() if self._provider and person and not person.local else None
        answer = JSONResponse({"go": go})
        answer.delete_cookie(self._cookie, **self._cookie_is)
        return answer

    async def _begin(self, _: Request) -> Response:
        if self._provider is None:
            raise HTTPException(404, "There is no other way to sign in here.")
        try:
            url, begun = await self._provider.begin()
        except SignInRefusedError as error:
            return _refused(error)
        async with self.store() as store:
            browser = await sign_ins.remember(store, begun)
        answer = RedirectResponse(url, 303)
        answer.set_cookie(self._begun_cookie, browser, max_age=BEGUN_S, **self._begun_cookie_is)
        return answer

    async def _end(self, request: Request) -> Response:
        """The provider has sent the browser back."""
        if self._provider is None:
            raise HTTPException(404, "There is no other way to sign in here.")
        browser, state = request.cookies.get(self._begun_cookie, ""), request.query_params.get("state", "")
        try:
            async with self.store() as store:
                begun = await sign_ins.take(store, state, browser)
            if begun is None:
                raise SignInRefusedError("begin", "this browser did not begin it, or it was used or took too long")
            person = await self._provider.finish(begun, request.query_params)
            answer: Response = RedirectResponse("/", 303)
            async with self.store() as store:
                await self._let_in(store, person, answer)
        except SignInRefusedError as error:
            answer = _refused(error)
        answer.delete_cookie(self._begun_cookie, **self._begun_cookie_is)
        return answer

    async def _let_in(self, store: sign_ins.Store, person: Person, answer: Response) -> None:
        token = await sign_ins.begin(store, person, self._settings.signed_in_h)
        answer.set_cookie(self._cookie, token, max_age=self._settings.signed_in_h * 3600, **self._cookie_is)
        _log.info("signed_in", name=person.name, role=person.role, local=person.local)


async def entrance(settings: BoardSettings, pool: asyncpg.Pool) -> Entrance:
    """Raises SettingsError when the provider's client cannot be used; the provider itself is not asked yet."""
    if settings.oidc is None:
        return Entrance(settings, pool, None)
    try:
        await asyncio.to_thread(settings.oidc.client_secret)
        await asyncio.to_thread(settings.oidc.context)
    except OSError as error:
        raise SettingsError(f"board.oidc.ca_file: {error.strerror or error}; nothing was started") from error
    return Entrance(settings, pool, Provider(settings.oidc))


def _refused(error: SignInRefusedError) -> Response:
    """Back to the sign-in page, which has a sentence for the reason: no text of another site is shown."""
    _log.warning("sign_in_refused", reason=error.reason, error=str(error))
    return RedirectResponse(f"/#/refused/{error.reason}", 303)


async def _given(request: Request) -> _Given:
    """Raises HTTPException."""
    raw = b""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.stream():
                raw += part
                if len(raw) > LARGEST_BODY:
                    raise HTTPException(413, "Too long.")
        return _Given.model_validate_json(raw)
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408, "The name and the password did not arrive. Try again.") from None
    except ValidationError:
        raise HTTPException(400, "A name and a password are needed.") from None


def _from_this_page(request: Request) -> None:
    """What changes a sign-in comes from this page: another site's page cannot send it in a person's name."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host')}":
        raise HTTPException(403, "This came from another site; nothing was done.")
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "JSON is needed.")
