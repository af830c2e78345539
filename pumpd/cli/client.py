"""Talking to control from a command: one request, one answer; and how a command reports the outcome."""

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, Self

import typer
from pydantic import BaseModel

from pumpd.cli.terminal import say, say_json, visible
from pumpd.messages.requests import Answer
from pumpd.pump.text import shown
from pumpd.settings import DEFAULT_PATH, Settings, SettingsError

FAILED = 1
REFUSED = 2
ANSWER_WITHIN_S = 10.0  # longer than control takes to refuse a request that waits for a disk

NOT_RUNNING = (
    "A pump that was running stops by its own watchdog or at its programmed volume. Go to the pump and see that it has "
    "stopped. Then start pumpd: `pumpd run`, or `systemctl start pumpd-control` on a gateway."
)

Config = Annotated[Path, typer.Option("--config", envvar="PUMPD_CONFIG", help="Configuration of the gateway.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
By = Annotated[str, typer.Option("--by", help="Who makes the request.")]

CONFIG = DEFAULT_PATH


class NoAnswerError(ConnectionError):
    """Control did not answer. The message says why, what that means for the pump, and what to do."""


class ControlClient:
    """One connection to the operator socket. Raises NoAnswerError."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_WITHIN_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise NoAnswerError(_not_connected(path, error)) from error
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
                f"Control did not answer within {ANSWER_WITHIN_S:g} s. It may still carry out the request. Go to the "
                "pump, and stop it there if it runs; then read the log of control."
            ) from error
        except OSError as error:
            why = f"Control ended before it answered ({error.strerror or error})."
            raise NoAnswerError(f"{why} {NOT_RUNNING}") from error
        if not line:
            raise NoAnswerError(f"Control ended before it answered, or closed the connection. {NOT_RUNNING}")
        return Answer.model_validate_json(line)


def _not_connected(path: Path, error: OSError) -> str:
    """Why there is no connection: no control, or no permission to connect."""
    match error:
        case PermissionError():
            return (
                f"This user may not open {path}. pumpd may be running; nothing was sent to it. Use a user of the "
                "group that owns the socket (pumpd-operators on a gateway), or sudo."
            )
        case FileNotFoundError() | ConnectionRefusedError():
            return f"No control process runs here: nothing answers on {path}. {NOT_RUNNING}"
        case TimeoutError() | BlockingIOError():
            return f"Control does not take connections on {path}: it is overloaded or hangs. Stop at the pump."
        case _:
            return f"{path} cannot be opened: {error.strerror or error}. Nothing was sent to control."


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
    settings = load_settings(config, as_json=as_json)
    try:
        with ControlClient(settings.socket_path) as client:
            answer = client.ask(request)
    except NoAnswerError as error:
        fail(str(error), as_json=as_json)
    if not answer.ok:
        refuse(answer.reasons, as_json=as_json)
    return answer.result if as_json or exact else visible(answer.result)


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
