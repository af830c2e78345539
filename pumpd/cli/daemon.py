"""`pumpd run`, `pumpd demo`, `pumpd config check`."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from pumpd import logs
from pumpd.cli.client import CONFIG, Config, Json, load_settings, refuse
from pumpd.cli.supervise import supervise
from pumpd.dosing import LibraryError
from pumpd.library.files import default_library, read_library
from pumpd.pump import UnknownFamilyError, family
from pumpd.settings import Settings

config_app = typer.Typer(help="The configuration. Not a cleared medical device.", no_args_is_help=True)


def run(*, config: Config = CONFIG) -> None:
    """Run the gateway's processes until told to end. Not a cleared medical device."""
    logs.set_up()
    settings = load_settings(config)
    if problems := _pump_problems(settings):
        refuse(problems, as_json=False)
    raise typer.Exit(asyncio.run(supervise(config, settings)))


@config_app.command("check")
def check(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """Read the configuration, its drop-ins, the drug library and the drivers' settings; list every error."""
    settings = load_settings(config, as_json=as_json)
    if problems := [*_library_problems(settings), *_pump_problems(settings)]:
        refuse(problems, as_json=as_json)
    names = [pump.name for pump in settings.pumps]
    print(json.dumps({"ok": True, "pumps": names}) if as_json else f"{config}: good, {len(names)} pump(s)")


def _library_problems(settings: Settings) -> list[str]:
    """Not asked before a run: control comes up without a library too, because a pump may be flowing."""
    try:
        read_library(settings.library_dir or default_library())
    except LibraryError as error:
        return error.problems
    return []


def _pump_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    for pump in settings.pumps:
        try:
            family(pump.driver).check_settings(pump.settings)
        except (UnknownFamilyError, ValueError) as error:
            problems.append(f"pump {pump.name}: {error}")
    return problems


def demo(
    *,
    speed: Annotated[int, typer.Option(min=1, max=240, help="How many times faster than life.")] = 60,
    fault: Annotated[list[str] | None, typer.Option(help="Such as occlusion@12min; `pumpsim list` names all.")] = None,
    report: Annotated[Path, typer.Option(help="Directory for the report.")] = Path("demo-report"),
    seed: Annotated[int, typer.Option(help="Seed of the simulated pump.")] = 1,
    tablet: Annotated[bool, typer.Option("--tablet", help="A browser is the nurse, on this machine.")] = False,
    tablet_host: Annotated[str | None, typer.Option(help="Serve tablets on this address of the network.")] = None,
    tablet_port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 0,
    as_json: Json = False,
) -> None:
    """A whole infusion on a simulated pump: order, confirmation, 40 minutes, report. Not a cleared medical device."""
    try:
        from pumpd.demo.play import Demo  # noqa: PLC0415  # an extra of its own: broker, plots, simulator
    except ImportError as error:
        refuse([f"the demo needs the extra `pumpd[demo]`: {error}"], as_json=as_json)
    host = tablet_host or ("127.0.0.1" if tablet else "")
    played = Demo(speed, fault or [], report, seed, as_json=as_json, tablet_host=host, tablet_port=tablet_port)
    raise typer.Exit(played.play())
