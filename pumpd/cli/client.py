"""Speaking to the control process from a command: one request, one answer; and how commands say what came of it."""

import contextlib
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, Self

import typer
from pydantic import BaseModel

from pumpd.messages.requests import Answer
from pumpd.settings import DEFAULT_PATH, Settings, SettingsError

FAILED = 1
REFUSED = 2
ANSWER_WITHIN_S = 5.0

Config = Annotated[Path, typer.Option("--config", envvar="PUMPD_CONFIG", help="Configuration of the gateway.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
By = Annotated[str, typer.Option("--by", help="Who asks.")]

CONFIG = DEFAULT_PATH


class NotRunningError(ConnectionError):
    """Nobody answers on the control socket. The message says what that means for the pump."""


class ControlClient:
    """One connection to the control socket. Raises NotRunningError."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_WITHIN_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise NotRunningError(
                f"no control process answers on {path} ({error.strerror or error}). A pump that was running stops by "
                "its own watchdog or at its programmed volume. Look at the pump; start `pumpd run`."
            ) from error
        self._file = self._socket.makefile("rwb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # what could not be sent has been told; this would be told instead of it
            self._file.close()
        self._socket.close()

    def ask(self, request: BaseModel) -> Answer:
        try:
            self._file.write(request.model_dump_json().encode() + b"\n")
            self._file.flush()
            line = self._file.readline()
        except OSError as error:
            raise NotRunningError(f"the control process went away ({error}). Look at the pump.") from error
        if not line:
            raise NotRunningError("the control process went away. Look at the pump.")
        return Answer.model_validate_json(line)


def load_settings(path: Path, *, as_json: bool = False) -> Settings:
    """The configuration, or exit status 2 with every problem in it."""
    try:
        return Settings.load(path)
    except SettingsError as error:
        refuse(error.problems, as_json=as_json)


def ask(config: Path, request: BaseModel, *, as_json: bool) -> dict[str, Any]:
    """Ask the control process; its result, or the exit status that the answer stands for."""
    settings = load_settings(config, as_json=as_json)
    try:
        with ControlClient(settings.socket_path) as client:
            answer = client.ask(request)
    except NotRunningError as error:
        fail(str(error), as_json=as_json)
    if not answer.ok:
        refuse(answer.reasons, as_json=as_json)
    return answer.result


def refuse(reasons: Sequence[str], *, as_json: bool) -> NoReturn:
    """Exit status 2: nothing was done, for these reasons."""
    if as_json:
        print(json.dumps({"refused": list(reasons)}, ensure_ascii=False))
    else:
        print("Refused, nothing was done:", *(f"  - {reason}" for reason in reasons), sep="\n", file=sys.stderr)
    raise typer.Exit(REFUSED)


def fail(what: str, *, as_json: bool) -> NoReturn:
    """Exit status 1: tried, and it did not succeed."""
    if as_json:
        print(json.dumps({"failed": what}, ensure_ascii=False))
    else:
        print(what, file=sys.stderr)
    raise typer.Exit(FAILED)


def show(result: dict[str, Any], text: str, *, as_json: bool) -> None:
    print(json.dumps(result, ensure_ascii=False) if as_json else text)
