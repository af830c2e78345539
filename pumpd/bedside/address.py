"""The address of a request in its plain form: however a client writes the address of a stop, it is a stop (STP-12)."""

import posixpath
import re

from starlette.types import ASGIApp, Receive, Scope, Send

_ORIGIN = re.compile(r"^https?://[^/]*", re.IGNORECASE)


class PlainAddress:
    """Removes the origin that a proxy sends (RFC 9112, 3.2.2), superfluous slashes, `.` and `..` (RFC 3986, 5.2.4)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = posixpath.normpath("/" + _ORIGIN.sub("", scope["path"]).strip("/"))
        await self._app(scope, receive, send)
