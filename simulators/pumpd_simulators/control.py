"""The bench's control port: HTTP with JSON, for people and tests. Loopback unless an address is asked for.

`GET /truth`, `POST /fault`, `POST /power`, `POST /panel`. A request that asks for nothing known gets a 4xx answer with
`{"error": ...}` that says what is accepted. Numbers in the truth are JSON numbers: they are measurements.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.device import PanelError
from pumpd_simulators.faults import Fault, FaultError, Kind

LONGEST_BODY = 4096


def application(pump: SimulatedPump) -> Starlette:
    """The control port of one pump as an ASGI application."""

    async def truth(_: Request) -> JSONResponse:
        return JSONResponse(pump.truth(), headers={"Cache-Control": "no-store"})

    async def fault(request: Request) -> JSONResponse:
        body = await _body(request, {"kind": str, "at": str, "duration": str, "detail": str, "clear": bool}, ("kind",))
        ordered = Fault.of(body["kind"], body.get("at"), body.get("duration"), body.get("detail"))
        if body.get("clear"):
            pump.clear(Kind(ordered.kind))
        else:
            pump.fire(ordered)
        return JSONResponse({"fault": str(ordered), "cleared": bool(body.get("clear"))})

    async def power(request: Request) -> JSONResponse:
        body = await _body(request, {"on": bool}, ("on",))
        pump.power(on=body["on"])
        return JSONResponse({"on": body["on"]})

    async def panel(request: Request) -> JSONResponse:
        body = await _body(request, {"key": str, "value": str}, ("key",))
        pump.press(body["key"], body.get("value"))
        return JSONResponse({"display": pump.device.display()})

    async def refused(_: Request, error: Exception) -> JSONResponse:
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (422, None)
        said = error.detail if isinstance(error, HTTPException) else str(error)
        return JSONResponse({"error": said}, status, headers)

    return Starlette(
        routes=[
            Route("/truth", truth),
            Route("/fault", fault, methods=["POST"]),
            Route("/power", power, methods=["POST"]),
            Route("/panel", panel, methods=["POST"]),
        ],
        exception_handlers={HTTPException: refused, FaultError: refused, PanelError: refused},
    )


async def _body(request: Request, fields: dict[str, type], needed: tuple[str, ...]) -> dict[str, Any]:
    accepted = ", ".join(f"{name} ({kind.__name__})" for name, kind in fields.items())
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > LONGEST_BODY:
            raise HTTPException(413, f"a request has at most {LONGEST_BODY} bytes")
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON ({error}); accepted: an object with {accepted}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, f"the body is not a JSON object; accepted: {accepted}")
    for name, value in body.items():
        if name not in fields or type(value) is not fields[name]:
            raise HTTPException(422, f"{name}: {value!r} is not accepted; accepted: {accepted}")
    for name in needed:
        if name not in body:
            raise HTTPException(422, f"{name} is missing; accepted: {accepted}")
    return body


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's own business."""
        yield


class Control:
    """Serves the control port from `open` to `close`."""

    def __init__(self, pump: SimulatedPump, host: str, port: int) -> None:
        self.address = f"http://{host}:{port}"
        self._host, self._port = host, port
        config = uvicorn.Config(application(pump), lifespan="off", log_config=None, access_log=False, ws="none")
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
        self._server.should_exit = self._server.force_exit = True
        if self._task is not None:
            await self._task
