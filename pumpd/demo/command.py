"""`pumpd demo`: an infusion from the order to the report, on a simulated pump."""

from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import Json, refuse


def demo(
    *,
    speed: Annotated[int, typer.Option(min=1, max=240, help="How many times faster than real time.")] = 60,
    fault: Annotated[list[str] | None, typer.Option(help="Such as occlusion@12min; `pumpsim list` lists all.")] = None,
    report: Annotated[Path, typer.Option(help="Directory for the report.")] = Path("demo-report"),
    seed: Annotated[int, typer.Option(help="Seed of the simulated pump.")] = 1,
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
    played = Demo(speed, fault or [], report, seed, as_json=as_json, tablet_host=host, tablet_port=tablet_port)
    raise typer.Exit(played.play())
