"""The commands of a gateway, each in a module of its own. Exit codes are in docs/reference/exit-codes.md.

A command is imported when it is used: `pumpd stop` must not wait for what only another command needs.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from pumpd.cli.terminal import say
from pumpd.extras import needs

STATEMENT = (
    "Infusion-pump control and monitoring. Not a cleared medical device: simulation, research and integration only."
)

# Each command as MODULE:NAME, in the order of `pumpd --help`. NAME is a function, or a typer.Typer with commands.
COMMANDS = {
    "program": "pumpd.cli.program:program",
    "order": "pumpd.cli.infusion:order",
    "rest": "pumpd.cli.infusion:rest",
    "confirm": "pumpd.cli.infusion:confirm",
    "pause": "pumpd.cli.infusion:pause",
    "resume": "pumpd.cli.infusion:resume",
    "clear": "pumpd.cli.infusion:clear",
    "identify": "pumpd.cli.infusion:identify",
    "reconcile": "pumpd.cli.infusion:reconcile",
    "stop": "pumpd.cli.stop_command:stop",
    "status": "pumpd.cli.infusion:status",
    "watch": "pumpd.cli.watch:watch",
    "self-test": "pumpd.cli.self_test:self_test",
    "trace": "pumpd.cli.trace:trace",
    "replay": "pumpd.cli.replay:replay",
    "pair": "pumpd.cli.tablet:pair",
    "tls": "pumpd.cli.tls:tls",
    "setup": "pumpd.cli.setup:setup",
    "doctor": "pumpd.cli.doctor:doctor",
    "diagnostics": "pumpd.cli.diagnostics:diagnostics",
    "run": "pumpd.cli.daemon:run",
    "update": "pumpd.cli.update:update",
    "backup": "pumpd.cli.backup:backup",
    "decommission": "pumpd.cli.decommission:decommission",
    "restore": "pumpd.cli.backup:restore",
    "demo": "pumpd.demo.command:demo",
    "config": "pumpd.cli.daemon:config_app",
    "driver": "pumpd.cli.driver:app",
    "nurse": "pumpd.cli.nurse:app",
    "patient": "pumpd.cli.patient:app",
    "history": "pumpd.cli.history:app",
    "course": "pumpd.cli.course:app",
    "tablet": "pumpd.cli.tablet:app",
    "staff": "pumpd.cli.staff:app",
    "journal": "pumpd.cli.journal:app",
    "library": "pumpd.cli.library:app",
}


class _Imported(Mapping[str, TyperCommand | TyperGroup]):
    """The commands of the table. Looking one up imports it; counting or naming them does not."""

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        return _imported(name, COMMANDS[name])

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _imported(name: str, place: str) -> TyperCommand | TyperGroup:
    module, _, wanted = place.partition(":")
    with needs("cli"):
        found = getattr(import_module(module), wanted)
    around = typer.Typer(add_completion=False)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name)(found)
    made = typer.main.get_group(around).commands[name]
    assert isinstance(made, TyperCommand | TyperGroup)
    return made


class _Commands(TyperGroup):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": _Imported()})

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(self.commands)  # typer's own would import all of them


app = typer.Typer(
    name="pumpd",
    cls=_Commands,
    help=STATEMENT,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # noqa: PLC0415  # slow to import, and only this option needs it

        say(f"pumpd {metadata.version('pumpd')}. {STATEMENT}")
        raise typer.Exit


@app.callback()
def _root(
    *, version: Annotated[bool, typer.Option("--version", callback=lambda value: _version(wanted=value))] = False
) -> None:
    """The options of `pumpd` itself."""
