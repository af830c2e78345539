"""`pumpd replay`: every infusion rebuilt from the journal's events, and compared with what the journal records."""

import contextlib
from typing import Annotated, Any

import typer

from pumpd.cli.client import CONFIG, Config, Json, refuse
from pumpd.cli.journal import File, journal_path
from pumpd.cli.terminal import say, say_json, visible
from pumpd.exit_status import FAILED
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.replay import Replay, Replayed
from pumpd.text import shown


def replay(
    *,
    session: Annotated[str | None, typer.Option(help="Only this infusion.")] = None,
    since: Annotated[int, typer.Option(min=1, help="Only infusions that begin with this entry or after it.")] = 1,
    file: File = None,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Rebuild state and delivered volume of each infusion; exit status 1 when the journal differs.

    It does not check the hash chain; `pumpd journal verify` does.
    """
    path = journal_path(file, config, as_json=as_json)
    try:
        with contextlib.closing(JournalReader(path)) as reader:
            entries = (each for each in reader.since(since) if session in (None, each.session) or not each.session)
            made = Replay(entries, whole=since == 1)
    except JournalError as error:
        refuse([str(error)], as_json=as_json)
    if session is not None and session not in made.infusions | dict.fromkeys(made.unrecorded):
        refuse([f"session: there is no infusion {session!r} in {path}"], as_json=as_json)
    infusions = [_summary(name, one) for name, one in made.infusions.items()]
    if as_json:
        differences = [
            {"entry": d.entry, "session": d.session, "kind": d.kind, "recorded": d.recorded, "replayed": d.replayed}
            for d in made.differences
        ]
        result = {"infusions": infusions, "unrecorded": sorted(made.unrecorded), "differences": differences}
        say_json(result)
    else:
        for each in visible(infusions):
            given = f"{each['delivered_ml']} of {each['prescribed_ml']} mL, {each['events']} events"
            unwritten = f", {each['unwritten']} entries not written by a process that died" if each["unwritten"] else ""
            library = f", library {version}" if (version := each["library"].get("version")) else ""
            say(f"{each['session']}  {each['pump']:<8} {each['state']:<10} {given}{library}{unwritten}")
        for name in sorted(made.unrecorded):
            say(f"{shown(name)}  has no events to replay: removed by retention, from an older pumpd, or begun earlier")
        for difference in made.differences:
            say(str(difference))
        say(f"{len(infusions)} infusions replayed, {len(made.differences)} differences")
    if made.differences:
        raise typer.Exit(FAILED)


def _summary(session: str, one: Replayed) -> dict[str, Any]:
    infusion = one.infusion
    return {
        "session": session,
        "pump": infusion.place.pump,
        "state": infusion.state.value,
        "delivered_ml": infusion.delivered.number,
        "prescribed_ml": infusion.prescribed.number,
        "library": dict(one.library),
        "events": one.events,
        "unwritten": one.unwritten,
    }
