"""A person at the gateway pairs a tablet: wait for it to answer, then type the six digits that it shows.

If the window closes meanwhile, for example because a second tablet answered, this says why at once.
"""

import select
import sys
import time
from typing import Any

from pumpd.cli.client import ControlClient
from pumpd.cli.terminal import say, visible
from pumpd.messages.pairing import PairAccept, PairState

POLL_EVERY_S = 0.3


class NotPairedError(Exception):
    """No tablet was paired; the message says why."""


def wait_for_a_tablet(client: ControlClient, window: str) -> None:
    """Until a tablet has answered and shows its code. Raises NotPairedError."""
    while not _state(client, window)["offered"]:
        time.sleep(POLL_EVERY_S)


def typed_code(client: ControlClient, window: str) -> dict[str, Any]:
    """Let the person type the code; returns the paired tablet. Raises NotPairedError, EOFError."""
    while True:
        answer = client.ask(PairAccept(code=_line(client, window)[:20]))
        if answer.ok:
            return answer.result
        reasons = "; ".join(visible(answer.reasons))
        if client.ask(PairState(window=window)).result["state"] != "waiting":
            raise NotPairedError(reasons)
        say(reasons, err=True)


def _line(client: ControlClient, window: str) -> str:
    while not select.select([sys.stdin], [], [], POLL_EVERY_S)[0]:
        _state(client, window)
    line = sys.stdin.readline()
    if not line:
        raise EOFError("No code was typed; nothing was paired.")
    return line.strip()


def _state(client: ControlClient, window: str) -> dict[str, Any]:
    """The state of a window that is still open. Raises NotPairedError."""
    found = client.ask(PairState(window=window)).result
    if found["state"] != "waiting":
        raise NotPairedError(f"The window is closed: {visible(found['why'])}. Nothing was paired.")
    return found
