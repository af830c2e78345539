"""SEC-12: text from a pump or an order is data, whatever it looks like: never a format, a command, topic or path."""

import ast
import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from pumpd.cli.wording import review_text, status_text
from pumpd.messages.requests import REQUEST
from pumpd.pump import Identity, Refused, Unknown
from pumpd.telemetry.messages import Translator
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.control.testbed import ORDER, open_testbed

ROOT = Path(__file__).parents[2]

VISIBLE = [
    "%s%s%n%x",
    "{0.__class__.__mro__}",
    "$(touch${IFS}pwned)",
    "`touch pwned`",
    "; touch pwned;",
    "../../../../tmp/pwned",
    "pumps/#",
    "+/bed2/stop",
    "[blink]running[/]",
    "'; DROP TABLE records; --",
    "<script>alert(1)</script>",
    '","kind":"confirmed","x":"',
]
HIDDEN = ["\x1b[2J\x1b[H", "a\rready", "a\ndose 1 mg", "\x00", "\x9b2J", "\u202etneitap", "a\u2028b", "\u200b"]
FREE = ["patient", "ordered_by", "container", "entry", "dose", "weight", "weight_basis", "duration"]


@pytest.mark.requirement("SEC-12")
@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
@pytest.mark.parametrize("field", FREE)
def test_an_order_with_control_characters_is_refused_by_field_and_character(field, text):
    with pytest.raises(ValidationError) as refused:
        REQUEST.validate_python(ORDER | {field: text})
    (error,) = refused.value.errors()
    assert error["loc"][-1] == field
    assert "invisible characters are not allowed" in error["msg"]
    assert error["msg"].isprintable()


async def order(folder, **changes):
    folder.mkdir()
    async with open_testbed(folder) as here:
        answer = await here.order(**changes)
        return answer, here.entries()


@pytest.mark.requirement("SEC-12")
@pytest.mark.parametrize("text", VISIBLE)
def test_a_name_that_looks_like_a_command_is_refused(text, tmp_path):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        answer, entries = runner.run(order(tmp_path / "state", patient=text, ordered_by=text))
    assert not answer.ok
    assert all(any(reason.startswith(field) for reason in answer.reasons) for field in ("patient", "ordered_by"))
    assert "prescribed" not in [entry.kind for entry in entries]


async def infusion_of(folder, reason, serial):
    """An order with a typed reason, on a toy pump with this serial number, up to its review."""
    folder.mkdir()
    simulated = {"name": "toy", "options": {"serial": serial}}
    async with open_testbed(folder, simulated=simulated, driver="toy", model="toy-1", serial=serial) as here:
        answer = await here.order(
            dose="0.9 mg/kg", weight="50 kg", weight_again="50 kg", overrides={"dose_high": reason}
        )
        assert answer.ok, answer.reasons
        await here.until("ready")
        offered = await here.ask(op="challenge", pump="bed1")
        status = await here.ask(op="status")
        return here.entries(), offered.result["review"], status.result


@pytest.mark.requirement("SEC-12")
@pytest.mark.parametrize("text", VISIBLE)
def test_text_that_looks_like_a_command_is_kept_and_shown_unchanged(text, tmp_path):
    serial = text.replace(" ", "_")
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        entries, review, status = runner.run(infusion_of(tmp_path / "hostile", text, serial))
        plain_entries, plain_review, plain_status = runner.run(infusion_of(tmp_path / "plain", "trial arm B", "0007"))

    assert review["serial"] == serial
    assert len(review_text(review).splitlines()) == len(review_text(plain_review).splitlines())
    assert len(status_text(status).splitlines()) == len(status_text(plain_status).splitlines())
    assert [entry.kind for entry in entries] == [entry.kind for entry in plain_entries]
    assert text in json.dumps([json.loads(entry.body) for entry in entries], ensure_ascii=False).replace('\\"', '"')

    def topics(published):
        translator = Translator("ward-7", {})
        return [message.topic for entry in published for message in translator.messages(entry)]

    assert topics(entries) == topics(plain_entries)
    files = {path.relative_to(tmp_path / "hostile") for path in (tmp_path / "hostile").rglob("*")}
    assert files == {path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain").rglob("*")}
    assert {path.name for path in tmp_path.iterdir()} == {"hostile", "plain"}


@pytest.mark.requirement("SEC-12")
@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
def test_text_from_a_pump_cannot_draw_on_a_screen(text):
    written = ascii(text)[1:-1]
    identity = Identity(text, text, text)
    assert (identity.model, identity.firmware, identity.serial) == (written, written, written)
    assert Refused((f"the pump says {text}",)).reasons == (f"the pump says {written}",)
    assert Unknown(f"the pump says {text}").cause == f"the pump says {written}"


def calls(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.mark.requirement("SEC-12")
def test_no_text_can_become_a_format_a_shell_or_code():
    """In the code itself: no shell, no eval, and every format string is written where it is used."""
    found = []
    for path in [*ROOT.glob("pumpd/**/*.py"), *ROOT.glob("drivers/**/*.py")]:
        tree = ast.parse(path.read_text())
        for call in calls(tree):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            if (
                (name in ("eval", "exec", "compile") and owner is None)
                or (name in ("system", "popen") and isinstance(owner, ast.Name) and owner.id == "os")
                or any(word.arg == "shell" for word in call.keywords)
                or name == "create_subprocess_shell"
                or (name in ("format", "format_map") and owner is not None and not isinstance(owner, ast.Constant))
            ):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}")
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _may_be_text(node.left)
        ]
    assert found == []


def _may_be_text(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
