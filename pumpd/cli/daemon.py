"""`pumpd run`, `pumpd config check|key|sign`."""

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
import typer

from pumpd import logs
from pumpd.cli.client import CONFIG, Config, Json, refuse, show
from pumpd.cli.configuration import examined
from pumpd.cli.signing_key import PrivateFile, show_new
from pumpd.cli.supervise import supervise
from pumpd.cli.terminal import say, say_json
from pumpd.host.file_check import DENIED, deviations
from pumpd.pump_bindings import binding_warnings
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import Read
from pumpd.settings_seal import Seal, examine, signature_path
from pumpd.trust import CONFIG_KEYS, SigningError, key_id, load_key, public_text, replace_file, trusted_path

log = structlog.get_logger("pumpd.run")

config_app = typer.Typer(help="The configuration. Not a cleared medical device.", no_args_is_help=True)


def run(*, config: Config = CONFIG) -> None:
    """Run the gateway's processes until Ctrl-C. Not a cleared medical device."""
    logs.set_up()
    settings, problems = examined(Read(config), library=False)
    if settings is None or problems:
        refuse(problems, as_json=False)
    found = deviations(settings, config.absolute())
    closed = [deviation for deviation in found if deviation.problem == DENIED]
    for deviation in (*(each for each in found if each not in closed), *closed[:1]):
        log.warning("file_not_as_it_should_be", what=str(deviation))
    raise typer.Exit(asyncio.run(supervise(config, settings)))


@config_app.command("check")
def check(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """Read the configuration, its signature, the drug library and the drivers' settings; list every error."""
    read = Read(config)
    settings, problems = examined(read, library=True)
    seal = examine(config)
    if not read.problems:  # they are the seal's as well
        problems = [*seal.problems, *problems]
    if settings is None or problems:
        refuse(problems, as_json=as_json)
    names, warnings = [pump.name for pump in settings.pumps], binding_warnings(settings.pumps)
    if as_json:
        say_json({"ok": True, "pumps": names, "warnings": warnings, "digest": seal.digest, "key": seal.key or None})
        return
    for warning in warnings:
        say(f"warning: {warning}")
    say(f"{config}: no errors, {len(warnings)} warning(s), {len(names)} pump(s), {_signed(seal)}")


def _signed(seal: Seal) -> str:
    return f"signed with the key {seal.key}" if seal.key else "not signed"


@config_app.command("key")
def make(file: PrivateFile, *, as_json: Json = False) -> None:
    """Make a key that signs configurations, and print the public half for `trust/config.pub`."""
    show_new(file, "trust/config.pub", str, as_json=as_json)


@config_app.command()
def sign(
    *,
    key: Annotated[Path, typer.Option("--key", help="Private key, as `pumpd config key` makes it.")],
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Sign the configuration with its drop-ins as it is now, after checking it. Any change needs a new signature."""
    read = Read(config)
    try:
        Settings.of(read)
        private = load_key(key, "pumpd config key")
        replace_file(signature_path(config), private.sign(read.statement.encode()))
    except SettingsError as error:
        refuse(error.problems, as_json=as_json)
    except SigningError as error:
        refuse([str(error)], as_json=as_json)
    except OSError as error:
        refuse([f"{signature_path(config)}: {error.strerror}"], as_json=as_json)
    seal, place = examine(config), trusted_path(config, CONFIG_KEYS)
    own = key_id(public_text(private.public_key()))
    found = {"digest": read.digest, "key": own, "file": str(signature_path(config)), "trusted_here": seal.key == own}
    trusted = "" if seal.key == own else f"\n{place} does not hold this key: a gateway that verifies it must"
    show(found, f"Signed with the key {own}:\n{read.statement}{signature_path(config)}{trusted}", as_json=as_json)
