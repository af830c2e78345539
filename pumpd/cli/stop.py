"""`pumpd stop`: it says whether the stop was sent, and whether readings show that the pump has stopped."""

import time
from typing import Annotated, Any

import typer

from pumpd.cli.client import CONFIG, By, Config, Json, NoAnswerError, asked, fail, load_settings, refuse, show
from pumpd.cli.terminal import visible
from pumpd.messages.requests import Answer, StatusRequest, Stop
from pumpd.settings import Settings

AT_THE_PUMP = "Stop at the pump, clamp the line."


def stop(
    *,
    pump: Annotated[str | None, typer.Option(help="One pump; all of them without it.")] = None,
    by: By = "command line",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "stop requested",
    switching_source: Annotated[bool, typer.Option(help="To change the drug's source, for the record.")] = False,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the outcome.")] = 10.0,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Stop. Needs no key and no reason; waits until readings show that the pump has stopped."""
    settings = load_settings(config, as_json=as_json)
    end = time.monotonic() + wait
    answer = _sent(
        settings, Stop(pump=pump, by=by, reason=reason, switching_source=switching_source), wait, as_json=as_json
    )
    if not answer.ok:
        refuse(answer.reasons, as_json=as_json)
    stopping = visible(answer.result["stopping"])
    while True:
        status = _followed(settings, stopping, as_json=as_json)
        not_yet = [each["pump"] for each in status["pumps"] if each["pump"] in stopping and not each["stopped"]]
        if not not_yet:
            show(status, f"Stopped: {', '.join(stopping) or 'no pump is configured'}.", as_json=as_json)
            return
        if time.monotonic() > end:
            fail(f"Stop sent and repeated, not confirmed for {', '.join(not_yet)}. {AT_THE_PUMP}", as_json=as_json)
        time.sleep(0.1)


def _sent(settings: Settings, request: Stop, wait_s: float, *, as_json: bool) -> Answer:
    """Send it, and try again while control is starting or has too many connections; exit status 1 without an answer."""
    try:
        return asked(settings, request, patience_s=wait_s)
    except NoAnswerError as error:
        what = "It is NOT KNOWN whether the stop was carried out." if error.sent else "The stop was NOT sent."
        fail(f"{what} {error} {AT_THE_PUMP}", as_json=as_json)


def _followed(settings: Settings, stopping: list[str], *, as_json: bool) -> dict[str, Any]:
    """The state after the stop; exit status 1 when control no longer tells it."""
    try:
        answer = asked(settings, StatusRequest())
        why = "; ".join(visible(answer.reasons)) + "."
    except NoAnswerError as error:
        answer, why = Answer(ok=False), str(error)
    if not answer.ok:
        taken = f"Control took the stop for {', '.join(stopping) or 'no pump'}; that it has stopped is NOT confirmed."
        fail(f"{taken} {why} {AT_THE_PUMP}", as_json=as_json)
    return dict(answer.result)
