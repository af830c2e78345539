"""`pumpd staff`: who may sign in on a tablet. PINs are typed twice at the gateway, or come on standard input."""

import json
import sys
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, load_settings, refuse
from pumpd.control.tablets.staff import StaffError, StaffStore
from pumpd.messages.roles import Role

app = typer.Typer(
    help="The people who may sign in on a paired tablet. Not a cleared medical device.", no_args_is_help=True
)

Badge = Annotated[str, typer.Argument(help="Badge number.")]
Stdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input, one line.")]


@app.command()
def add(
    badge: Badge,
    name: Annotated[str, typer.Argument(help="As it is to be shown and written down.")],
    *,
    role: Annotated[list[Role] | None, typer.Option(help="May be repeated; view and confirm when left out.")] = None,
    pin_stdin: Stdin = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Add somebody, with a PIN of 4 to 12 figures."""
    store = StaffStore(load_settings(config, as_json=as_json).staff_path)
    roles = tuple(dict.fromkeys(each.value for each in role or [Role.VIEW, Role.CONFIRM]))
    try:
        person = store.add(badge, name, roles, _pin(from_stdin=pin_stdin, as_json=as_json))
    except StaffError as error:
        refuse([str(error)], as_json=as_json)
    found = {"badge": person.badge, "name": person.name, "roles": list(person.roles)}
    print(json.dumps(found, ensure_ascii=False) if as_json else f"Added {person}: {', '.join(person.roles)}.")


@app.command("list")
def list_staff(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """Who may sign in."""
    try:
        people = StaffStore(load_settings(config, as_json=as_json).staff_path).all().values()
    except StaffError as error:
        refuse([str(error)], as_json=as_json)
    if as_json:
        found = [{"badge": each.badge, "name": each.name, "roles": list(each.roles)} for each in people]
        print(json.dumps(found, ensure_ascii=False))
        return
    for each in people:
        print(f"{each.badge:<12} {', '.join(each.roles):<32} {each.name}")


@app.command()
def remove(badge: Badge, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """Take somebody off the list; signed in, that person is signed out at once."""
    try:
        StaffStore(load_settings(config, as_json=as_json).staff_path).remove(badge)
    except StaffError as error:
        refuse([str(error)], as_json=as_json)
    print(json.dumps({"removed": badge}) if as_json else f"Removed {badge}.")


@app.command("reset-pin")
def reset_pin(badge: Badge, *, pin_stdin: Stdin = False, config: Config = CONFIG, as_json: Json = False) -> None:
    """Set another PIN."""
    store = StaffStore(load_settings(config, as_json=as_json).staff_path)
    try:
        if badge not in store.all():
            raise StaffError(f"staff {store.path}: no badge {badge!r}")
        store.reset_pin(badge, _pin(from_stdin=pin_stdin, as_json=as_json))
    except StaffError as error:
        refuse([str(error)], as_json=as_json)
    print(json.dumps({"reset": badge}) if as_json else f"{badge} has another PIN.")


def _pin(*, from_stdin: bool, as_json: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        refuse(["PIN: nobody is here to type it; use --pin-stdin"], as_json=as_json)
    said: str = typer.prompt("PIN", hide_input=True, confirmation_prompt=True)
    return said
