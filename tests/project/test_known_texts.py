"""Text of the journal is known again as the message that it was: the same words in every language."""

import json

from pumpd.known_texts import recognised, recognised_in
from pumpd.texts import Text, listed, messages_in, text
from tools import messages

FOUND: dict[str, str] = json.loads(messages.FILE.read_text(encoding="utf-8"))  # of this source: see test_messages
GERMAN = messages.german()


def shown(english: str, templates: dict[str, str]) -> str:
    """A message in the language of these templates, as the page fills it in."""
    if not isinstance(english, Text) or not english.message:
        return english
    template = templates[english.message]
    return messages.HOLE.sub(lambda hole: shown(english.parameters[hole[1]], templates), template)


def alike(one: str, other: str) -> bool:
    """Whether two messages cannot be told apart in English."""
    return messages.HOLE.sub("{}", FOUND[one]) == messages.HOLE.sub("{}", FOUND[other])


def is_known_again(name: str) -> bool:
    """Also in German. What is not recognised may be only a word, or a template that says nothing by itself."""
    holes = messages.HOLE.findall(FOUND[name])
    held = {each: f"<{each}>" for each in holes}
    said = Text(messages.HOLE.sub(lambda hole: held[hole[1]], FOUND[name]), name, held)
    again = recognised(str(said))
    if again != said:
        return False
    if isinstance(again, Text):
        return shown(again, FOUND) == said and (
            shown(again, GERMAN) == shown(said, GERMAN) or alike(again.message, name)
        )
    return " " not in said or len(messages.HOLE.sub("", FOUND[name])) < 8


def test_what_was_said_is_known_again() -> None:
    assert len(FOUND) > 300
    assert [name for name in FOUND if not is_known_again(name)] == []


def test_a_message_in_a_message_is_known_again() -> None:
    why = text("history.hard_limit", "{reason}, the hard limit", reason="no such message")
    assert messages_in(recognised(str(why))) == {
        why: {"id": "history.hard_limit", "parameters": {"reason": "no such message"}}
    }
    stop = text(
        "infusion.asked_by", "{reason} (by {by})", reason=text("stop.requested", "stop requested"), by="R. Weiss"
    )
    assert messages_in(recognised(str(stop))) == messages_in(stop)
    both = listed([text("plasma.estimate", "estimated for an average adult, not measured"), stop])
    assert shown(recognised(str(both)), GERMAN) == shown(both, GERMAN)


def test_what_a_person_typed_stays_as_it_is() -> None:
    for typed in ("changed the line; all well", "either this or that", "note: seen", "none", "Müller, R.", "a b"):
        assert not isinstance(recognised(typed), Text), typed


def test_every_text_in_a_table_is_known_again_and_no_key() -> None:
    table = {"stop requested": ["stop requested", 7, None, {"reason": "pause requested"}]}
    again = recognised_in(table)
    assert again == table
    assert {each["id"] for each in messages_in(again).values()} == {"stop.requested", "pause.requested"}
