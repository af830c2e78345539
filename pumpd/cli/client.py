"""What a command needs to ask control: its options, the configuration, one request with its answer, and the outcome."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from pumpd.cli.exchange import BUSY_FOR_S, ControlClient, NoAnswerError
from pumpd.cli.outcome import fail, refuse, show
from pumpd.cli.terminal import visible
from pumpd.messages.requests import Answer
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import DEFAULT_PATH

__all__ = [
    "CONFIG",
    "Answer",
    "By",
    "Config",
    "ControlClient",
    "Json",
    "NoAnswerError",
    "ask",
    "asked",
    "connected",
    "fail",
    "load_settings",
    "refuse",
    "show",
]

Config = Annotated[Path, typer.Option("--config", envvar="PUMPD_CONFIG", help="Configuration of the gateway.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
By = Annotated[str, typer.Option("--by", help="Who makes the request.")]

CONFIG = DEFAULT_PATH


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
