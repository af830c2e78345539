"""`pumpd stop`: it says whether the stop was sent, and whether readings show that the pump has stopped.

Promise: the stop leaves at once. Nothing is imported that it does not need, neither typer nor pydantic; and of
the configuration only the socket is read, so that an error elsewhere in it does not hold up a stop. The command's
options are in stop_command.py. The usual ones are read here as well; whatever is not usual, such as `--help`, is left
to typer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumpd.cli.exchange import BUSY_FOR_S, ControlClient, NoAnswerError
from pumpd.cli.outcome import fail, refuse, show
from pumpd.cli.terminal import say, visible
from pumpd.messages.answered import Answered
from pumpd.messages.stop_line import STATUS_LINE, stop_line
from pumpd.settings_file import DEFAULT_PATH
from pumpd.socket_paths import SocketPaths

AT_THE_PUMP = "Stop at the pump, clamp the line."
INTERRUPTED = 130  # 128 and the number of SIGINT

BY = "command line"
REASON = "stop requested"
WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class StopOptions:
    pump: str | None = None
    by: str = BY
    reason: str = REASON
    switching_source: bool = False
    wait: float = WAIT_S
    config: Path = DEFAULT_PATH
    as_json: bool = False


_UNKNOWN = "It is NOT KNOWN whether the stop was carried out."
_KINDS = {"pump": str, "by": str, "reason": str, "wait": float, "config": Path}
_FLAGS = {"--switching-source": "switching_source", "--json": "as_json"}


def usual(arguments: Sequence[str]) -> StopOptions | None:
    """The options, if they are of the usual form; None leaves them to typer."""
    found: dict[str, Any] = {}
    if configured := os.environ.get("PUMPD_CONFIG"):
        found["config"] = Path(configured)
    rest = iter(arguments)
    for argument in rest:
        name, joined, value = argument.partition("=")
        kind = _KINDS.get(name.removeprefix("--")) if name.startswith("--") else None
        if argument in _FLAGS:
            found[_FLAGS[argument]] = True
        elif kind is None or (not joined and (value := next(rest, "-")).startswith("-")):
            return None
        else:
            try:
                found[name.removeprefix("--")] = kind(value)
            except ValueError:
                return None
    return StopOptions(**found)


def carry_out(options: StopOptions) -> None:
    """Stop, and wait until readings show it. Raises SystemExit with the exit status unless it was confirmed."""
    sent = False
    try:
        paths = SocketPaths.read(options.config) or _explained(options)
        end = time.monotonic() + options.wait
        answer, sent = _sent(paths, options), True
        if not answer.ok:
            refuse(answer.reasons, as_json=options.as_json)
        _confirmed(paths, visible(answer.result["stopping"]), end, as_json=options.as_json)
    except KeyboardInterrupt:
        what = "Control took the stop; that a pump has stopped is NOT confirmed." if sent else _UNKNOWN
        say(f"Interrupted. {what} {AT_THE_PUMP}", err=True)
        raise SystemExit(INTERRUPTED) from None


def _explained(options: StopOptions) -> SocketPaths:
    """The same from the whole configuration, which says everything that is wrong with it; then exit status 2."""
    from pumpd.cli.client import load_settings  # noqa: PLC0415  # slow: see the promise

    settings = load_settings(options.config, as_json=options.as_json)
    return SocketPaths(settings.socket_path, settings.lock_path)


def _sent(paths: SocketPaths, options: StopOptions) -> Answered:
    """Send it, and try again while control is starting or has too many connections; exit status 1 without an answer."""
    line = stop_line(pump=options.pump, by=options.by, reason=options.reason, switching_source=options.switching_source)
    try:
        with ControlClient(paths.socket_path, lock=paths.lock_path, patience_s=options.wait) as client:
            return client.exchange(line)
    except NoAnswerError as error:
        what = _UNKNOWN if error.sent else "The stop was NOT sent."
        fail(f"{what} {error} {AT_THE_PUMP}", as_json=options.as_json)


def _confirmed(paths: SocketPaths, stopping: list[str], end: float, *, as_json: bool) -> None:
    """Returns when readings show that all of them have stopped; exit status 1 at `end`."""
    while True:
        status = _followed(paths, stopping, as_json=as_json)
        not_yet = [each["pump"] for each in status["pumps"] if each["pump"] in stopping and not each["stopped"]]
        if not not_yet:
            show(status, f"Stopped: {', '.join(stopping) or 'no pump is configured'}.", as_json=as_json)
            return
        if time.monotonic() > end:
            fail(f"Stop sent and repeated, not confirmed for {', '.join(not_yet)}. {AT_THE_PUMP}", as_json=as_json)
        time.sleep(0.1)


def _followed(paths: SocketPaths, stopping: list[str], *, as_json: bool) -> dict[str, Any]:
    """The state after the stop; exit status 1 when control no longer tells it."""
    try:
        with ControlClient(paths.socket_path, lock=paths.lock_path, patience_s=BUSY_FOR_S) as client:
            answer = client.exchange(STATUS_LINE)
        why = "; ".join(visible(answer.reasons)) + "."
    except NoAnswerError as error:
        answer, why = Answered(ok=False, result={}, reasons=()), str(error)
    if not answer.ok:
        taken = f"Control took the stop for {', '.join(stopping) or 'no pump'}; that it has stopped is NOT confirmed."
        fail(f"{taken} {why} {AT_THE_PUMP}", as_json=as_json)
    return dict(answer.result)
