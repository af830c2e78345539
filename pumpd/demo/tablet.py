"""The demo's tablet: a certificate, a nurse with a badge and a PIN drawn at random, and the pairing of a browser."""

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from pumpd.bedside.certificates import make
from pumpd.cli.client import ControlClient
from pumpd.cli.tablet import qr_code
from pumpd.control.tablets.staff import StaffStore, pin_objection
from pumpd.messages.requests import PairAccept, PairOpen, PairState
from pumpd.messages.roles import Role

LOOK_EVERY_S = 0.3


def certify(folder: Path, host: str) -> None:
    """A certificate for the demo's own bedside, in the place where it looks for one."""
    make(folder / "tls", "demo", list(dict.fromkeys([host, "localhost", "127.0.0.1"])))


def hire(staff: Path) -> tuple[str, str]:
    """A demo nurse who may do everything; her badge and PIN, which nobody has used before (SEC-03)."""
    badge = str(100_000 + secrets.randbelow(900_000))
    while pin_objection(pin := f"{secrets.randbelow(10**6):06d}"):
        pass
    StaffStore(staff).add(badge, "Demo Nurse", tuple(role.value for role in Role), pin)
    return badge, pin


def invite(client: ControlClient, address: str, say: Callable[[str], None], wait: Callable[[float], None]) -> None:
    """Show the code to scan until a browser is paired; the six figures that it shows are typed here."""
    while True:
        opened = client.ask(PairOpen(roles=tuple(role.value for role in Role), name="demo tablet"))
        token = opened.result["token"]
        url = f"{address}/#pair={token}"
        say(f"{qr_code(url)}\nOpen it with a browser, or scan it with a tablet:\n  {url}")
        say("Its certificate is this demo's own, so the browser asks once whether to go on.")
        if _offered(client, token, wait) and _accepted(client, token, say):
            return
        say("Nobody was paired in time; here is a new code.")


def _offered(client: ControlClient, token: str, wait: Callable[[float], None]) -> bool:
    while True:
        found = client.ask(PairState(token=token)).result
        if found["offered"] or found["state"] != "waiting":
            return bool(found["offered"])
        wait(LOOK_EVERY_S)


def _accepted(client: ControlClient, token: str, say: Callable[[str], None]) -> bool:
    while client.ask(PairState(token=token)).result["state"] == "waiting":
        say("Six figures on the tablet, then Enter:")
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        answer = client.ask(PairAccept(code=line.strip()[:20]))
        if answer.ok:
            say(f"Paired {answer.result['name']}.")
            return True
        say("; ".join(answer.reasons))
    return False


def announce(address: str, badge: str, pin: str, say: Callable[[str], None], *, as_json: bool) -> None:
    say(f"The tablet's address: {address}\nSign in there with badge {badge}, PIN {pin}. Stop works signed out too.")
    if as_json:
        print(json.dumps({"tablet": address, "badge": badge, "pin": pin}), flush=True)
