"""`pumpd run`, `pumpd config check`."""

import asyncio

import structlog
import typer

from pumpd import logs
from pumpd.cli.client import CONFIG, Config, Json, load_settings, refuse
from pumpd.cli.supervise import supervise
from pumpd.cli.terminal import say, say_json
from pumpd.dosing import LibraryError
from pumpd.host.file_check import deviations
from pumpd.library.files import default_library, read_library
from pumpd.messages.keys import software_nurses, with_hardware
from pumpd.pump import UnknownFamilyError, family
from pumpd.pump_bindings import binding_errors, binding_warnings
from pumpd.settings import Settings

log = structlog.get_logger("pumpd.run")

config_app = typer.Typer(help="The configuration. Not a cleared medical device.", no_args_is_help=True)


def run(*, config: Config = CONFIG) -> None:
    """Run the gateway's processes until Ctrl-C. Not a cleared medical device."""
    logs.set_up()
    settings = load_settings(config)
    if problems := _pump_problems(settings):
        refuse(problems, as_json=False)
    for deviation in deviations(settings, config.absolute()):
        log.warning("file_not_as_it_should_be", what=str(deviation))
    raise typer.Exit(asyncio.run(supervise(config, settings)))


@config_app.command("check")
def check(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """Read the configuration, its drop-ins, the drug library and the drivers' settings; list every error."""
    settings = load_settings(config, as_json=as_json)
    if problems := config_problems(settings):
        refuse(problems, as_json=as_json)
    names, warnings = [pump.name for pump in settings.pumps], binding_warnings(settings.pumps)
    if as_json:
        say_json({"ok": True, "pumps": names, "warnings": warnings})
        return
    for warning in warnings:
        say(f"warning: {warning}")
    say(f"{config}: no errors, {len(warnings)} warning(s), {len(names)} pump(s)")


def config_problems(settings: Settings) -> list[str]:
    """Every error in a configuration that could be read."""
    return [*_library_problems(settings), *_pump_problems(settings)]


def _library_problems(settings: Settings) -> list[str]:
    """Not checked by `pumpd run`: control starts without a library too, because a pump may be flowing."""
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
    if why := with_hardware(software_nurses(settings.keys_path), settings.real_pumps):
        problems.append(f"{settings.keys_path}: {why}")
    return [*problems, *binding_errors(settings.pumps)]
