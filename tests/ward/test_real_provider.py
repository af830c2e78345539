"""Signing in with a real browser at a real OpenID Connect provider, the certified `oidc-provider` of npm."""

import asyncio
import contextlib
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from pumpd_ward.board import accounts
from pumpd_ward.local.child import free_port, listens
from pumpd_ward.roles import Role
from pumpd_ward.store.migrate import migrate
from pumpd_ward.store.rights import BOARD
from tests.browser.chromium import chromium

from .test_page import AXE, RUN

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
ROLES = '{ "ward-7-nurses" = "nurse", "biomedical" = "engineer" }'


@contextlib.contextmanager
def process(folder: Path, name: str, port: int, *command: str) -> Iterator[None]:
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT / "ward" / "page")
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert started.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        started.terminate()
        started.wait(15)


@pytest.fixture(scope="module")
def address(server, tmp_path_factory) -> Iterator[str]:
    """A board with an empty store, and the provider that it is configured for."""
    folder = tmp_path_factory.mktemp("sign-in")
    asyncio.run(_empty(server.dsn))
    board, provider, secret = free_port(), free_port(), folder / "secret"
    secret.touch(0o600)
    secret.write_text(secrets.token_urlsafe(32))
    page, config = f"http://localhost:{board}", folder / "ward.toml"
    config.write_text(
        f"""[store]
dsn = "{server.dsn_of(BOARD)}"
[board]
port = {board}
[board.oidc]
issuer = "http://localhost:{provider}"
client_id = "pumpd-ward"
client_secret_file = "{secret}"
public_url = "{page}"
label = "the hospital"
roles = {ROLES}
"""
    )
    node = str(Path(sys.executable).parent / "node")
    serving = [sys.executable, "-m", "pumpd_ward", "--config", str(config), "board"]
    with (
        process(folder, "provider", provider, node, "dev/provider.mjs", str(provider), page, secret.read_text()),
        process(folder, "board", board, *serving),
    ):
        yield page


async def _empty(dsn: str) -> None:
    store = await asyncpg.connect(dsn)
    await store.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await migrate(store)
    await accounts.add(store, "charge", PASSWORD, Role.NURSE)
    await store.close()


@contextlib.contextmanager
def opened(address: str) -> Iterator:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(address)
        yield page
        context.close()


def at_the_provider(page, name: str) -> None:
    """Its own pages: who, and whether this client may know it."""
    page.get_by_role("link", name="Sign in with the hospital").click()
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("anything")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()


def test_both_ways_are_on_the_page_and_axe_finds_nothing(address):
    with opened(address) as page:
        page.get_by_role("link", name="Sign in with the hospital").wait_for()
        assert page.get_by_label("Password").is_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            assert page.evaluate(RUN) == []


def test_a_nurse_signs_in_at_the_provider_and_out_of_both(address):
    with opened(address) as page:
        at_the_provider(page, "Anna@ward-7-nurses")
        page.get_by_text("No pump has reported yet.").wait_for()
        assert page.url == f"{address}/"
        assert page.get_by_text("Anna").is_visible()
        assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Beds", "Alarms"]
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Yes, sign me out").click()  # the provider asks
        page.get_by_role("link", name="Sign in with the hospital").click()
        page.locator("input[name=login]").wait_for()  # and does not know Anna any more


def test_an_engineer_sees_the_gateways_too(address):
    with opened(address) as page:
        at_the_provider(page, "Ben@biomedical")
        page.get_by_role("link", name="Gateways").click()
        page.get_by_role("heading", name="Gateways").wait_for()


def test_someone_of_no_group_is_told_so_and_may_use_an_account_of_the_ward(address):
    with opened(address) as page:
        at_the_provider(page, "Visitor@kitchen")
        page.get_by_text("no group of yours may see this ward").wait_for()
        page.get_by_label("Name").fill("charge")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_text("No pump has reported yet.").wait_for()


def test_whoever_cancels_at_the_provider_is_back_at_the_sign_in_page(address):
    with opened(address) as page:
        page.get_by_role("link", name="Sign in with the hospital").click()
        page.get_by_role("link", name="Cancel").click()
        page.get_by_text("The site's sign-in did not let you in.").wait_for()
