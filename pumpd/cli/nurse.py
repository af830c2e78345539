"""`pumpd nurse`: a software nurse with a paired key, for simulation and integration; and the list of paired keys."""

import base64
import secrets
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from pumpd.cli.client import (
    CONFIG,
    Config,
    ControlClient,
    Json,
    NoAnswerError,
    ask,
    connected,
    fail,
    load_settings,
    refuse,
    show,
)
from pumpd.cli.infusion import SCAN
from pumpd.cli.signer import KeyFileError, SoftwareSigner, default_key
from pumpd.cli.terminal import say, visible
from pumpd.cli.wording import review_text
from pumpd.messages.keys_and_staff import KeyAdd, KeyList, KeyRevoke
from pumpd.messages.requests import ChallengeRequest, StatusRequest
from pumpd.messages.signing import der_of
from pumpd.validation import problems

app = typer.Typer(
    help="A software nurse with a paired key. Not a cleared medical device: for simulation and integration only.",
    no_args_is_help=True,
)

KeyFile = Annotated[Path | None, typer.Option("--key", help="Private key of the software nurse.")]
POLL_EVERY_S = 0.5


@app.command()
def pair(
    name: Annotated[str, typer.Argument(help="A name for the key, such as ward-7-nurse.")],
    *,
    key: KeyFile = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Make a key and pair it with this gateway, so that it may confirm. Needs root or pumpd's own user."""
    path = key or default_key()
    try:
        signer = SoftwareSigner.load(path) if path.exists() else SoftwareSigner.create(path)
        request = KeyAdd(name=name, public_key=base64.b64encode(der_of(signer.public)).decode())
    except KeyFileError as error:
        refuse([str(error)], as_json=as_json)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    paired = ask(config, request, as_json=as_json)
    found = {"key": paired["id"], "name": paired["name"], "file": str(path)}
    show(found, f"Paired {paired['name']}, key {paired['id']}; its private half is in {path}", as_json=as_json)


@app.command("list")
def list_keys(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """The keys paired with this gateway, including those of tablets."""
    keys = ask(config, KeyList(), as_json=as_json)["keys"]
    found = [{"key": each["id"], "name": each["name"], "role": ", ".join(each["roles"])} for each in keys]
    lines = [f"{each['key']}  {each['role']:<9} {each['name']}" for each in found]
    show(found, "\n".join(lines) or "No key is paired yet: `pumpd nurse pair`, `pumpd pair`.", as_json=as_json)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `pumpd nurse list` shows it.")],
    *,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Revoke a key; whatever it signs from now on is refused. Needs root or pumpd's own user."""
    try:
        request = KeyRevoke(key=key_id)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    ask(config, request, as_json=as_json)
    show({"revoked": key_id}, f"Revoked {key_id}.", as_json=as_json)


@app.command()
def attend(*, key: KeyFile = None, config: Config = CONFIG) -> None:
    """Wait at the gateway; show each program that is ready and ask whether to confirm it. Ends with Ctrl-C."""
    settings = load_settings(config)
    try:
        signer = SoftwareSigner.load(key or default_key())
    except KeyFileError as error:
        refuse([str(error)], as_json=False)
    if not sys.stdin.isatty():
        refuse(["this is not a terminal, and a confirmation needs a person at one"], as_json=False)
    declined: set[str] = set()
    try:
        with connected(settings) as client:
            while True:
                for pump in client.ask(StatusRequest()).result["pumps"]:
                    infusion = pump["infusion"]
                    if infusion and infusion["state"] == "ready" and infusion["digest"] not in declined:
                        _offer(client, signer, pump["pump"], infusion["digest"], declined)
                time.sleep(POLL_EVERY_S)
    except NoAnswerError as error:
        fail(str(error), as_json=False)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _offer(client: ControlClient, signer: SoftwareSigner, pump: str, digest: str, declined: set[str]) -> None:
    offered = client.ask(ChallengeRequest(pump=pump))
    if not offered.ok:
        return
    review = review_text(visible(offered.result["review"]))
    say(f"\n{pump} is ready ({offered.result['binding']['action']}):\n{review}")
    if not typer.confirm("Confirm this program?"):
        declined.add(digest)
        return
    scanned = typer.prompt(SCAN).strip()
    answer = client.ask(signer.confirmation(pump, secrets.token_hex(8), offered.result["binding"], scanned))
    say("Confirmed." if answer.ok else "Refused: " + "; ".join(visible(answer.reasons)))
