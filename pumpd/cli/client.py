"""Talking to control from a command: one request, one answer; and how a command reports the outcome."""

import contextlib
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, Self

import typer
from pydantic import BaseModel, ValidationError

from pumpd.cli.terminal import say, say_json, visible
from pumpd.messages.no_answer import UNWATCHED, NotConnected, not_connected
from pumpd.messages.requests import Answer
from pumpd.pump.text import shown
from pumpd.settings import DEFAULT_PATH, Settings, SettingsError

FAILED = 1
REFUSED = 2
ANSWER_WITHIN_S = 10.0  # longer than control takes to refuse a request that waits for a disk

BUSY_FOR_S = 3.0  # how long a command tries again when control is starting or has too many connections
_AGAIN_S = 0.05

GO = "Go to the pump and see that it has stopped"
START = "Start pumpd: `pumpd run`, or `systemctl start pumpd-control` on a gateway"
DENIED = (
    "Use a user of the group that owns the socket (pumpd-operators on a gateway; a new member signs in again), or sudo"
)

Config = Annotated[Path, typer.Option("--config", envvar="PUMPD_CONFIG", help="Configuration of the gateway.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
By = Annotated[str, typer.Option("--by", help="Who makes the request.")]

CONFIG = DEFAULT_PATH


class NoAnswerError(ConnectionError):
    """Control did not answer. The message says why, what that means for the pump, and what to do.

    `sent`: the request may have reached control, so it may have been carried out.
    """

    def __init__(self, text: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(text)


class ControlClient:
    """One connection to the operator socket. Raises NoAnswerError."""

    def __init__(self, path: Path, *, lock: Path | None = None, patience_s: float = 0) -> None:
        """`lock`: the file that control holds while it runs. `patience_s`: how long to try again while another try may
        succeed.
        """
        end = time.monotonic() + patience_s
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(ANSWER_WITHIN_S)
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                self._socket.close()
                why = not_connected(path, error, lock)
                if not why.soon or time.monotonic() >= end:
                    raise NoAnswerError(f"{why} {_to_do(why)}.", sent=False) from error
            time.sleep(_AGAIN_S)
        self._file = self._socket.makefile("rwb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # the request's own error is already raised, and says more
            self._file.close()
        self._socket.close()

    def ask(self, request: BaseModel) -> Answer:
        try:
            self._file.write(request.model_dump_json().encode() + b"\n")
            self._file.flush()
            line = self._file.readline()
        except TimeoutError as error:
            raise NoAnswerError(
                f"Control took the connection and did not answer within {ANSWER_WITHIN_S:g} s: it is overloaded or "
                "hangs. It may still carry out the request; what the pumps do is not known here. Go to the pump, and "
                "stop it there if it runs; then read the log of control.",
                sent=True,
            ) from error
        except OSError as error:
            raise NoAnswerError(_ended(f" ({error.strerror or error})"), sent=True) from error
        if not line:
            raise NoAnswerError(_ended(), sent=True)
        try:
            return Answer.model_validate_json(line)
        except ValidationError as error:
            raise NoAnswerError(
                "What answered does not speak as this version of pumpd does: the command and control may be of "
                f"different versions. Whether it carried out the request is not known. {GO}.",
                sent=True,
            ) from error


def _ended(why: str = "") -> str:
    return (
        f"Control closed the connection before it answered{why}: it ended, or refuses this user more connections. "
        f"Whether it carried out the request is not known. If it ended, {UNWATCHED}. {GO}; then ask for the status."
    )


def _to_do(why: NotConnected) -> str:
    if why.denied:
        return f"Nothing was sent to it. {DENIED}. If a pump must stop now, stop it at the pump"
    if why.soon:
        return "Nothing was sent to it. Try again in a moment. If a pump must stop now, stop it at the pump"
    if why.pumps == UNWATCHED:
        return f"{GO}. {START}"
    return "Nothing was sent to control. Stop at the pump if it must stop; then see what `socket` in the settings names"


def load_settings(path: Path, *, as_json: bool = False) -> Settings:
    """The configuration, or exit status 2 with every problem in it."""
    try:
        return Settings.load(path)
    except SettingsError as error:
        refuse(error.problems, as_json=as_json)


def ask(config: Path, request: BaseModel, *, as_json: bool, exact: bool = False) -> dict[str, Any]:
    """Ask control. Returns its result, or exits for a refusal or a missing answer.

    Unless it is for JSON or for a signature (`exact`), every text of the result is made visible.
    """
    try:
        answer = asked(load_settings(config, as_json=as_json), request)
    except NoAnswerError as error:
        fail(str(error), as_json=as_json)
    if not answer.ok:
        refuse(answer.reasons, as_json=as_json)
    return answer.result if as_json or exact else visible(answer.result)


def asked(settings: Settings, request: BaseModel, *, patience_s: float = BUSY_FOR_S) -> Answer:
    """Ask control once. Raises NoAnswerError."""
    with connected(settings, patience_s=patience_s) as client:
        return client.ask(request)


def connected(settings: Settings, *, patience_s: float = BUSY_FOR_S) -> ControlClient:
    """A connection to the operator socket of these settings. Raises NoAnswerError."""
    return ControlClient(settings.socket_path, lock=settings.lock_path, patience_s=patience_s)


def refuse(reasons: Sequence[str], *, as_json: bool) -> NoReturn:
    """Exit status 2: nothing was done, for these reasons."""
    if as_json:
        say_json({"refused": list(reasons)})
    else:
        say("\n".join(["Refused, nothing was done:", *(f"  - {shown(reason)}" for reason in reasons)]), err=True)
    raise typer.Exit(REFUSED)


def fail(what: str, *, as_json: bool) -> NoReturn:
    """Exit status 1: it was attempted and failed."""
    if as_json:
        say_json({"failed": what})
    else:
        say(what, err=True)
    raise typer.Exit(FAILED)


def show(result: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        say_json(result)
    else:
        say(text)
