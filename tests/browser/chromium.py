"""Debian's Chromium, driven by Playwright. It connects only to the gateway under test."""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium(*trusted: str) -> Iterator[Browser]:
    """A browser that trusts public certificates, and those with one of these public keys."""
    keys = f"--ignore-certificate-errors-spki-list={','.join(trusted)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--headless=new", *ARGUMENTS, keys]
        )
        try:
            yield browser
        finally:
            browser.close()
