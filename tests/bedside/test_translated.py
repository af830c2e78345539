"""What control says reaches a client in the language that it asks for, beside the English."""

import json

import pytest

from pumpd.bedside.answers import answered, language_of, refused
from pumpd.bedside.translated import translated
from pumpd.messages.requests import Answer
from pumpd.texts import messages_in, text

AWAY = text("link.not_yet", "The gateway has not answered yet.")
AWAY_DE = "Das Gateway hat noch nicht geantwortet."


def scope(language: str = "", query: str = "") -> dict[str, object]:
    headers = [(b"accept-language", language.encode())] if language else []
    return {"type": "http", "headers": headers, "query_string": query.encode()}


def test_a_text_is_said_in_german_and_a_text_within_it_too():
    above = text("dose.above_soft", "{value} is above the soft limit of {limit}", value="0.65 mg/kg", limit="0.5 mg/kg")
    whole = text(
        "reason.with_requirement", "{field}: {reason} ({requirement})", field="dose", reason=above, requirement="PRG-05"
    )
    assert (
        translated(messages_in([whole]), "de")[whole]
        == "dose: 0.65 mg/kg liegt über der weichen Grenze von 0.5 mg/kg (PRG-05)"
    )


@pytest.mark.parametrize("language", ["en", "fr", "", "..", "de_pump"])
def test_a_language_without_a_catalogue_is_english(language: str):
    assert translated(messages_in([AWAY]), language) == {}


def test_a_text_stays_english_where_its_template_is_missing_or_needs_what_it_has_not():
    other = {"odd": {"id": "link.no_such", "parameters": {}}, "older": {"id": "dose.above_soft", "parameters": {}}}
    assert translated(other, "de") == {}


def test_a_message_that_is_its_own_parameter_ends():
    endless = {"on": {"id": "bench.why", "parameters": {"why": "on"}}}
    assert translated(endless, "de")["on"].endswith("on")


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (scope("de"), "de"),
        (scope("de-AT,de;q=0.9,en;q=0.8"), "de"),
        (scope("DE"), "de"),
        (scope("en", "after=3&language=de"), "de"),
        (scope("de", "after=3"), "de"),
        (scope(), ""),
    ],
)
def test_the_address_names_the_language_or_else_the_header(asked: dict[str, object], language: str):
    assert language_of(asked) == language


def test_an_answer_keeps_its_english_text_and_its_status():
    told = answered(scope("de"), Answer(ok=False, reasons=(AWAY,)))
    assert told.status_code == 409
    assert json.loads(told.body) == {"ok": False, "result": {}, "reasons": [AWAY], "said": {AWAY: AWAY_DE}}
    plain = refused(scope(), 503, AWAY)
    assert plain.status_code == 503
    assert json.loads(plain.body) == {"ok": False, "result": {}, "reasons": [AWAY]}
