"""The demo's tablet: a certificate, a nurse with a random badge and PIN, and the pairing of a browser."""

import secrets
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from pumpd.bedside.certificates import make
from pumpd.cli.client import ControlClient
from pumpd.cli.pairing import NotPairedError, typed_code, wait_for_a_tablet
from pumpd.cli.tablet import qr_code
from pumpd.cli.terminal import say_json, visible
from pumpd.demo.stage_error import StageError
from pumpd.messages.keys_and_staff import StaffAdd
from pumpd.messages.pairing import PairOpen
from pumpd.messages.roles import Role


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


def invite(client: ControlClient, address: str, say: Callable[[str], None]) -> None:
    """Show the code to scan until a browser is paired; the six digits that it shows are typed here."""
    while True:
        opened = client.ask(PairOpen(roles=tuple(role.value for role in Role), name="demo tablet")).result
        url = f"{address}/#pair={opened['token']}"
        say(f"{qr_code(url)}\nOpen it with a browser, or scan it with a tablet:\n  {url}")
        say("The demo made its own certificate, so the browser warns once; accept it.")
        try:
            wait_for_a_tablet(client, opened["window"])
            say("Type the six digits on the tablet, then Enter:")
            paired = typed_code(client, opened["window"])
        except EOFError as error:
            raise KeyboardInterrupt from error
        except NotPairedError as error:
            say(f"{error} Here is a new code.")
        else:
            say(f"Paired {visible(paired)['name']}.")
            return


def announce(address: str, badge: str, pin: str, say: Callable[[str], None], *, as_json: bool) -> None:
    say(f"The tablet's address: {address}\nSign in there with badge {badge}, PIN {pin}. Stop works without signing in.")
    if as_json:
        say_json({"tablet": address, "badge": badge, "pin": pin})
