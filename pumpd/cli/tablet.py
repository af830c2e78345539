"""`pumpd pair`, `pumpd tablet`: the tablets that may speak for a nurse. Only somebody at the gateway lets one in."""

import io
import json
import sys
import time
from typing import Annotated, Any

import segno
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
from pumpd.cli.tls import own_names
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.messages.requests import PairAccept, PairClose, PairOpen, PairState
from pumpd.messages.roles import TABLET_ROLES, Role
from pumpd.settings import Settings

app = typer.Typer(help="Paired tablets. Not a cleared medical device.", no_args_is_help=True)

LOOK_EVERY_S = 0.3
LONGEST_NAME = 60

KeyId = Annotated[str, typer.Argument(help="Id of the tablet, as `pumpd tablet list` shows it.")]


def pair(
    *,
    role: Annotated[
        list[Role] | None, typer.Option(help="May be repeated; view, confirm, prescribe if left out.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the tablet is to be called; its own choice if left out.")] = "",
    address: Annotated[str | None, typer.Option(help="What the tablet calls this gateway by.")] = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Let a tablet in: shows a code to scan for 120 s, then asks for the six figures that the tablet shows."""
    settings = load_settings(config, as_json=as_json)
    if settings.bedside is None:
        refuse([f"{config}: bedside: tablets need this section"], as_json=as_json)
    roles = tuple(dict.fromkeys(each.value for each in role or TABLET_ROLES))
    try:
        with ControlClient(settings.socket_path) as client:
            opened = client.ask(PairOpen(roles=roles, name=name))
            if not opened.ok:
                refuse(opened.reasons, as_json=as_json)
            token = opened.result["token"]
            url = f"{tablet_url(settings, address)}/#pair={token}"
            if as_json:
                print(json.dumps({"url": url, "expires_s": opened.result["expires_s"]}), flush=True)
            else:
                print(
                    qr_code(url), f"\nScan it with the tablet, or open\n  {url}\nwithin {opened.result['expires_s']} s."
                )
            try:
                _wait_for_an_offer(client, token, as_json=as_json)
                tablet = _typed(client, as_json=as_json)
            except KeyboardInterrupt:
                client.ask(PairClose())
                fail("Interrupted; nothing was paired.", as_json=as_json)
    except NotRunningError as error:
        fail(str(error), as_json=as_json)
    text = f"Paired {tablet['name']} ({tablet['id']}): {', '.join(tablet['roles'])}."
    print(json.dumps({"paired": tablet}, ensure_ascii=False) if as_json else text)


def _wait_for_an_offer(client: ControlClient, token: str, *, as_json: bool) -> None:
    while True:
        found = client.ask(PairState(token=token)).result
        if found.get("offered"):
            return
        if found.get("state") != "waiting":
            fail("No tablet answered within the window; nothing was paired.", as_json=as_json)
        time.sleep(LOOK_EVERY_S)


def _typed(client: ControlClient, *, as_json: bool) -> dict[str, Any]:
    """Ask for the code until it is right, or the window is closed."""
    while True:
        if not as_json:
            print("Six figures on the tablet: ", end="", flush=True)
        line = sys.stdin.readline()
        if not line.strip():
            client.ask(PairClose())
            fail("No code was typed; nothing was paired.", as_json=as_json)
        answer = client.ask(PairAccept(code=line.strip()[:20]))
        if answer.ok:
            return answer.result
        if any("closed" in reason for reason in answer.reasons):
            fail("; ".join(answer.reasons), as_json=as_json)
        print("; ".join(answer.reasons), file=sys.stderr)


def tablet_url(settings: Settings, address: str | None = None) -> str:
    """Where a tablet reaches this gateway: as it is told, as configured, or as the machine believes."""
    assert settings.bedside is not None  # the caller has looked
    known = [*settings.bedside.names, *(each for each in own_names() if each not in ("localhost", "127.0.0.1"))]
    if settings.bedside.host not in ("0.0.0.0", "::"):  # noqa: S104  # served on one address only
        known = [*settings.bedside.names, settings.bedside.host]
    return f"https://{address or known[0]}:{settings.bedside.port}"


def qr_code(url: str) -> str:
    """The address as a QR code of half-height blocks, for a terminal of 80 x 24."""
    out = io.StringIO()
    segno.make(url, error="l", micro=False).terminal(out=out, compact=True, border=2)
    return out.getvalue()


@app.command("list")
def list_tablets(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """The paired tablets."""
    try:
        keys = [each for each in _store(config, as_json=as_json).all().values() if each.kind == "tablet"]
    except KeyStoreError as error:
        refuse([str(error)], as_json=as_json)
    if as_json:
        found = [{"id": each.id, "name": each.name, "roles": list(each.roles)} for each in keys]
        print(json.dumps(found, ensure_ascii=False))
        return
    for each in keys:
        print(f"{each.id}  {', '.join(each.roles):<26} {each.name}")


@app.command()
def rename(
    key_id: KeyId,
    name: Annotated[str, typer.Argument(help="The new name.")],
    *,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Give a tablet another name."""
    if not (name.isprintable() and 1 <= len(name) <= LONGEST_NAME):
        refuse([f"name: 1 to {LONGEST_NAME} visible characters"], as_json=as_json)
    try:
        _store(config, as_json=as_json).rename(key_id, name)
    except KeyStoreError as error:
        refuse([str(error)], as_json=as_json)
    print(json.dumps({"renamed": key_id, "name": name}, ensure_ascii=False) if as_json else f"{key_id} is {name} now.")


@app.command()
def revoke(key_id: KeyId, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """Shut a tablet out, a lost one first of all: from now on nothing that it signs counts."""
    try:
        _store(config, as_json=as_json).revoke(key_id)
    except KeyStoreError as error:
        refuse([str(error)], as_json=as_json)
    print(json.dumps({"revoked": key_id}) if as_json else f"Revoked {key_id}. What it signs is refused from now on.")


def _store(config: Config, *, as_json: bool) -> KeyStore:
    return KeyStore(load_settings(config, as_json=as_json).keys_path)
