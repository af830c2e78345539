"""Every reason that control gives is a message with an id; English and German are complete; none can be forgotten."""

import ast
import json
import re
from collections.abc import Iterator

import pytest

from tools import messages
from tools.printed import ROOT

GERMAN = messages.german()
Source = tuple[dict[str, str], list[str]]
FIELD = re.compile(r"([a-z_]+|\{\w+\}): ")  # which the page takes away, in every language

# What takes a reason: its position among the arguments, by the name of what is called.
TAKES_A_REASON = {
    "AbsentError": 0,
    "BodyError": 1,
    "FailedError": 0,
    "GuardError": 0,
    "KeyStoreError": 0,
    "LinkLostError": 0,
    "NoControlError": 0,
    "ObservationError": 0,
    "PairingError": 0,
    "QuantityError": 2,
    "Refusal": 1,
    "Refuse": 0,
    "Refused": 0,
    "RefusedError": 0,
    "SignInError": 0,
    "SoftLimit": 2,
    "StaffError": 0,
    "Trip": 1,
    "Unknown": 0,
    "refuse": 0,
    "refused": 1,
    "trip": 1,
}
# Programs on the gateway's own terminal, in English; and the process for vital signs, which no tablet reads.
ENGLISH_ONLY = ("pumpd/cli/", "pumpd/demo/", "pumpd/doctor/", "pumpd/setup/", "pumpd/vitals/", "pumpd/update/")


@pytest.fixture(scope="module")
def source() -> Source:
    """The messages of the source, and what is wrong there. To read it takes seconds: not while tests are collected."""
    return messages.messages()


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(each for top in messages.SOURCES for each in (ROOT / top).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if "node_modules" not in path.parts and not name.startswith(ENGLISH_ONLY):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def _bare(call: ast.Call, at: int) -> bool:
    """Whether a reason of this call is text that was made here, and not as a message."""
    return any(
        isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and _is_words(node.value))
        for argument in (*call.args[at:], *(each.value for each in call.keywords))
        for node in ((argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,))
    )


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_words(value: object) -> bool:
    return isinstance(value, str) and " " in value.strip()


def test_every_message_of_the_source_is_sound(source: Source) -> None:
    found, wrong = source
    assert not wrong, "\n".join(wrong)
    assert len(found) > 300


def test_the_catalogue_is_of_this_source(source: Source) -> None:
    assert json.loads(messages.FILE.read_text(encoding="utf-8")) == source[0], "run `make table`"


def test_every_message_exists_in_german_and_no_other(source: Source) -> None:
    found, _ = source
    assert sorted(found.keys() - GERMAN.keys()) == [], "write them into pumpd/bedside/reasons/"
    assert sorted(GERMAN.keys() - found.keys()) == [], "nothing says these any more"


def test_a_german_template_has_the_same_holes_and_the_same_field(source: Source) -> None:
    found, _ = source
    for name in found.keys() & GERMAN.keys():
        english, german = found[name], GERMAN[name]
        assert set(messages.HOLE.findall(german)) == set(messages.HOLE.findall(english)), name
        if FIELD.match(english):
            assert re.match(r"([\w-]+|\{\w+\}): ", german), name


def test_no_reason_is_text_without_a_message() -> None:
    bare = [
        f"{path}:{node.lineno}: {ast.unparse(node)[:100]}"
        for path, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (at := TAKES_A_REASON.get(_called(node))) is not None and _bare(node, at)
    ]
    assert not bare, "write `text(id, template, …)`:\n" + "\n".join(bare)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("RefusedError('not that way')", True),
        ("RefusedError(f'not {way}')", True),
        ("Refusal('dose', 'too much of it', 'PRG-04')", True),
        ("turn.refuse('not that way' if odd else why)", True),
        ("Refusal('dose', text('dose.much', 'too much of it'), 'PRG-04')", False),
        ("RefusedError(why)", False),
    ],
)
def test_a_bare_reason_is_found(source: str, found: bool) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert _bare(call, TAKES_A_REASON[_called(call)]) is found
