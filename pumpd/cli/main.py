"""The commands of a gateway. Each lives in a module of its own; exit codes are in docs/reference/exit-codes.md."""

from importlib import metadata
from typing import Annotated

import typer

from pumpd.cli import course, daemon, driver, history, infusion, journal, library, nurse, patient, staff, tablet
from pumpd.cli.program import program
from pumpd.cli.replay import replay
from pumpd.cli.self_test import self_test
from pumpd.cli.stop import stop
from pumpd.cli.terminal import say
from pumpd.cli.tls import tls
from pumpd.cli.trace import trace

STATEMENT = (
    "Infusion-pump control and monitoring. Not a cleared medical device: simulation, research and integration only."
)

app = typer.Typer(
    name="pumpd",
    help=STATEMENT,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, wanted: bool) -> None:
    if wanted:
        say(f"pumpd {metadata.version('pumpd')}. {STATEMENT}")
        raise typer.Exit


@app.callback()
def _root(
    *, version: Annotated[bool, typer.Option("--version", callback=lambda value: _version(wanted=value))] = False
) -> None:
    """The options of `pumpd` itself."""


app.command("program")(program)
app.command("order")(infusion.order)
app.command("rest")(infusion.rest)
app.command("confirm")(infusion.confirm)
app.command("pause")(infusion.pause)
app.command("resume")(infusion.resume)
app.command("clear")(infusion.clear)
app.command("identify")(infusion.identify)
app.command("reconcile")(infusion.reconcile)
app.command("stop")(stop)
app.command("status")(infusion.status)
app.command("watch")(infusion.watch)
app.command("self-test")(self_test)
app.command("trace")(trace)
app.command("replay")(replay)
app.command("pair")(tablet.pair)
app.command("tls")(tls)
app.command("run")(daemon.run)
app.add_typer(daemon.config_app, name="config")
app.add_typer(driver.app, name="driver")
app.add_typer(nurse.app, name="nurse")
app.add_typer(patient.app, name="patient")
app.add_typer(history.app, name="history")
app.add_typer(course.app, name="course")
app.add_typer(tablet.app, name="tablet")
app.add_typer(staff.app, name="staff")
app.add_typer(journal.app, name="journal")
app.add_typer(library.app, name="library")
