"""Serves builds of the tablet's page, one after the other, as a gateway does that is being updated.

Plain HTTP on the loopback, where browsers allow service workers. What is not a file of the page is asked of a real
gateway, if there is one.
"""

import contextlib
import http.server
import shutil
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pumpd.bedside.app import STATIC
from pumpd.bedside.files import TYPES
from pumpd.bedside.headers import HEADERS

HANGS_S = 30.0


def build(folder: Path, version: str) -> Path:
    """A build whose script has another name and sets `data-version` once it has run."""
    shutil.copytree(STATIC, folder)
    (script,) = folder.glob("assets/page-*.js")
    name = f"page-{version}.js"
    script.rename(script.with_name(name))
    text = script.with_name(name).read_text(encoding="utf-8")
    script.with_name(name).write_text(f"{text};document.documentElement.dataset.version='{version}';", encoding="utf-8")
    for file in ("index.html", "sw.js"):
        path = folder / file
        text = path.read_text(encoding="utf-8").replace(script.name, name)
        path.write_text(text.replace('NAME = "page-', f'NAME = "page-{version}-'), encoding="utf-8")
    return folder


class PageServer:
    """`folder`: the build that is served. `broken`: parts of a path that are answered with 404, and `hanging` those
    that are not answered. `asked`: the paths of all requests.
    """

    def __init__(self, folder: Path, gateway: str = "") -> None:
        self.folder, self.gateway = folder, gateway
        self.broken, self.hanging = "", ""
        self.asked: list[str] = []
        self._gone = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._answer(self)

            def do_POST(self) -> None:
                server._answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing: `asked` tells."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = request.path
        self.asked.append(path)
        if self.hanging and self.hanging in path:
            self._gone.wait(HANGS_S)
            request.close_connection = True
            return
        name = path.partition("?")[0].lstrip("/") or "index.html"
        file = self.folder / name
        if self.broken and self.broken in path:
            status, kind, body = 404, "text/plain", b""
        elif file.is_file():
            status, kind, body = 200, TYPES[file.suffix], file.read_bytes()
        elif self.gateway:
            status, kind, body = self._ask(request)
        else:
            status, kind, body = 503, "text/plain", b"no gateway"
        request.send_response(status)
        for header, value in HEADERS.items():
            request.send_header(header, value)
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(body)))
        kept = status == 200 and name.startswith("assets/")
        request.send_header("cache-control", "immutable, max-age=999" if kept else "no-cache")
        with contextlib.suppress(ConnectionError):  # the browser has left the page
            request.end_headers()
            request.wfile.write(body)

    def _ask(self, request: http.server.BaseHTTPRequestHandler) -> tuple[int, str, bytes]:
        trusting = ssl._create_unverified_context()  # a gateway that the test itself started
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        asked = urllib.request.Request(self.gateway + request.path, body, method=request.command)  # https
        if kind := request.headers.get("content-type"):
            asked.add_header("content-type", kind)
        try:
            with urllib.request.urlopen(asked, context=trusting, timeout=10) as answer:  # https
                return answer.status, answer.headers["content-type"], answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], error.read()


@contextlib.contextmanager
def serving(folder: Path, gateway: str = "") -> Iterator[PageServer]:
    made = PageServer(folder, gateway)
    try:
        yield made
    finally:
        made.close()
