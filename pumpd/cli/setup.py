"""`pumpd setup`: the first run of a gateway, in questions or from a file."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import structlog
import typer

from pumpd.cli.client import CONFIG, Config, Json, NoAnswerError, asked, refuse
from pumpd.cli.configuration import examined
from pumpd.cli.doctor import draw, gather
from pumpd.cli.panels import screen
from pumpd.cli.setup_dialogue import Answers, add_staff, confirmed
from pumpd.cli.terminal import say, say_json
from pumpd.cli.tls import own_names
from pumpd.doctor.examination import examine
from pumpd.exit_status import FAILED
from pumpd.logs import set_up
from pumpd.messages.requests import StatusRequest
from pumpd.settings import Settings
from pumpd.setup.completing import completed
from pumpd.setup.plan import Plan, PlanError, as_read, present, read_plan
from pumpd.setup.writing import StepError, objections, steps

From = Annotated[
    Path | None,
    typer.Option("--from", help="Ask nothing: a file with the configuration, and a section [setup] for the rest."),
]
Port = Annotated[list[str] | None, typer.Option(help="A port that no adapter list shows; may be repeated.")]


def setup(
    *,
    file: From = None,
    port: Port = None,
    search: Annotated[bool, typer.Option(help="Look for USB serial adapters.")] = True,
    replace: Annotated[bool, typer.Option(help="With --from: replace another configuration.")] = False,
    identify: Annotated[bool, typer.Option(help="Ask each pump who it is. It must be connected.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Set up this gateway: pumps, certificate, keys, people. Not a cleared medical device.

    Pumps are only asked who they are. It may be repeated: what is there already stays.
    """
    if not structlog.is_configured():
        set_up("error")
    config = config.absolute()
    try:
        if file is not None:
            plan, settings = _from_file(file, config, replace=replace, identify=identify)
        else:
            if as_json:
                refuse(["--json needs --from: questions are asked on a terminal"], as_json=True)
            plan = Answers(config, port or (), search=search).plan()
            settings = checked(plan, config)
    except PlanError as error:
        refuse(error.problems, as_json=as_json)
    if dry_run:
        _show_plan(plan, settings, config, as_json=as_json)
        return
    if file is None:
        say(f"\n{plan.text}")
        if not confirmed(f"Write this to {config}?", usual=True):
            refuse(["you did not confirm it"], as_json=as_json)
    done = _carry_out(plan, settings, config, as_json=as_json)
    if as_json:
        say_json({"done": done})
        return
    if file is None and _control_answers(settings):
        add_staff(settings)
    _what_is_left(config)


def _from_file(file: Path, config: Path, *, replace: bool, identify: bool) -> tuple[Plan, Settings]:
    """Raises PlanError, with everything that is against the plan."""
    plan = read_plan(file, config)
    if identify and not plan.problems:
        plan = asyncio.run(completed(plan))
    settings = checked(plan, config)
    found = present(config)
    if found is not None and found != plan.config and not replace:
        raise PlanError([f"{config}: another configuration is there; --replace replaces it and keeps the former one"])
    return plan, settings


def checked(plan: Plan, config: Path) -> Settings:
    """The settings to which the plan leads. Raises PlanError, with everything that is against the plan."""
    read = as_read(plan, config)
    settings, wrong = examined(read, library=True)
    found = [*plan.problems, *objections(plan), *wrong]
    if settings is None or found:
        raise PlanError([each.replace(f"{read.path.parent}{os.sep}", "") for each in found])
    return settings


def _carry_out(plan: Plan, settings: Settings, config: Path, *, as_json: bool) -> list[str]:
    """Do every step, and say which were done. Exits at the first that cannot be done."""
    done: list[str] = []
    left = list(steps(plan, settings, config, own_names()))
    while left:
        try:
            done.append(left[0].do())
        except StepError as error:
            what = [each.what for each in left]
            if as_json:
                say_json({"failed": str(error), "done": done, "not_done": what})
            else:
                say(f"Not done: {what[0]}: {error}.", err=True)
                say(f"Done before: {'; '.join(done) or 'nothing'}.", err=True)
                say(
                    f"Not done either: {'; '.join(what[1:]) or 'nothing'}. Run setup again; it repeats nothing.",
                    err=True,
                )
            raise typer.Exit(FAILED) from error
        if not as_json:
            say(f"  {done[-1]}")
        left.pop(0)
    return done


def _show_plan(plan: Plan, settings: Settings, config: Path, *, as_json: bool) -> None:
    what = [each.what for each in steps(plan, settings, config, own_names())]
    if as_json:
        say_json({"would_do": what, "configuration": plan.text})
        return
    say(f"{plan.text}\nNothing was written. Without --dry-run:")
    for each in what:
        say(f"  {each}")


def _control_answers(settings: Settings) -> bool:
    try:
        return asked(settings, StatusRequest()).ok
    except NoAnswerError:
        return False


def _what_is_left(config: Path) -> None:
    """What a person has to do: by the doctor's checks, and what no check can know."""
    say("\nWhat `pumpd doctor` finds now:")
    facts = gather(config)
    draw(screen(), facts, examine(facts), every=False)
    say("\nLeft to do, in this order:")
    for each in LEFT:
        say(f"  - {each}")


LEFT = (
    "what the doctor calls a PROBLEM, above",
    "sign the drug library for this care area: docs/how-to/sign-the-library.md",
    "add the people who use tablets: `sudo pumpd staff add BADGE NAME`",
    "trust the authority on each tablet (tls/ca.pem in the state directory), then pair it: `sudo pumpd pair`",
    "try it with no patient: `pumpd self-test --pump NAME`, then a whole infusion into a beaker",
)
