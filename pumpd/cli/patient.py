"""`pumpd patient`: which patient a pump is associated with. A start compares it with the order and the wristband."""

from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, By, Config, Json, ask, show
from pumpd.cli.infusion import Pump
from pumpd.messages.requests import Associate, Dissociate

app = typer.Typer(help="Whose a pump is. Not a cleared medical device.", no_args_is_help=True)


@app.command()
def associate(
    *,
    pump: Pump,
    patient: Annotated[str, typer.Option(help="Patient token, never a name.")],
    by: By = "command line",
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Make this the pump's patient, until it is another's or nobody's. Not during an infusion."""
    status = ask(config, Associate(pump=pump, patient=patient.strip(), by=by), as_json=as_json)
    show(status, f"{pump} is the pump of {status['patient']}.", as_json=as_json)


@app.command()
def dissociate(*, pump: Pump, by: By = "command line", config: Config = CONFIG, as_json: Json = False) -> None:
    """The pump is nobody's; nothing starts on it. Not during an infusion."""
    status = ask(config, Dissociate(pump=pump, by=by), as_json=as_json)
    show(status, f"{pump} is nobody's pump.", as_json=as_json)
