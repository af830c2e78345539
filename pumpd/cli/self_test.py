"""`pumpd self-test`: try what a session relies on, on demand. An order does the same by itself."""

from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, By, Config, Json, ask, fail, show
from pumpd.exit_status import FAILED
from pumpd.messages.requests import SelfTestRequest


def self_test(
    *,
    pump: Annotated[str, typer.Option(help="Name of the pump in the configuration.")],
    by: By = "command line",
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Test speaker, clock, disk, watchdog and deadman, and send a stop to this idle pump."""
    found = ask(config, SelfTestRequest(pump=pump, by=by), as_json=as_json)
    lines = [f"{each['what']:<18} {each['state']:<7} {each['detail']}" for each in found["results"]]
    if not found["passed"] and not as_json:
        fail("\n".join([*lines, "Nothing can be ordered on this pump until that is repaired."]), as_json=False)
    show(found, "\n".join(lines), as_json=as_json)
    if not found["passed"]:
        raise typer.Exit(FAILED)
