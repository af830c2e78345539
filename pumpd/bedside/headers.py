"""The headers of every answer: the page may run only files of this server, and browsers store no answer."""

from email.utils import formatdate

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), screen-wake-lock=(self)",
}


# A browser that was here once refuses a wrong certificate without offering to continue, and plain HTTP, for a year. Not
# for `localhost`, where it would close the plain servers of a developer's machine.
STRICT = "max-age=31536000"


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        local = Headers(scope=scope).get("host", "").partition(":")[0] == "localhost"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if not local:
                    headers["strict-transport-security"] = STRICT
                headers.setdefault("cache-control", "no-store")
                headers["date"] = formatdate(usegmt=True)
            await send(message)

        await self._app(scope, receive, with_headers)
