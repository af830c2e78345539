"""`pumpd history` and `pumpd course`: what a person types at the gateway, and what is printed or exported."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import typer
from icalendar import Calendar

from pumpd.cli.course import calendar
from pumpd.cli.history import _people, history_text
from tests.cli.test_tablet_commands import config, control, run  # noqa: F401  # config is a fixture

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = [
    {"number": 1, "date": "2026-03-02", "state": "given", "treatment": "s1"},
    {"number": 2, "date": "2026-03-04", "state": "missed", "treatment": None},
    {"number": 2, "date": "2026-03-06", "state": "planned", "treatment": None},
    {"number": 3, "date": "2026-03-09", "state": "planned", "treatment": None},
]
COURSE = {
    "course": "C-1",
    "number": 1,
    "entry": "ketamine-1mg-ml",
    "infusions": 6,
    "given": 1,
    "maintenance": 0,
    "ordered": True,
    "next": {"position": "infusion 2 of 6", "earliest_ts": "2026-03-03T09:00:00+00:00", "planned_date": "2026-03-06"},
    "dates": DAYS,
    "assessment": None,
}


def events(courses):
    made = calendar("ward-7", "P-17", courses, NOW)
    return list(Calendar.from_ical(made).walk("VEVENT"))


def test_the_calendar_has_the_planned_days_with_the_token_and_no_name():
    found = events([COURSE])
    assert [event.decoded("dtstart").isoformat() for event in found] == ["2026-03-06", "2026-03-09"]
    assert str(found[0]["summary"]) == "P-17: infusion 2 of 6, C-1"
    assert "It starts nothing." in str(found[0]["description"])
    assert "ot a cleared medical device" in str(found[0]["description"])


def test_a_day_that_moves_keeps_its_uid_and_no_two_days_share_one():
    moved = [{**day, "date": "2026-03-11"} if day["number"] == 3 else day for day in DAYS]
    before, after = events([COURSE]), events([{**COURSE, "dates": moved}])
    assert [str(event["uid"]) for event in before] == [str(event["uid"]) for event in after]
    others = events([COURSE, {**COURSE, "course": "C-2"}])
    assert len({str(event["uid"]) for event in others}) == 4


def test_the_history_is_told_in_one_line_for_each_thing():
    history = {
        "patient": "P-17",
        "weight": {"weight_kg": "70", "basis": "actual", "ts": "2026-03-02T09:00:00+00:00"},
        "treatments": [
            {
                "treatment": "s1",
                "drug": "ketamine",
                "started_ts": "2026-03-02T09:00:00+00:00",
                "prescribed_mg": "35",
                "given_mg": "17.5",
                "share_percent": 50,
                "takes_place": True,
                "uncertain": False,
                "running": False,
                "suspect": False,
                "deliveries": [{"session": "s1"}],
                "rest": {
                    "left_mg": "17.5",
                    "left_ml": "17.5",
                    "until_ts": "2026-03-02T11:00:00+00:00",
                    "reasons": ["too late"],
                },
            }
        ],
        "courses": [COURSE, {**COURSE, "course": "", "ordered": False, "next": None}],
        "suspects": [],
    }
    assert history_text(history).splitlines() == [
        "weight on record: 70 kg, actual, in the session of 2026-03-02 09:00 UTC",
        "2026-03-02 09:00 UTC  ketamine 17.5 of 35 mg (50 %), s1",
        "    rest: 17.5 mg, 17.5 mL, until 2026-03-02 11:00 UTC",
        "      not now: too late",
        (
            "course 1, C-1 (ketamine-1mg-ml): 1 of 6 given; next: infusion 2 of 6, planned 2026-03-06, "
            "not before 2026-03-03 09:00 UTC"
        ),
        "without a course: 1 of 6 given",
    ]


@pytest.mark.realtime
def test_a_course_is_ordered_shown_and_exported_at_the_gateway(config):  # noqa: F811  # the fixture
    with control(config):
        for badge, pin in (("1001", "471133"), ("1002", "815377")):
            assert run(config, "staff", "add", badge, f"Nurse {badge}", "--pin-stdin", typed=f"{pin}\n").exit_code == 0
        shown = run(config, "history", "show", "P-17")
        assert shown.output == "weight on record: none\nnothing was given on this gateway\n"
        assert run(config, "history", "suspects").output == "No dose is dated in the future.\n"
        first = datetime.now(UTC).date().isoformat()
        course = ["--entry", "ketamine-1mg-ml", "--first-day", first, "--weekdays", "mon,tue,wed,thu,fri,sat,sun"]
        done = run(config, "course", "order", "P-17", "C-1", *course, "--ordered-by", "dr-a")
        assert done.exit_code == 0, done.stderr
        assert "Ordered. No infusion is started by it.\ncourse 1, C-1 (ketamine-1mg-ml): 0 of 6 given" in done.output
        [found] = json.loads(run(config, "course", "show", "P-17", "--json").output)
        assert len(found["dates"]) == 6
        done = run(config, "course", "ics", "P-17", "C-1")
        assert len(Calendar.from_ical(done.stdout_bytes).walk("VEVENT")) == 6
        assert run(config, "course", "show", "P-17", "C-9").exit_code == 2
        done = run(config, "course", "assess", "P-17", "C-1", "--response", "responder")
        assert (done.exit_code, "is not over" in done.stderr) == (2, True)
        wrong = ["history", "correct", "abc", "--started", "2026-03-02T09:00:00+00:00", "--reason", "clock wrong"]
        done = run(config, *wrong)
        assert (done.exit_code, "use --stdin" in done.stderr) == (2, True)
        done = run(config, *wrong, "--stdin", typed="1001\n471133\n1002\n815377\n")
        assert (done.exit_code, "no dose of 'abc' is on record" in done.stderr) == (2, True)
        done = run(config, *wrong, "--stdin", typed="1001\n471133\n1002\n0000\n")
        assert (done.exit_code, "badge or PIN is wrong" in done.stderr) == (2, True)


def test_at_a_terminal_both_people_type_badge_and_pin_and_no_pin_is_shown(monkeypatch):
    typed = iter(["1001", "471133", "1002", "815377"])
    asked = []

    def prompt(text, *, hide_input=False):
        asked.append((text, hide_input))
        return next(typed)

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    people = _people(from_stdin=False, as_json=False)
    assert asked == [
        ("First person: badge", False),
        ("First person: PIN", True),
        ("Second person: badge", False),
        ("Second person: PIN", True),
    ]
    assert (people["badge"], people["second_badge"]) == ("1001", "1002")
    assert [people[name].get_secret_value() for name in ("pin", "second_pin")] == ["471133", "815377"]
    assert "471133" not in repr(people)


@pytest.mark.parametrize("module", ["pumpd.control.__main__", "pumpd.cli.main"])
def test_the_calendar_library_is_loaded_for_an_export_only(module):
    """Control has no use for it, and `pumpd stop` does not wait for it."""
    code = f"import sys, {module}; raise SystemExit('icalendar' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
