"""`pumpd doctor`: everything that can be wrong on this gateway, and what to do about it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, NoAnswerError, asked
from pumpd.cli.configuration import examined
from pumpd.cli.panels import Screen, grid, row, screen, text
from pumpd.cli.terminal import say_json
from pumpd.doctor.examination import counts, examine, report
from pumpd.doctor.facts import Control, Facts, Update
from pumpd.doctor.line import NEEDS_ROOT, Check, State
from pumpd.doctor.machine import Machine
from pumpd.exit_status import FAILED
from pumpd.host.clock import read_kernel
from pumpd.host.file_check import deviations
from pumpd.host.files import UPDATES
from pumpd.messages.no_answer import not_connected
from pumpd.messages.requests import StatusRequest
from pumpd.pump_bindings import binding_warnings, unstable_port
from pumpd.settings import Settings
from pumpd.settings_file import Read
from pumpd.settings_seal import Seal
from pumpd.settings_seal import examine as seal
from pumpd.update.store import Store

MARKS = {State.OK: "ok", State.WARNING: "warning", State.PROBLEM: "PROBLEM", State.NOT_CHECKED: "-"}
STYLES = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "bold red", State.NOT_CHECKED: "dim"}
MEMBER = f"{NEEDS_ROOT}, or a member of the group of the operator socket"
ASK_FOR_S = 1.0  # how long to try again while control is starting

Every = Annotated[bool, typer.Option("--all", help="Also every line that is good.")]


def doctor(*, every: Every = False, config: Config = CONFIG, as_json: Json = False) -> None:
    """Check this gateway: what is wrong, and what to do. It changes nothing. Not a cleared medical device."""
    facts = gather(config)
    checks = examine(facts)
    if as_json:
        say_json(report(facts, checks))
    else:
        draw(screen(), facts, checks, every=every)
    if counts(checks)[State.PROBLEM]:
        raise typer.Exit(FAILED)


def gather(config: Path, machine: Machine | None = None) -> Facts:
    """What is known before the checks. Nothing here fails: what is missing is a finding."""
    machine = machine or Machine()
    settings: Settings | None = None
    errors, control = list[str](), Control(why="the configuration cannot be read, so its socket is not known")
    denied = config.exists() and not os.access(config, os.R_OK) if _reachable(config) else True
    if not denied:
        settings, errors = examined(Read(config), library=False)  # the library has a line of its own
    if settings is not None:
        control = _control(settings)
    return Facts(
        machine,
        config,
        settings,
        datetime.now(UTC),
        read_kernel(),
        denied=denied,
        errors=tuple(errors),
        warnings=tuple(_warnings(settings)) if settings is not None else (),
        update=_update(Store(machine.at(UPDATES))),
        seal=seal(config) if settings is not None else Seal(),
        deviations=tuple(deviations(settings, config.absolute())) if settings is not None else (),
        control=control,
    )


def _warnings(settings: Settings) -> list[str]:
    """Those of `config check`, without the names of ports, which have a line of their own."""
    names = [f"pump {pump.name}: {unstable_port(pump.port)}" for pump in settings.pumps]
    return [each for each in binding_warnings(settings.pumps) if each not in names]


def _update(store: Store) -> Update:
    try:
        return Update(store.last, store.under_way)
    except PermissionError:
        return Update(denied=True)


def _reachable(config: Path) -> bool:
    try:
        config.exists()
    except PermissionError:  # a folder above it is closed
        return False
    return True


def _control(settings: Settings) -> Control:
    try:
        answer = asked(settings, StatusRequest(), patience_s=ASK_FOR_S)
    except NoAnswerError as error:
        if not isinstance(error.__cause__, OSError) or error.sent:
            return Control(why=str(error))
        why = not_connected(settings.socket_path, error.__cause__, settings.lock_path)
        return Control(why=f"{MEMBER}: {why}" if why.denied else str(why), denied=why.denied)
    if not answer.ok:
        return Control(why=f"{MEMBER}: {'; '.join(answer.reasons)}", denied=True)
    return Control(answer.result)


# -- on a terminal -----------------------------------------------------------------------------------------------------


def draw(on: Screen, facts: Facts, checks: Sequence[Check], *, every: bool) -> None:
    """What is not good, with what to do; and a line for what is good in each group, or one for each check."""
    made = grid()
    made.add_column(width=7)
    made.add_column()
    for group, members in groupby(checks, key=lambda check: check.group):
        for state, title, found in _lines(group, list(members), every=every):
            row(
                made, text(MARKS[state], STYLES[state]), text(title, "bold").append_text(text(f": {found}", "not bold"))
            )
    on.say(made)
    on.say(_end(facts, checks))


def _lines(group: str, checks: list[Check], *, every: bool) -> Iterator[tuple[State, str, str]]:
    for check in checks:
        if every or check.state in (State.PROBLEM, State.WARNING):
            advice = f"\n> {check.what_to_do}" if check.what_to_do else ""
            yield check.state, f"{check.title}, {check.of}" if check.of else check.title, f"{check.found}{advice}"
    if every:
        return
    if good := [check for check in checks if check.state is State.OK]:
        yield State.OK, group, f"{len(good)} good"
    if closed := [check for check in checks if check.state is State.NOT_CHECKED and NEEDS_ROOT in check.found]:
        yield State.NOT_CHECKED, group, f"{NEEDS_ROOT}: {_listed(closed)}"


def _listed(checks: Iterable[Check]) -> str:
    return ", ".join(dict.fromkeys(check.title for check in checks))


def _end(facts: Facts, checks: Sequence[Check]) -> str:
    found = counts(checks)
    parts = [
        _count(found[State.PROBLEM], "problem"),
        _count(found[State.WARNING], "warning"),
        f"{found[State.OK]} good",
        f"{found[State.NOT_CHECKED]} not checked (--all says why)",
    ]
    name = "this machine" if facts.settings is None else facts.settings.gateway
    root = "" if facts.machine.is_root else " Some checks need root: `sudo pumpd doctor`."
    return f"{name}: {', '.join(parts)}.{root}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
