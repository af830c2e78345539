"""`pumpd demo`: an infusion from the order to the report, on a simulated pump."""

from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import Json, refuse
from pumpd.demo.script import Script


def demo(
    *,
    speed: Annotated[int, typer.Option(min=1, max=240, help="How many times faster than real time.")] = 60,
    fault: Annotated[list[str] | None, typer.Option(help="Such as occlusion@12min; `pumpsim list` lists all.")] = None,
    report: Annotated[Path, typer.Option(help="Directory for the report.")] = Path("demo-report"),
    seed: Annotated[int, typer.Option(help="Seed of the simulated pump, and of the patient at the monitor.")] = 1,
    vitals: Annotated[bool, typer.Option("--vitals", help="With a bedside monitor, which can stop it.")] = False,
    vitals_fault: Annotated[
        list[str] | None, typer.Option(help="With a monitor and its fault, such as desaturation@20min.")
    ] = None,
    tablet: Annotated[bool, typer.Option("--tablet", help="A browser on this machine is the nurse.")] = False,
    tablet_host: Annotated[str | None, typer.Option(help="Serve tablets on this address of the network.")] = None,
    tablet_port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 0,
    as_json: Json = False,
) -> None:
    """A whole infusion on a simulated pump: order, confirmation, 40 minutes, report. Not a cleared medical device."""
    try:
        from pumpd.demo.play import Demo  # noqa: PLC0415  # the optional extra `demo`: broker, plots, simulator
    except ImportError as error:
        refuse([f"the demo needs the extra `pumpd[demo]`: {error}"], as_json=as_json)
    host = tablet_host or ("127.0.0.1" if tablet else "")
    monitor = vitals_fault or [] if vitals or vitals_fault else None
    script = Script(speed, tuple(fault or ()), seed, host, tablet_port, None if monitor is None else tuple(monitor))
    raise typer.Exit(Demo(script, report, as_json=as_json).play())
