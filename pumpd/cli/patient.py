"""`pumpd patient`: which patient a pump is associated with. A start compares it with the order and the wristband."""

from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, By, Config, Json, ask, show
from pumpd.cli.infusion import Pump
from pumpd.messages.requests import Associate, Dissociate

app = typer.Typer(help="The patient of a pump. Not a cleared medical device.", no_args_is_help=True)


@app.command()
def associate(
    *,
    pump: Pump,
    patient: Annotated[str, typer.Option(help="Patient token, never a name.")],
    by: By = "command line",
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Associate the pump with this patient until that is changed. Not during an infusion."""
    status = ask(config, Associate(pump=pump, patient=patient.strip(), by=by), as_json=as_json)
    show(status, f"{pump} is associated with patient {status['patient']}.", as_json=as_json)


@app.command()
def dissociate(*, pump: Pump, by: By = "command line", config: Config = CONFIG, as_json: Json = False) -> None:
    """End the association; nothing starts on the pump without one. Not during an infusion."""
    status = ask(config, Dissociate(pump=pump, by=by), as_json=as_json)
    show(status, f"{pump} is associated with no patient.", as_json=as_json)
