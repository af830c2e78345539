"""`pumpd staff`: who may sign in on a tablet. PINs are typed twice at the gateway, or read from standard input."""

import sys
from typing import Annotated

import typer
from pydantic import SecretStr, ValidationError

from pumpd.cli.client import CONFIG, Config, Json, ask, refuse, show
from pumpd.messages.keys_and_staff import PinReset, StaffAdd, StaffList, StaffRemove
from pumpd.messages.roles import Role
from pumpd.validation import problems

app = typer.Typer(
    help="The people who may sign in on a paired tablet. Not a cleared medical device.", no_args_is_help=True
)

Badge = Annotated[str, typer.Argument(help="Badge number.")]
Stdin = Annotated[bool, typer.Option("--pin-stdin", help="Read the PIN from standard input, one line.")]


@app.command()
def add(
    badge: Badge,
    name: Annotated[str, typer.Argument(help="The name as it is shown and recorded.")],
    *,
    role: Annotated[list[Role] | None, typer.Option(help="May be repeated; view and confirm by default.")] = None,
    person: Annotated[str, typer.Option(help="The site's own number of this person, who may have one badge.")] = "",
    pin_stdin: Stdin = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Add a person, with a PIN of 6 to 12 digits."""
    roles = tuple(dict.fromkeys(each.value for each in role or [Role.VIEW, Role.CONFIRM]))
    pin = _pin(from_stdin=pin_stdin, as_json=as_json)
    try:
        request = StaffAdd(badge=badge, name=name, roles=roles, pin=pin, person=person)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    added = ask(config, request, as_json=as_json)
    show(added, f"Added {added['name']} (badge {badge}): {', '.join(added['roles'])}.", as_json=as_json)


@app.command("list")
def list_staff(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """The people who may sign in."""
    people = ask(config, StaffList(), as_json=as_json)["staff"]
    lines = [f"{each['badge']:<12} {', '.join(each['roles']):<32} {each['name']}" for each in people]
    show(people, "\n".join(lines) or "Nobody can sign in yet: `pumpd staff add`.", as_json=as_json)


@app.command()
def remove(badge: Badge, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """Remove a person, who is signed out at once."""
    ask(config, StaffRemove(badge=badge), as_json=as_json)
    show({"removed": badge}, f"Removed {badge}.", as_json=as_json)


@app.command("reset-pin")
def reset_pin(badge: Badge, *, pin_stdin: Stdin = False, config: Config = CONFIG, as_json: Json = False) -> None:
    """Set a new PIN of 6 to 12 digits. The person is signed out, and no wrong PIN counts any more."""
    pin = _pin(from_stdin=pin_stdin, as_json=as_json)
    try:
        request = PinReset(badge=badge, pin=pin)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    ask(config, request, as_json=as_json)
    show({"reset": badge}, f"{badge} has a new PIN.", as_json=as_json)


def _pin(*, from_stdin: bool, as_json: bool) -> SecretStr:
    if from_stdin:
        return SecretStr(sys.stdin.readline().strip())
    if not sys.stdin.isatty():
        refuse(["PIN: this is not a terminal, so it cannot be typed; use --pin-stdin"], as_json=as_json)
    return SecretStr(typer.prompt("PIN", hide_input=True, confirmation_prompt=True))
