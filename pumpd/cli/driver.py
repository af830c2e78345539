"""`pumpd driver`: the installed pump families, what each can do, and the check of a pump on the bench."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

import structlog
import typer

from pumpd.cli.driver_check import TO_DO, BenchCheck, Step, pump_now
from pumpd.cli.panels import row, screen, table, text
from pumpd.cli.setting import Settings, settings_of
from pumpd.cli.terminal import say, say_json
from pumpd.exit_status import FAILED, REFUSED
from pumpd.logs import set_up
from pumpd.pump import (
    Capabilities,
    Container,
    DriverFamily,
    LossOfControl,
    PumpProgram,
    RateStep,
    UnknownFamilyError,
    families,
    family,
    mark_of,
)
from pumpd.quantities import Length, Rate, Volume

USUAL_DIAMETER = "26.59 mm"

app = typer.Typer(
    help="Pump drivers: list them, show one, check a pump on the bench. Not a cleared medical device.",
    no_args_is_help=True,
)

Syringe = Annotated[str | None, typer.Option(help="A syringe from the maker's list, such as 'BD 60 mL'.")]
Diameter = Annotated[
    str | None, typer.Option(help="Inner diameter of the syringe. Default: 26.59 mm, or a bag for a volumetric pump.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_families(*, as_json: Json = False) -> None:
    """List the installed pump families and their distributions."""
    found = []
    for name, point in families().items():
        source = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        try:
            loaded: type[DriverFamily] = point.load()
        except Exception as error:  # noqa: BLE001 - third-party code; the others are still listed
            found.append({"family": name, "from": source, "models": [], "title": f"does not load: {error}"})
        else:
            found.append({"family": name, "from": source, "models": list(loaded.models), "title": loaded.title})
    if as_json:
        say_json({"drivers": found})
        return
    listed = table("family", "from", "models", "title")
    for each in found:
        row(listed, str(each["family"]), str(each["from"]), ", ".join(each["models"]), str(each["title"]))
    screen().say(listed)


def _shown_by(loaded: type[DriverFamily], settings: Mapping[str, Any]) -> str:
    """By what a pump with these settings shows which one it is."""
    if (mark := mark_of(loaded, settings)) is not None:
        return mark
    person = "a person identifies it after each lost link"
    return f"{', '.join(loaded.marks)} once it has one of its own; until then {person}" if loaded.marks else person


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="FAMILY", help="A name from `pumpd driver list`.")],
    *,
    syringe: Syringe = None,
    diameter: Diameter = None,
    setting: Settings = None,
    as_json: Json = False,
) -> None:
    """Show what a family can do with a syringe, and what its driver assumes."""
    loaded = _family(name)
    try:
        container, given = _container(loaded, syringe, diameter, Volume(60), settings_of(setting))
    except ValueError as error:
        _refuse(str(error))
    facts = {
        "kind": given.kind.value,
        "rate_min_ml_h": given.rate_min.number,
        "rate_max_ml_h": given.rate_max.number,
        "volume_max_ml": given.volume_max.number,
        "max_steps": str(given.max_steps),
        "shows_which_pump_by": _shown_by(loaded, settings_of(setting)),
        "flow_ends_by": ", ".join(given.loss_of_control),
        "watchdog_s": given.watchdog.number if given.watchdog else "none",
        "monitor_only": "yes" if given.monitor_only else "no",
    }
    if as_json:
        stated = [{"name": a.name, "default": a.default, "meaning": a.meaning} for a in loaded.assumptions]
        named = {key: value.number for key, value in loaded.syringes.items()}
        inner = None if container.diameter is None else str(container.diameter)
        answer = {"family": name, "diameter": inner, "capabilities": facts, "assumptions": stated}
        say_json({**answer, "syringes_mm": named})
        return
    on = screen()
    able = table("capability", f"with a {container.name}", title=loaded.title)
    for key, value in facts.items():
        row(able, key, value)
    on.say(able)
    assumed = table("setting", "default", "assumption", title="Assumptions: facts that no public source states")
    for assumption in loaded.assumptions:
        row(assumed, assumption.name, assumption.default or "(empty)", assumption.meaning)
    on.say(assumed)
    if loaded.syringes:
        on.say(f"Syringes: {', '.join(f'{key} {value}' for key, value in loaded.syringes.items())}")


@app.command()
def check(
    *,
    driver: Annotated[str, typer.Option(help="Pump family.")],
    port: Annotated[str, typer.Option(help="Device path, or tcp://HOST:PORT.")],
    setting: Settings = None,
    volume: Annotated[str, typer.Option(help="Volume to program.")] = "0.5 mL",
    rate: Annotated[str, typer.Option(help="Rate to program.")] = "60 mL/h",
    syringe: Syringe = None,
    diameter: Diameter = None,
    nobody_connected: Annotated[bool, typer.Option("--nobody-connected", help="No patient is connected.")] = False,
    as_json: Json = False,
) -> None:
    """Check a pump on the bench: identify, read, program, read back, start, watch, stop, verify, release.

    The pump moves. Exit status 0: every step passed; 1: one failed; 2: refused, nothing was sent.
    """
    loaded = _family(driver)
    try:
        settings = {**getattr(loaded, "bench_settings", {}), **settings_of(setting)}
        amount = Volume.parse(volume, "volume")
        container, given = _container(loaded, syringe, diameter, amount, settings)
        program = PumpProgram((RateStep(Rate.parse(rate, "rate"), amount),), container.diameter)
    except ValueError as error:
        _refuse(str(error))
    if given.monitor_only:
        _refuse(f"driver {driver} is for monitoring only: it cannot run a pump")
    if not nobody_connected and not _nobody_is_connected():
        _refuse("the check makes the pump move. Make sure that no patient is connected, then add --nobody-connected")
    native = LossOfControl.NATIVE in given.loss_of_control
    result = asyncio.run(_check(loaded, driver, port, settings, program, native=native, quiet=as_json))
    if as_json:
        say_json(result)
    else:
        _print_result(result)
    raise typer.Exit(0 if result["passed"] else FAILED)


async def _check(
    loaded: type[DriverFamily],
    name: str,
    port: str,
    settings: Mapping[str, Any],
    program: PumpProgram,
    *,
    native: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Open the port, run the check, close the port; returns the result as printed with `--json`."""
    if not structlog.is_configured():
        set_up("error")
    on = screen(err=True, quiet=quiet)
    result: dict[str, Any] = {"passed": False, "driver": name, "port": port, "identity": None, "native_lease": native}

    def report(step: Step) -> None:
        on.say(f"{'passed' if step.passed else 'FAILED'} {step.name}: {step.result}")

    try:
        opened = await loaded.connect(port, settings)
    except OSError as error:
        return result | {
            "steps": [{"step": "open", "passed": False, "said": str(error)}],
            "failed": {
                "step": "open",
                "what": str(error),
                "pump_now": "not known: nothing was sent to it",
                "to_do": "Give the pump's port; check that its cable is plugged in and no other program uses it.",
            },
        }
    bench = BenchCheck(opened, program, report, native_lease=native)
    try:
        await bench.run()
    finally:
        await opened.close()
    failed = bench.failed
    if bench.identity:
        result["identity"] = {
            "model": bench.identity.model,
            "firmware": bench.identity.firmware,
            "serial": bench.identity.serial,
        }
    return result | {
        "passed": failed is None,
        "native_lease": bench.native_lease,
        "steps": [{"step": step.name, "passed": step.passed, "said": step.result} for step in bench.steps],
        "failed": failed
        and {"step": failed.name, "what": failed.result, "pump_now": pump_now(bench), "to_do": TO_DO[failed.name]},
    }


def _print_result(result: Mapping[str, Any]) -> None:
    on = screen()
    steps = table("step", "result", "details", title=f"{result['driver']} on {result['port']}")
    for step in result["steps"]:
        row(steps, step["step"], "passed" if step["passed"] else text("FAILED", "red"), step["said"])
    on.say(steps)
    failed = result["failed"]
    if failed is None:
        on.say("Every step passed.")
        return
    on.say(f"What happened:  {failed['step']} failed: {failed['what']}")
    on.say(f"The pump now:   {failed['pump_now']}")
    on.say(f"What to do:     {failed['to_do']}")


def _nobody_is_connected() -> bool:
    return sys.stdin.isatty() and typer.confirm("The pump will move. Is no patient connected?", err=True)


def _family(name: str) -> type[DriverFamily]:
    try:
        return family(name)
    except UnknownFamilyError as error:
        _refuse(str(error.args[0]))


def _container(
    loaded: type[DriverFamily], syringe: str | None, diameter: str | None, volume: Volume, settings: Mapping[str, Any]
) -> tuple[Container, Capabilities]:
    """The named syringe, or one of the given diameter; otherwise one of the usual size, or a bag for a volumetric pump.

    Raises ValueError that names the field.
    """
    if syringe is not None and syringe not in loaded.syringes:
        raise ValueError(f"syringe: {syringe!r} is not listed; listed: {', '.join(loaded.syringes) or 'none'}")
    given = loaded.syringes[syringe] if syringe else Length.parse(diameter or USUAL_DIAMETER, "diameter")
    chosen = Container(f"syringe of {given}", volume, Volume(0), Rate("0.001"), given)
    try:
        return chosen, loaded.capabilities(chosen, settings)
    except ValueError:
        if syringe or diameter:
            raise
    bag = Container("bag", volume, Volume(0), Rate("0.001"))
    return bag, loaded.capabilities(bag, settings)


def _refuse(why: str) -> NoReturn:
    say(f"refused: {why}", err=True)
    raise typer.Exit(REFUSED)
