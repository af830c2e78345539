"""`pumpd nurse`: a software nurse, paired like a tablet, until there is one; and the list of paired keys.

Pairing writes the gateway's own file of keys, so it takes a person at the gateway with the rights of the service.
"""

import json
import secrets
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import (
    CONFIG,
    Config,
    ControlClient,
    Json,
    NotRunningError,
    fail,
    load_settings,
    refuse,
)
from pumpd.cli.infusion import SCAN
from pumpd.cli.signer import KeyFileError, SoftwareSigner, default_key
from pumpd.cli.wording import review_text
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.messages.requests import ChallengeRequest, StatusRequest
from pumpd.messages.signing import der_of

app = typer.Typer(
    help="A software nurse with a paired key. Not a cleared medical device: for simulation and integration only.",
    no_args_is_help=True,
)

KeyFile = Annotated[Path | None, typer.Option("--key", help="Private key of the software nurse.")]


@app.command()
def pair(
    name: Annotated[str, typer.Argument(help="A name for the key, such as ward-7-nurse.")],
    *,
    key: KeyFile = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Make a key and pair it with this gateway, so that it may confirm."""
    settings = load_settings(config, as_json=as_json)
    path = key or default_key()
    try:
        signer = SoftwareSigner.load(path) if path.exists() else SoftwareSigner.create(path)
        paired = KeyStore(settings.keys_path).add(pairable(name, "confirm", der_of(signer.public)))
    except (KeyFileError, KeyStoreError) as error:
        refuse([str(error)], as_json=as_json)
    except OSError as error:
        refuse([f"paired keys {settings.keys_path}: {error.strerror}"], as_json=as_json)
    text = f"Paired {paired.name}, key {paired.id}; its private half is in {path}"
    print(json.dumps({"key": paired.id, "name": paired.name, "file": str(path)}) if as_json else text)


@app.command("list")
def list_keys(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """The keys that may confirm on this gateway."""
    settings = load_settings(config, as_json=as_json)
    try:
        keys = KeyStore(settings.keys_path).all().values()
    except KeyStoreError as error:
        refuse([str(error)], as_json=as_json)
    if as_json:
        print(json.dumps([{"key": each.id, "name": each.name, "role": ", ".join(each.roles)} for each in keys]))
        return
    for each in keys:
        print(f"{each.id}  {', '.join(each.roles):<9} {each.name}")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `pumpd nurse list` shows it.")],
    *,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Take a key away; what it signs from now on is refused."""
    settings = load_settings(config, as_json=as_json)
    try:
        KeyStore(settings.keys_path).revoke(key_id)
    except KeyStoreError as error:
        refuse([str(error)], as_json=as_json)
    print(json.dumps({"revoked": key_id}) if as_json else f"Revoked {key_id}.")


@app.command()
def attend(*, key: KeyFile = None, config: Config = CONFIG) -> None:
    """Wait at the gateway; show each program that is ready and ask whether to confirm it. Ends with Ctrl-C."""
    settings = load_settings(config)
    try:
        signer = SoftwareSigner.load(key or default_key())
    except KeyFileError as error:
        refuse([str(error)], as_json=False)
    if not sys.stdin.isatty():
        refuse(["nobody is here to ask: a confirmation needs a person at a terminal"], as_json=False)
    declined: set[str] = set()
    try:
        with ControlClient(settings.socket_path) as client:
            while True:
                for pump in client.ask(StatusRequest()).result["pumps"]:
                    infusion = pump["infusion"]
                    if infusion and infusion["state"] == "ready" and infusion["digest"] not in declined:
                        _offer(client, signer, pump["pump"], infusion["digest"], declined)
                time.sleep(0.5)
    except NotRunningError as error:
        fail(str(error), as_json=False)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _offer(client: ControlClient, signer: SoftwareSigner, pump: str, digest: str, declined: set[str]) -> None:
    offered = client.ask(ChallengeRequest(pump=pump))
    if not offered.ok:
        return
    print(f"\n{pump} is ready ({offered.result['binding']['action']}):\n{review_text(offered.result['review'])}")
    if not typer.confirm("Confirm this program?"):
        declined.add(digest)
        return
    scanned = typer.prompt(SCAN).strip()
    answer = client.ask(signer.confirmation(pump, secrets.token_hex(8), offered.result["binding"], scanned))
    print("Confirmed." if answer.ok else "Refused: " + "; ".join(answer.reasons))
