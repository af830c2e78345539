"""`pumpd course`: order a course, see its days, export them, and record the response. It starts nothing."""

import hashlib
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from pumpd.cli.client import CONFIG, By, Config, Json, ask, load_settings, refuse, show
from pumpd.cli.history import Patient, course_line
from pumpd.cli.terminal import say
from pumpd.messages.requests import DISCLAIMER, AssessCourse, OrderCourse, PatientHistory
from pumpd.validation import problems

app = typer.Typer(
    help="Courses of infusions. Nothing here starts one. Not a cleared medical device.", no_args_is_help=True
)

CourseToken = Annotated[str, typer.Argument(help="The prescriber's token for the course.")]
OneCourse = Annotated[str | None, typer.Argument(help="Only this course; all of them if missing.")]


@app.command("show")
def show_courses(patient: Patient, course: OneCourse = None, *, config: Config = CONFIG, as_json: Json = False) -> None:
    """What was given of each course, its planned days, and what is next."""
    found = _courses(config, patient, course, as_json=as_json)
    show(found, "\n".join(_text(each) for each in found) or "No course is on record.", as_json=as_json)


@app.command()
def order(
    patient: Patient,
    course: CourseToken,
    *,
    entry: Annotated[str, typer.Option(help="Library entry, such as ketamine-1mg-ml.")],
    first_day: Annotated[str, typer.Option(help="The first day, YYYY-MM-DD.")],
    weekdays: Annotated[str, typer.Option(help='The days of its infusions, such as "mon,wed,fri".')],
    ordered_by: Annotated[str, typer.Option(help="Who orders it.")],
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Order a course, or change its days. Each infusion still needs an order and a confirmation of its own."""
    days = tuple(each.strip().lower() for each in weekdays.split(",") if each.strip())
    try:
        request = OrderCourse(
            patient=patient.strip(),
            course=course,
            entry=entry,
            first_day=first_day,
            weekdays=days,
            ordered_by=ordered_by,
        )
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    [ordered] = _named(ask(config, request, as_json=as_json), course)
    show(ordered, f"Ordered. No infusion is started by it.\n{_text(ordered)}", as_json=as_json)


@app.command()
def assess(
    patient: Patient,
    course: CourseToken,
    *,
    response: Annotated[str, typer.Option(help="responder, non-responder or not assessed.")],
    scale: Annotated[str | None, typer.Option(help="PHQ-9 or MADRS.")] = None,
    total: Annotated[int | None, typer.Option(help="Its total, as the clinic found it.")] = None,
    by: By = "command line",
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Record the response after the last infusion of a course."""
    try:
        request = AssessCourse(
            patient=patient.strip(), course=course, response=response, scale=scale, total=total, by=by
        )
    except ValidationError as error:
        refuse(problems(error, "request"), as_json=as_json)
    [assessed] = _named(ask(config, request, as_json=as_json), course)
    show(assessed, _text(assessed), as_json=as_json)


@app.command()
def ics(
    patient: Patient,
    course: OneCourse = None,
    *,
    output: Annotated[Path | None, typer.Option(help="The file to write; standard output if missing.")] = None,
    config: Config = CONFIG,
) -> None:
    """The planned days as iCalendar, with the patient's token and no name."""
    gateway = load_settings(config).gateway
    text = calendar(gateway, patient.strip(), _courses(config, patient, course, as_json=False), datetime.now(UTC))
    if output is None:
        sys.stdout.buffer.write(text)
    else:
        output.write_bytes(text)
        say(f"Wrote {output}.")


def calendar(gateway: str, patient: str, courses: list[dict[str, Any]], now: datetime) -> bytes:
    """The planned days of the courses. A day keeps its UID when it moves, so that a calendar moves it too."""
    from icalendar import Calendar, Event  # noqa: PLC0415  # up to a second, which `pumpd stop` must not wait for

    made = Calendar()
    made.add("prodid", "-//pumpd//course//EN")
    made.add("version", "2.0")
    for course in courses:
        for day in course["dates"]:
            if day["state"] != "planned":
                continue
            event = Event()
            event.add("uid", _uid(gateway, patient, course["course"], day["number"]))
            event.add("dtstamp", now)
            event.add("dtstart", date.fromisoformat(day["date"]))
            event.add("summary", f"{patient}: infusion {day['number']} of {course['infusions']}, {course['course']}")
            event.add(
                "description", f"Planned by {gateway}. It starts nothing. {DISCLAIMER[0].upper()}{DISCLAIMER[1:]}."
            )
            made.add_component(event)
    return bytes(made.to_ical())


def _uid(gateway: str, patient: str, course: str, number: int) -> str:
    named = "\x1f".join((gateway, patient.casefold(), course, str(number)))
    return f"{hashlib.sha256(named.encode()).hexdigest()[:32]}@pumpd"


def _courses(config: Path, patient: str, course: str | None, *, as_json: bool) -> list[dict[str, Any]]:
    history = ask(config, PatientHistory(patient=patient.strip()), as_json=as_json)
    found = _named(history, course)
    if course is not None and not found:
        refuse([f"course: no course {course!r} of {patient} is on record"], as_json=as_json)
    return found


def _named(history: dict[str, Any], course: str | None) -> list[dict[str, Any]]:
    return [each for each in history["courses"] if each["ordered"] and course in (None, each["course"])]


def _text(course: dict[str, Any]) -> str:
    lines = [course_line(course)]
    lines += [f"  {each['date']}  infusion {each['number']}  {each['state']}" for each in course["dates"]]
    if found := course["assessment"]:
        total = "" if found["scale"] is None else f", {found['scale']} {found['total']}"
        lines.append(f"  response: {found['response']}{total}, by {found['by']}")
    return "\n".join(lines)
