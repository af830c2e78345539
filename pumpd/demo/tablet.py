"""The demo's tablet: a certificate, a nurse with a random badge and PIN, and the pairing of a browser."""

import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from pumpd.bedside.certificates import make
from pumpd.cli.client import ControlClient
from pumpd.cli.tablet import qr_code
from pumpd.cli.terminal import say_json, visible
from pumpd.demo.stage_error import StageError
from pumpd.messages.requests import PairAccept, PairOpen, PairState, StaffAdd
from pumpd.messages.roles import Role

POLL_EVERY_S = 0.3


def certify(folder: Path, host: str) -> None:
    """Make a certificate for the demo's own bedside, where bedside reads it."""
    make(folder / "tls", "demo", list(dict.fromkeys([host, "localhost", "127.0.0.1"])))


def hire(client: ControlClient) -> tuple[str, str]:
    """Add a demo nurse who may do everything; returns her badge and PIN, both drawn at random (SEC-03).

    Control refuses a PIN that is too simple; then another one is drawn.
    """
    badge, roles = str(100_000 + secrets.randbelow(900_000)), tuple(role.value for role in Role)
    while True:
        pin = f"{secrets.randbelow(10**6):06d}"
        added = client.ask(StaffAdd(badge=badge, name="Demo Nurse", roles=roles, pin=SecretStr(pin)))
        if added.ok:
            return badge, pin
        if not any(reason.startswith("PIN:") for reason in added.reasons):
            raise StageError("the demo nurse was not added: " + "; ".join(added.reasons))


def invite(client: ControlClient, address: str, say: Callable[[str], None], wait: Callable[[float], None]) -> None:
    """Show the code to scan until a browser is paired; the six digits that it shows are typed here."""
    while True:
        opened = client.ask(PairOpen(roles=tuple(role.value for role in Role), name="demo tablet"))
        token = opened.result["token"]
        url = f"{address}/#pair={token}"
        say(f"{qr_code(url)}\nOpen it with a browser, or scan it with a tablet:\n  {url}")
        say("The demo made its own certificate, so the browser warns once; accept it.")
        if _offered(client, token, wait) and _accepted(client, token, say):
            return
        say("No browser was paired in time; here is a new code.")


def _offered(client: ControlClient, token: str, wait: Callable[[float], None]) -> bool:
    while True:
        found = client.ask(PairState(token=token)).result
        if found["offered"] or found["state"] != "waiting":
            return bool(found["offered"])
        wait(POLL_EVERY_S)


def _accepted(client: ControlClient, token: str, say: Callable[[str], None]) -> bool:
    while client.ask(PairState(token=token)).result["state"] == "waiting":
        say("Type the six digits on the tablet, then Enter:")
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        answer = client.ask(PairAccept(code=line.strip()[:20]))
        if answer.ok:
            say(f"Paired {visible(answer.result)['name']}.")
            return True
        say("; ".join(visible(answer.reasons)))
    return False


def announce(address: str, badge: str, pin: str, say: Callable[[str], None], *, as_json: bool) -> None:
    say(f"The tablet's address: {address}\nSign in there with badge {badge}, PIN {pin}. Stop works without signing in.")
    if as_json:
        say_json({"tablet": address, "badge": badge, "pin": pin})
