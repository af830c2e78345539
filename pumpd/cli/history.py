"""`pumpd history`: what a patient was given, and the correction of a dose that was dated by a wrong clock."""

import sys
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError

from pumpd.cli.client import CONFIG, Config, Json, ask, refuse, show
from pumpd.messages.requests import CorrectDose, PatientHistory
from pumpd.validation import problems

app = typer.Typer(help="What a patient was given on this gateway. Not a cleared medical device.", no_args_is_help=True)

Patient = Annotated[str, typer.Argument(help="Patient token, never a name.")]


@app.command("show")
def show_history(patient: Patient, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """The treatments of a patient, newest first, the weight on record and the courses."""
    history = ask(config, PatientHistory(patient=patient.strip()), as_json=as_json)
    show(history, history_text(history), as_json=as_json)


@app.command()
def suspects(*, config: Config = CONFIG, as_json: Json = False) -> None:
    """The doses of all patients that are dated in the future and must be corrected."""
    found = ask(config, PatientHistory(), as_json=as_json)["suspects"]
    show(found, "\n".join(_suspect(each) for each in found) or "No dose is dated in the future.", as_json=as_json)


@app.command()
def correct(
    session: Annotated[str, typer.Argument(help="The session of the dose, as `pumpd history suspects` names it.")],
    *,
    started: Annotated[str, typer.Option(help="When it began, such as 2026-03-02T10:05:00+01:00.")],
    reason: Annotated[str, typer.Option(help="Why the recorded time is wrong.")],
    stdin: Annotated[
        bool,
        typer.Option("--stdin", help="Read badge, PIN, second badge and second PIN from standard input, a line each."),
    ] = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Correct when a dose began. Two people must show badge and PIN, which are never on the command line."""
    people = _people(from_stdin=stdin, as_json=as_json)
    try:
        request = CorrectDose(session=session, started=started, reason=reason, **people)
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    history = ask(config, request, as_json=as_json)
    show(history, f"Corrected. What {history['patient']} was given:\n{history_text(history)}", as_json=as_json)


def _people(*, from_stdin: bool, as_json: bool) -> dict[str, Any]:
    """Badge and PIN of both, as fields of the request."""
    fields = ("badge", "pin", "second_badge", "second_pin")
    if from_stdin:
        typed = [sys.stdin.readline().strip() for _ in fields]
    elif not sys.stdin.isatty():
        refuse(["badge: this is not a terminal, so it cannot be typed; use --stdin"], as_json=as_json)
    else:
        typed = []
        for whose in ("First person", "Second person"):
            typed += [typer.prompt(f"{whose}: badge"), typer.prompt(f"{whose}: PIN", hide_input=True)]
    return {name: SecretStr(text) if "pin" in name else text for name, text in zip(fields, typed, strict=True)}


def history_text(history: dict[str, Any]) -> str:
    """For a person on a terminal."""
    weight = history["weight"]
    lines = ["weight on record: none" if weight is None else f"weight on record: {weight_text(weight)}"]
    for each in history["treatments"]:
        lines += _treatment(each)
    if not history["treatments"]:
        lines.append("nothing was given on this gateway")
    lines += [course_line(each) for each in history["courses"]]
    lines += [_suspect(each) for each in history["suspects"]]
    return "\n".join(lines)


def weight_text(weight: dict[str, str]) -> str:
    return f"{weight['weight_kg']} kg, {weight['basis']}, in the session of {_time(weight['ts'])}"


def course_line(course: dict[str, Any]) -> str:
    """Where a course is, in one line."""
    given = f"{course['given']} of {course['infusions']} given"
    given += f", {course['maintenance']} of maintenance" if course["maintenance"] else ""
    if not course["ordered"]:
        return f"without a course: {given}"
    coming = course["next"]
    after = "; nothing is next" if coming is None else f"; next: {coming['position']}{_when(coming)}"
    return f"course {course['number']}, {course['course']} ({course['entry']}): {given}{after}"


def _when(coming: dict[str, Any]) -> str:
    planned = "" if coming["planned_date"] is None else f", planned {coming['planned_date']}"
    return f"{planned}, not before {_time(coming['earliest_ts'])}"


def _treatment(one: dict[str, Any]) -> list[str]:
    marks = [mark for mark in ("running", "uncertain", "suspect") if one[mark]]
    marks += [] if one["takes_place"] else ["takes no place in its course"]
    amount = f"{one['given_mg']} of {one['prescribed_mg']} mg ({one['share_percent']} %)"
    lines = [f"{_time(one['started_ts'])}  {one['drug']} {amount}, {one['treatment']}  {', '.join(marks)}".rstrip()]
    if len(one["deliveries"]) > 1:
        lines += [
            f"    {_time(each['started_ts'])}  {each['given_mg']} mg on {each['pump']}" for each in one["deliveries"]
        ]
    if rest := one["rest"]:
        lines.append(f"    rest: {rest['left_mg']} mg, {rest['left_ml']} mL, until {_time(rest['until_ts'])}")
        lines += [f"      not now: {reason}" for reason in rest["reasons"]]
    return lines


def _suspect(dose: dict[str, str]) -> str:
    what = f"{dose['given_mg']} mg {dose['drug']} of {dose['patient']}, dated {_time(dose['started_ts'])}"
    return f"SUSPECT: {what}; correct it: pumpd history correct {dose['session']} --started … --reason …"


def _time(ts: str) -> str:
    """UTC, to the minute."""
    return f"{ts[:10]} {ts[11:16]} UTC"
