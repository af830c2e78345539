"""The options of `pumpd stop`, for typer: its help, its errors and the shell's completion."""

from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, By, Config, Json
from pumpd.cli.stop import BY, REASON, WAIT_S, StopOptions, carry_out


def stop(
    *,
    pump: Annotated[str | None, typer.Option(help="One pump; all of them without it.")] = None,
    by: By = BY,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = REASON,
    switching_source: Annotated[bool, typer.Option(help="To change the drug's source, for the record.")] = False,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the outcome.")] = WAIT_S,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Stop. Needs no key and no reason; waits until readings show that the pump has stopped."""
    carry_out(StopOptions(pump, by, reason, switching_source, wait, config, as_json))
