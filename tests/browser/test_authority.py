"""A real browser that trusts the gateway's authority: it accepts this gateway, and nothing else that it signs."""

import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from pumpd.bedside import certificates
from pumpd.bedside.certificates import make
from tests.browser.chromium import ARGUMENTS, CHROMIUM

pytestmark = [pytest.mark.browser, pytest.mark.realtime]


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("authority") / "tls"
    make(folder, "ward-7", ["ward-7.local", "127.0.0.1"])
    return folder


@pytest.fixture(scope="module")
def trusting(tls: Path) -> Iterator[Browser]:
    """A browser whose user has imported the authority, as on a tablet."""
    certutil = shutil.which("certutil")
    assert certutil, "this test needs certutil: install libnss3-tools, or `make browser`"
    home = tls.parent
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "ward-7", "-i", str(tls / "ca.pem")]):
        subprocess.run([certutil, "-d", f"sql:{store}", *arguments], check=True, env={**os.environ, "HOME": str(home)})
    names = "--host-resolver-rules=MAP *.local 127.0.0.1, MAP *.example.org 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=True,
            args=["--headless=new", *ARGUMENTS, names],
            env={**os.environ, "HOME": str(home)},
        )
        yield browser
        browser.close()


def visit(browser: Browser, tls: Path, name: str) -> str:
    """Serve the present certificate and visit it by this name. Returns "200", or the browser's error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "gateway.pem", tls / "gateway.key")
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        page = browser.new_page()
        try:
            answer = page.goto(f"https://{name}:{server.server_port}/")
            return str(answer.status) if answer else "no answer"
        except Error as error:
            return str(error)
        finally:
            page.close()
            server.shutdown()
            serving.join()


@pytest.mark.requirement("SEC-02", "SEC-04")
@pytest.mark.parametrize("name", ["ward-7.local", "127.0.0.1"])
def test_a_tablet_that_trusts_the_authority_accepts_this_gateway(trusting, tls, name):
    assert visit(trusting, tls, name) == "200"


@pytest.mark.requirement("SEC-02")
def test_it_refuses_what_the_authority_signs_for_another_name(trusting, tls, monkeypatch):
    """Even if somebody has the authority's key."""
    monkeypatch.setattr(certificates, "not_permitted", lambda _ca, _names: [])
    make(tls, "ward-7", ["bank.example.org"])
    assert "ERR_CERT_INVALID" in visit(trusting, tls, "bank.example.org")
    make(tls, "ward-7", ["ward-7.local", "127.0.0.1"])
    assert visit(trusting, tls, "ward-7.local") == "200"
