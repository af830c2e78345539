"""`pumpd order, confirm, pause, resume, clear, status`: an infusion from the command line.

All of them go through the operator socket; none of them reaches a pump in any other way.
"""

import secrets
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from pumpd.cli.client import (
    CONFIG,
    By,
    Config,
    Json,
    ask,
    fail,
    refuse,
    show,
)
from pumpd.cli.history import weight_text
from pumpd.cli.signer import KeyFileError, SoftwareSigner, default_key
from pumpd.cli.terminal import say, visible
from pumpd.cli.wording import plasma_peak, pump_lines, review_text, status_text
from pumpd.messages.requests import (
    ChallengeRequest,
    Clear,
    Identify,
    Order,
    OrderRest,
    PatientHistory,
    Pause,
    Reconcile,
    Resume,
    StatusRequest,
)

Pump = Annotated[str, typer.Option(help="Name of the pump in the configuration.")]
Patience = Annotated[float, typer.Option("--wait", help="Seconds to wait for the outcome.")]

ENDED = ("completed", "stopped", "abandoned", "tripped")  # or only a person continues it
SCAN = "Scan the patient's wristband"  # a scanner types what it reads, then Enter


def order(
    *,
    pump: Pump,
    entry: Annotated[str, typer.Option(help="Library entry, such as ketamine-1mg-ml.")],
    dose: Annotated[str, typer.Option(help='Dose per weight, such as "0.5 mg/kg".')],
    weight: Annotated[str, typer.Option(help='Body weight, such as "70 kg".')],
    weight_again: Annotated[str, typer.Option(help="The same weight, typed a second time.")],
    weight_basis: Annotated[str, typer.Option(help="actual, ideal or adjusted; there is no default.")],
    patient: Annotated[str, typer.Option(help="Patient token, never a name.")],
    ordered_by: Annotated[str, typer.Option(help="Who orders it.")],
    container: Annotated[str, typer.Option(help='Container of the library, such as "50 mL".')],
    duration: Annotated[str, typer.Option(help="Length of the infusion.")] = "40 min",
    course: Annotated[str | None, typer.Option(help="The prescriber's token for this course of infusions.")] = None,
    previous_weight: Annotated[
        str | None,
        typer.Option(
            help="Weight in an earlier session elsewhere. Only for the first session here: later ones are on record."
        ),
    ] = None,
    override: Annotated[list[str] | None, typer.Option(metavar="ID=REASON", help="Reason for a soft limit.")] = None,
    wait: Patience = 20.0,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Order an infusion: it is checked, loaded into the pump, read back, and then waits for a nurse."""
    pairs = [text.partition("=") for text in override or []]
    if bad := [key for key, equals, _ in pairs if not equals]:
        refuse([f"override: {key!r} is not of the form ID=REASON" for key in bad], as_json=as_json)
    request = Order(
        pump=pump,
        entry=entry,
        dose=dose,
        weight=weight,
        weight_again=weight_again,
        weight_basis=weight_basis,
        duration=duration,
        container=container,
        patient=patient,
        ordered_by=ordered_by,
        course=course,
        previous_weight=previous_weight,
        overrides={key: reason for key, _, reason in pairs},
    )
    _order(request, pump, config, wait, as_json=as_json)


def rest(
    *,
    pump: Pump,
    treatment: Annotated[str, typer.Option(help="The interrupted treatment; `pumpd status` shows it.")],
    patient: Annotated[str, typer.Option(help="Patient token, never a name.")],
    ordered_by: Annotated[str, typer.Option(help="Who orders it.")],
    container: Annotated[str | None, typer.Option(help="Another container; without it, the same one.")] = None,
    duration: Annotated[str | None, typer.Option(help="Time for the rest; without it, the same rates.")] = None,
    wait: Patience = 20.0,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Order the rest of an interrupted treatment: no more than is left, and no faster. A nurse confirms it."""
    request = OrderRest(
        pump=pump, treatment=treatment, patient=patient, ordered_by=ordered_by, container=container, duration=duration
    )
    _order(request, pump, config, wait, as_json=as_json)


def _order(request: Order | OrderRest, pump: str, config: Path, wait: float, *, as_json: bool) -> None:
    last = None if as_json else ask(config, PatientHistory(patient=request.patient), as_json=as_json)["weight"]
    ask(config, request, as_json=as_json)
    status = _wait_for(config, pump, ("ready", *ENDED), wait, as_json=as_json)
    infusion = status["infusion"]
    if infusion["state"] != "ready":
        flow = "It does not flow" if status["stopped"] else "It may flow: go to the pump"
        fail(f"The pump was not programmed: {infusion['reason']}. {flow}.", as_json=as_json)
    review = review_text(infusion["review"])
    weight = "none; this is the first session here" if last is None else weight_text(last)
    next_step = f"Next: pumpd confirm --pump {pump}"
    text = f"Loaded and read back, waiting for a nurse:\n{review}\n  {'weight on record':<20} {weight}\n{next_step}"
    show(status, text, as_json=as_json)


def confirm(
    *,
    pump: Pump,
    wristband: Annotated[str, typer.Option(help="The text scanned from it; asked for if missing.")] = "",
    key: Annotated[Path | None, typer.Option(help="Key of the software nurse.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts against simulated pumps.")] = False,
    wait: Patience = 20.0,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Show what the pump will run, and confirm it: the signature of a paired key starts the infusion."""
    try:
        signer = SoftwareSigner.load(key or default_key())
    except KeyFileError as error:
        refuse([str(error)], as_json=as_json)
    offered = ask(config, ChallengeRequest(pump=pump), as_json=as_json, exact=True)  # the binding is signed
    review = visible(offered["review"])
    if not as_json:
        say(f"To confirm ({offered['binding']['action']}), within {offered['valid_s']:.0f} s:\n{review_text(review)}")
        if offered["plasma"] is not None:
            say(f"  {'plasma peak':<20} {plasma_peak(visible(offered['plasma']))}")
    if yes and not review["simulated"]:
        refuse(["--yes: only a simulated pump is confirmed without asking"], as_json=as_json)
    if not yes:
        if not sys.stdin.isatty():
            refuse(["this is not a terminal, and a confirmation needs a person at one"], as_json=as_json)
        if typer.prompt("Type the dose in mg to confirm") != review["dose_mg"]:
            refuse(["the typed dose is not the dose of this program"], as_json=as_json)
        wristband = wristband or typer.prompt(SCAN)
    ask(config, signer.confirmation(pump, secrets.token_hex(8), offered["binding"], wristband.strip()), as_json=as_json)
    status = _wait_for(config, pump, ("running", "ready", *ENDED), wait, as_json=as_json)
    state, reason = status["infusion"]["state"], status["infusion"]["reason"]
    if state not in ("running", "completed"):
        fail(f"Confirmed, but not running ({state}): {reason}. Go to the pump.", as_json=as_json)
    show(status, f"Running: {reason}.", as_json=as_json)


def pause(*, pump: Pump, by: By = "command line", config: Config = CONFIG, as_json: Json = False) -> None:
    """Stop the flow so that it may be resumed; the time for pauses is limited."""
    show(ask(config, Pause(pump=pump, by=by), as_json=as_json), "Pausing.", as_json=as_json)


def resume(
    *, pump: Pump, by: By = "command line", wait: Patience = 20.0, config: Config = CONFIG, as_json: Json = False
) -> None:
    """Load the remainder and read it back; it runs only when a nurse confirms it again."""
    ask(config, Resume(pump=pump, by=by), as_json=as_json)
    status = _wait_for(config, pump, ("ready", *ENDED), wait, as_json=as_json)
    infusion = status["infusion"]
    if infusion["state"] != "ready":
        fail(f"Not resumed ({infusion['state']}): {infusion['reason']}.", as_json=as_json)
    show(status, f"Loaded and read back. Next: pumpd confirm --pump {pump}", as_json=as_json)


def clear(*, pump: Pump, by: By = "command line", config: Config = CONFIG, as_json: Json = False) -> None:
    """Clear a trip after its cause was removed. Nothing flows until the remainder is confirmed again."""
    status = ask(config, Clear(pump=pump, by=by), as_json=as_json)
    show(status, f"Cleared; now {status['infusion']['state']}.", as_json=as_json)


def identify(
    *,
    pump: Pump,
    seen: Annotated[int | None, typer.Option(help="How often the pump signalled, once you have counted.")] = None,
    by: By = "command line",
    wait: Annotated[float, typer.Option(help="Seconds to wait for the cable to be pulled.")] = 100.0,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Identify a pump that cannot show which one it is, standing at it: its cable is pulled, or its signals counted."""
    status = ask(config, Identify(pump=pump, seen=seen, by=by), as_json=as_json)
    if not as_json and status["to_identify"]:
        say(f"{status['to_identify']}.")
    end = time.monotonic() + wait
    while not status["proved_by"] and not status["to_identify"].startswith("count:"):
        if time.monotonic() > end or not status["to_identify"].startswith("at the pump"):
            fail(f"Not identified: {status['to_identify']}. Nothing starts on {pump}.", as_json=as_json)
        time.sleep(0.5)
        pumps = ask(config, StatusRequest(), as_json=as_json)["pumps"]
        status = next(each for each in pumps if each["pump"] == pump)
    show(status, f"Identified by {status['proved_by']}." if status["proved_by"] else "", as_json=as_json)


def reconcile(
    *,
    pump: Pump,
    volume: Annotated[str, typer.Option(help="The volume of this program on the pump's display: '3.2 mL'.")],
    reason: Annotated[str, typer.Option(help="Why pumpd does not know it, for the record.")],
    by: Annotated[str, typer.Option(help="Who read it.")],
    seen_stopped: Annotated[bool, typer.Option("--seen-stopped", help="You saw the pump stopped.")] = False,
    volume_again: Annotated[str | None, typer.Option(help="The volume again, if it is more than the program.")] = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """End a doubt about the given volume, after reading it on the pump's own display."""
    request = Reconcile(
        pump=pump, volume=volume, reason=reason, by=by, seen_stopped=seen_stopped, volume_again=volume_again
    )
    status = ask(config, request, as_json=as_json)
    show(status, f"Booked: {status['infusion']['booked_ml']} mL; now {status['infusion']['state']}.", as_json=as_json)


def status(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """All pumps and what runs on them."""
    found = ask(config, StatusRequest(), as_json=as_json)
    show(found, status_text(found), as_json=as_json)


def _wait_for(config: Path, pump: str, states: tuple[str, ...], wait: float, *, as_json: bool) -> dict[str, Any]:
    """The pump's status once its infusion is in one of the states, or exit status 1."""
    end = time.monotonic() + wait
    while True:
        pumps = ask(config, StatusRequest(), as_json=as_json)["pumps"]
        found: dict[str, Any] = next(each for each in pumps if each["pump"] == pump)
        if found["infusion"] and found["infusion"]["state"] in states:
            return found
        if time.monotonic() > end:
            now = "\n".join(pump_lines(found))
            fail(f"No outcome within {wait:g} s. The pump now:\n{now}", as_json=as_json)
        time.sleep(0.05)
