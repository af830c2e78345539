"""How a command reports its outcome: by its text or JSON, and by its exit status (docs/reference/exit-codes.md)."""

from collections.abc import Sequence
from typing import Any, NoReturn

from pumpd.cli.terminal import say, say_json
from pumpd.exit_status import FAILED, REFUSED
from pumpd.text import shown


def refuse(reasons: Sequence[str], *, as_json: bool) -> NoReturn:
    """Exit status 2: nothing was done, for these reasons."""
    if as_json:
        say_json({"refused": list(reasons)})
    else:
        say("\n".join(["Refused, nothing was done:", *(f"  - {shown(reason)}" for reason in reasons)]), err=True)
    raise SystemExit(REFUSED)


def fail(what: str, *, as_json: bool) -> NoReturn:
    """Exit status 1: it was attempted and failed."""
    if as_json:
        say_json({"failed": what})
    else:
        say(what, err=True)
    raise SystemExit(FAILED)


def show(result: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        say_json(result)
    else:
        say(text)
