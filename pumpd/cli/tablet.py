"""`pumpd pair`, `pumpd tablet`: the tablets that nurses work with. A person at the gateway pairs each of them."""

import io
from typing import Annotated

import segno
import typer
from pydantic import ValidationError

from pumpd.cli.client import (
    CONFIG,
    Config,
    Json,
    NoAnswerError,
    ask,
    connected,
    fail,
    load_settings,
    refuse,
    show,
)
from pumpd.cli.pairing import NotPairedError, typed_code, wait_for_a_tablet
from pumpd.cli.terminal import say, say_json, visible
from pumpd.cli.tls import own_names
from pumpd.messages.keys_and_staff import KeyList, KeyRename, KeyRevoke
from pumpd.messages.pairing import PairClose, PairOpen
from pumpd.messages.roles import TABLET_ROLES, Role
from pumpd.settings import Settings
from pumpd.validation import problems

app = typer.Typer(help="Paired tablets. Not a cleared medical device.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="Id of the tablet, as `pumpd tablet list` shows it.")]


def pair(
    *,
    role: Annotated[
        list[Role] | None, typer.Option(help="May be repeated; view, confirm and prescribe by default.")
    ] = None,
    name: Annotated[str, typer.Option(help="A name, if none is typed on the tablet itself.")] = "",
    address: Annotated[str | None, typer.Option(help="The address at which the tablet reaches this gateway.")] = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Pair a tablet: shows a code to scan for 120 s, then asks for the six digits that the tablet shows."""
    settings = load_settings(config, as_json=as_json)
    if settings.bedside is None:
        refuse([f"{config}: bedside: tablets need this section"], as_json=as_json)
    roles = tuple(dict.fromkeys(each.value for each in role or TABLET_ROLES))
    try:
        with connected(settings) as client:
            opened = client.ask(PairOpen(roles=roles, name=name))
            if not opened.ok:
                refuse(opened.reasons, as_json=as_json)
            url = f"{tablet_url(settings, address)}/#pair={opened.result['token']}"
            if as_json:
                say_json({"url": url, "expires_s": opened.result["expires_s"]})
            else:
                say(qr_code(url))
                say(f"Scan it with the tablet, or open\n  {url}\nwithin {opened.result['expires_s']} s.")
            try:
                wait_for_a_tablet(client, opened.result["window"])
                if not as_json:
                    say("Six digits on the tablet: ", end="")
                tablet = typed_code(client, opened.result["window"])
            except (NotPairedError, EOFError) as error:
                client.ask(PairClose())
                fail(str(error), as_json=as_json)
            except KeyboardInterrupt:
                client.ask(PairClose())
                fail("Interrupted; nothing was paired.", as_json=as_json)
    except NoAnswerError as error:
        fail(str(error), as_json=as_json)
    named = visible(tablet)
    text = f"Paired {named['name']} ({named['id']}): {', '.join(named['roles'])}."
    show({"paired": tablet}, text, as_json=as_json)


def tablet_url(settings: Settings, address: str | None = None) -> str:
    """Where a tablet reaches this gateway: the given address, or a configured name, or the machine's own."""
    assert settings.bedside is not None  # the caller has checked
    known = [*settings.bedside.names, *(each for each in own_names() if each not in ("localhost", "127.0.0.1"))]
    if settings.bedside.host not in ("0.0.0.0", "::"):  # noqa: S104  # it serves one address only
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
    keys = ask(config, KeyList(), as_json=as_json)["keys"]
    tablets = [{name: each[name] for name in ("id", "name", "roles")} for each in keys if each["kind"] == "tablet"]
    lines = [f"{each['id']}  {', '.join(each['roles']):<26} {each['name']}" for each in tablets]
    show(tablets, "\n".join(lines) or "No tablet is paired yet: `pumpd pair`.", as_json=as_json)


@app.command()
def rename(
    key_id: KeyId,
    name: Annotated[str, typer.Argument(help="The new name.")],
    *,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Rename a tablet. Needs root or pumpd's own user."""
    try:
        request = KeyRename(key=key_id, name=name)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    ask(config, request, as_json=as_json)
    show({"renamed": key_id, "name": name}, f"{key_id} is now called {name}.", as_json=as_json)


@app.command()
def revoke(key_id: KeyId, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """Revoke a tablet, for example a lost one. Needs root or pumpd's own user."""
    try:
        request = KeyRevoke(key=key_id)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    ask(config, request, as_json=as_json)
    show({"revoked": key_id}, f"Revoked {key_id}. Whatever it signs is refused from now on.", as_json=as_json)
