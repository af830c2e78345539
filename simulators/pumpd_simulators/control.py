"""The bench's control port: HTTP with JSON, for people and tests. On loopback unless an address is given.

Promises:
- An invalid request gets a 4xx response with `{"error": ...}` that names every wrong field and what is accepted; it
  changes nothing.
- Streams end when their client disconnects or the bench closes; nothing is left behind.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pumpd_simulators import control_messages as messages
from pumpd_simulators.cables import CableError
from pumpd_simulators.control_endpoints import ENDPOINTS, Endpoint
from pumpd_simulators.control_openapi import description
from pumpd_simulators.device import PanelError
from pumpd_simulators.faults import FaultError

LONGEST_BODY = 4096
CLOSING_S = 0.5  # time for a request in progress to end
_UNCACHED = {"Cache-Control": "no-store"}


def application(
    bench: Any, closing: asyncio.Event | None = None, endpoints: Sequence[Endpoint] = ENDPOINTS
) -> Starlette:
    """The control port as an ASGI application. Streams end when `closing` is set. `bench` is what the endpoints are
    about: a Bench, or another simulated device.
    """
    ends = closing or asyncio.Event()

    async def openapi(_: Request) -> Response:
        return JSONResponse(description(endpoints))

    routes = [
        Route(path, _handler(bench, endpoint, ends), methods=[endpoint.method])
        for endpoint in endpoints
        for path in endpoint.paths
    ]
    app = Starlette(
        routes=[*routes, Route("/openapi.json", openapi)],
        exception_handlers={HTTPException: _refused} | dict.fromkeys((FaultError, PanelError, CableError), _refused),
    )
    app.state.known = ", ".join(f"{each.method} {path}" for each in endpoints for path in each.paths)
    return app


def _handler(bench: Any, endpoint: Endpoint, ends: asyncio.Event) -> Callable[[Request], Awaitable[Response]]:
    def subject(request: Request) -> Any:
        if not endpoint.of_pump:
            return bench
        name = request.path_params.get("name", next(iter(bench.pumps)))
        if name not in bench.pumps:
            raise HTTPException(404, f"no pump {name!r} on this bench; known: {', '.join(bench.pumps)}")
        return bench.pumps[name]

    async def get(request: Request) -> Response:
        about, query = subject(request), _query(endpoint.asked, request)
        answer = endpoint.act(about, query)
        if isinstance(query, messages.StreamQuery):
            events = _events(lambda: endpoint.act(about, query), query.period, ends)
            return StreamingResponse(events, media_type="text/event-stream", headers=_UNCACHED)
        return JSONResponse(answer, headers=_UNCACHED)

    async def post(request: Request) -> Response:
        about = subject(request)
        _query(messages.NoQuery, request)  # a unit in the wrong place must not be overlooked
        return JSONResponse(endpoint.act(about, await _body(endpoint.asked, request)), headers=_UNCACHED)

    return post if endpoint.method == "POST" else get


async def _events(read: Callable[[], Any], period_s: float, ends: asyncio.Event) -> AsyncIterator[str]:
    while not ends.is_set():
        yield f"data: {json.dumps(read())}\n\n"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ends.wait(), period_s)


def _one(values: list[str]) -> str | list[str]:
    """A field given twice has no valid value; the last one must not win."""
    return values[0] if len(values) == 1 else values


def _query(model: type[BaseModel], request: Request) -> BaseModel:
    given = request.query_params
    try:
        return model.model_validate({name: _one(given.getlist(name)) for name in given})
    except ValidationError as error:
        raise _refusal(error, model, "in the query") from error


async def _body(model: type[BaseModel], request: Request) -> BaseModel:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > LONGEST_BODY:
            raise HTTPException(413, f"a request has at most {LONGEST_BODY} bytes")
    try:
        return model.model_validate_json(bytes(raw))
    except ValidationError as error:
        raise _refusal(error, model, "in the body, a JSON object") from error


def _refusal(error: ValidationError, model: type[BaseModel], where: str) -> HTTPException:
    wrong = error.errors(include_url=False)
    reasons = [
        f"{'.'.join(str(part) for part in item['loc']) or 'request'}: {item['msg'].removeprefix('Value error, ')}"
        + ("" if item["type"] in ("missing", "value_error", "json_invalid") else f", not {item['input']!r:.100}")
        for item in wrong
    ]
    is_object = wrong[0]["type"] not in ("json_invalid", "model_type")
    accepted = ", ".join(model.model_fields) or "nothing"
    return HTTPException(422 if is_object else 400, f"{'; '.join(reasons)}; accepted {where}: {accepted}")


async def _refused(request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (422, None)
    text = error.detail if isinstance(error, HTTPException) else str(error)
    if text == HTTPStatus(status).phrase:  # from the router: no such path, or not with this method
        text = f"{request.method} {request.url.path} is not known; known: {request.app.state.known}, GET /openapi.json"
    return JSONResponse({"error": text}, status, headers)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The command handles signals itself."""
        yield


class Control:
    """Serves the control port from `open` to `close`."""

    def __init__(self, bench: Any, host: str, port: int, endpoints: Sequence[Endpoint] = ENDPOINTS) -> None:
        self.address = f"http://{host}:{port}"
        self._host, self._port = host, port
        self._closing = asyncio.Event()
        config = uvicorn.Config(
            application(bench, self._closing, endpoints), lifespan="off", log_config=None, access_log=False, ws="none"
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises OSError when the address cannot be served. With port 0 the system chooses; see `address`."""
        info = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = info[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
        host, port = listener.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._task = asyncio.create_task(self._server.serve([listener]), name="control port")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        self._closing.set()
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSING_S)
            self._server.force_exit = True
            await self._task
