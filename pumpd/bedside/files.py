"""The page's files, read once, and answers that are larger than what may wait for a client.

They are served from memory: no file descriptor, no thread and no disk that hangs is needed for them. A file is served
compressed where the build has put `NAME.br` or `NAME.gz` beside it and the browser takes that.
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


ENCODINGS = {"br": ".br", "gzip": ".gz"}  # the name in HTTP, and the end of the file's name; the best first


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
        self._held: dict[str, bytes] = {}
        whole = folder.resolve()
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if path.is_file() and not hidden and path.resolve().is_relative_to(whole):
                self._held[name.as_posix()] = path.read_bytes()

    def __contains__(self, name: str) -> bool:
        return name in self._held and Path(name).suffix not in ENCODINGS.values()

    def answer(self, name: str, accepted: str = "") -> Response:
        """`accepted`: the browser's Accept-Encoding."""
        kind = TYPES.get(Path(name).suffix, "application/octet-stream")
        kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        headers = {"cache-control": kept}
        there = {code: name + end for code, end in ENCODINGS.items() if name + end in self._held}
        if there:
            headers["vary"] = "accept-encoding"
        code = next((code for code in there if code in _taken(accepted)), None)
        if code is None:
            return InParts(self._held[name], headers=headers, media_type=kind)
        return InParts(self._held[there[code]], headers=headers | {"content-encoding": code}, media_type=kind)


def _taken(accepted: str) -> set[str]:
    """The encodings of an Accept-Encoding header, without those with a quality of 0 (RFC 9110, 12.5.3)."""
    parts = [part.replace(" ", "").lower().partition(";q=") for part in accepted.split(",")]
    return {name for name, _, quality in parts if quality.strip("0.") or not quality}
