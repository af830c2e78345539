"""The page's files, read once, and answers that are larger than what may wait for a client.

They are served from memory: no file descriptor, no thread and no disk that hangs is needed for them.
"""

from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PART = 16 * 1024
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
}


class InParts(Response):
    """The next part is handed over once the client has read enough of the earlier ones."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        for at in range(0, len(body), PART):
            await send({"type": "http.response.body", "body": body[at : at + PART], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Files:
    def __init__(self, folder: Path) -> None:
        """All of this folder, except names that begin with a dot and what a link shows of another folder."""
        self._held: dict[str, tuple[bytes, str]] = {}
        whole = folder.resolve()
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if path.is_file() and not hidden and path.resolve().is_relative_to(whole):
                self._held[name.as_posix()] = path.read_bytes(), TYPES.get(path.suffix, "application/octet-stream")

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def answer(self, name: str) -> Response:
        content, kind = self._held[name]
        kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        return InParts(content, headers={"cache-control": kept}, media_type=kind)
