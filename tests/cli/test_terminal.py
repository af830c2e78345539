"""No text from outside is markup or controls the terminal, on any surface of the commands and the demo (SEC-12)."""

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from rich.console import Console
from typer.testing import CliRunner

from pumpd import logs
from pumpd.cli import panels, wording
from pumpd.cli.client import Answer
from pumpd.cli.main import app
from pumpd.cli.terminal import lines, visible
from pumpd.demo.view import View

PUMPD = Path(__file__).parent.parent.parent / "pumpd"
CLEAR_SCREEN, C1_CLEAR, RIGHT_TO_LEFT = "\x1b[2J", "\x9b2J", "\u202e"
HOSTILE = (
    "[/]",  # closes what was never opened: rich raises MarkupError
    "[link=http://evil.example]nurse[/link]",  # a hidden address
    "[black on black]gone[/]",
    ":skull:",
    f"a{CLEAR_SCREEN}b",
    f"a{C1_CLEAR}b",
    "a\rb",
    "a\n  bed2: stopped\nb",  # a line of its own
    f"a{RIGHT_TO_LEFT}b",
    "a\u2028b",
)
UNSAFE = {"\x1b", "\x9b", "\r", RIGHT_TO_LEFT, "\u2028"}

requirement = pytest.mark.requirement("SEC-12")


def a_status(text: str) -> dict[str, object]:
    """A status in which every text that a stranger or a pump can choose is this one."""
    pump = {
        "pump": "bed1",
        "simulated": True,
        "model": text,
        "driver": "new-era",
        "serial": text,
        "proved_by": text,
        "problem": text,
        "to_identify": text,
        "patient": text,
        "alarms": [{"priority": "high", "cause": text, "action": text, "code": "x"}],
        "infusion": None,
        "pump_state": "stopped",
        "age_s": 1.0,
        "links": {"pump": "ok"},
        "rest": None,
        "vitals": None,
    }
    return {
        "gateway": "ward-7",
        "journal": text,
        "notice": "not cleared",
        "library": {"version": 1, "care_area": text, "digest": "0" * 16, "problems": [text]},
        "configuration": {"digest": "0" * 16, "key": None, "problems": [text]},
        "time_scale": 1,
        "supply": None,
        "certificate": None,
        "alarms": [],
        "pumps": [pump],
    }


def drawn(renderable) -> str:
    out = io.StringIO()
    console = Console(file=out, width=400, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(renderable)
    return out.getvalue()


class Client:
    """Instead of control: one status, then Ctrl-C."""

    def __init__(self, status) -> None:
        self.status, self.asked = status, 0

    def __call__(self, *_, **__):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def ask(self, _request):
        self.asked += 1
        if self.asked > 1:
            raise KeyboardInterrupt
        return Answer(ok=True, result=self.status)


@pytest.fixture
def gateway(tmp_path) -> Path:
    file = tmp_path / "pumpd.toml"
    file.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n', encoding="utf-8")
    return file


@requirement
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_watch_on_a_terminal_shows_a_strangers_text_as_it_is(monkeypatch, gateway, text):
    """A stop's reason with markup ended `pumpd watch` with a traceback, or hid an address behind a word."""
    out = io.StringIO()

    def terminal(**given):
        return Console(**given | {"file": out, "force_terminal": True, "width": 400, "color_system": "truecolor"})

    monkeypatch.setattr(panels, "Console", terminal)
    monkeypatch.setattr("pumpd.cli.client.ControlClient", Client(a_status(text)))
    result = CliRunner().invoke(app, ["watch", "--config", str(gateway)])
    assert result.exit_code == 0, result.output
    said = out.getvalue()
    if text.isprintable():
        assert f"not available: {text}" in said
    assert "\x1b]8" not in said  # the start of a hidden address
    assert not any(each in said for each in (CLEAR_SCREEN, C1_CLEAR, RIGHT_TO_LEFT, "\u2028"))
    assert not any(line.strip() == "bed2: stopped" for line in said.splitlines())


@requirement
@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_status_controls_no_terminal_and_json_is_exact(monkeypatch, gateway, text, options):
    status = a_status(text)
    monkeypatch.setattr("pumpd.cli.client.ControlClient", Client(status))
    result = CliRunner().invoke(app, ["status", "--config", str(gateway), *options])
    assert result.exit_code == 0, result.output
    assert not UNSAFE & set(result.output)
    assert "\n  bed2: stopped" not in result.output
    if options:
        assert json.loads(result.output) == status
        assert result.output.count("\n") == 1


@requirement
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_reasons_of_a_refusal_control_no_terminal(monkeypatch, gateway, options):
    class Refusing(Client):
        def ask(self, _request):
            return Answer(ok=False, reasons=HOSTILE)

    monkeypatch.setattr("pumpd.cli.client.ControlClient", Refusing({}))
    result = CliRunner().invoke(app, ["status", "--config", str(gateway), *options])
    assert result.exit_code == 2
    assert not UNSAFE & set(result.output)
    assert len(result.output.splitlines()) == (1 if options else 1 + len(HOSTILE))


@requirement
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_the_demos_panel_shows_text_as_it_is(text):
    infusion = {
        "delivered_ml": "1",
        "prescribed_ml": "35",
        "window_most_s": 2520,
        "running_s": 60,
        "lease_s": None,
        "rate_ml_h": text,
        "programmed_rate_ml_h": "52.5",
        "state": "running",
        "reason": text,
    }
    alarm = {"priority": "high", "cause": text, "action": text}
    pump = {"model": text, "pump_state": "infusing", "age_s": 0.5, "vitals": None, "alarms": [alarm]}
    said = drawn(View(60).panel(pump, infusion, 3))
    if text.isprintable():
        assert f"running: {text}" in said
    assert not UNSAFE & set(said)


@requirement
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_tables_titles_and_lines_show_text_as_it_is(text):
    made = panels.table(text, title=text)
    panels.row(made, text)
    framed = panels.panel(panels.text(text), title=text, subtitle=text)
    for said in (drawn(made), drawn(framed), drawn(panels.text(text))):
        if text.isprintable():
            assert text in said
        assert not UNSAFE & set(said)


@requirement
def test_data_keeps_everything_that_is_visible():
    exact = {"a": ["0.5 mg/kg x 70 kg = 35 mg, µ", {"b": ("é", 3, None, True)}]}
    assert visible(exact) == {"a": ["0.5 mg/kg x 70 kg = 35 mg, µ", {"b": ["é", 3, None, True]}]}
    assert visible("a\nb") == "a\\nb"
    assert lines("a\nb\x07") == "a\nb\\x07"
    assert wording.minutes(61) == "1:01"


@requirement
def test_a_log_on_a_terminal_does_not_control_it():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    logs.set_up("info", out)
    try:
        structlog.get_logger().info("stop_requested", reason=f"x{CLEAR_SCREEN}{C1_CLEAR}\nforged")
        try:
            raise ValueError(f"y{CLEAR_SCREEN}{RIGHT_TO_LEFT}")
        except ValueError:
            structlog.get_logger().exception("failed")
    finally:
        structlog.reset_defaults()
    said = out.getvalue()
    assert CLEAR_SCREEN not in said
    assert not {"\x9b", RIGHT_TO_LEFT} & set(said)
    assert "\nforged" not in said


# -- the mechanism -----------------------------------------------------------------------------------------------------

DRAWING = "panels.py"  # the one place that gives rich a text
PRINTING = "terminal.py"  # the one place that prints
OWN_OUTPUT = {
    "bedside/__main__.py",
    "telemetry/__main__.py",
    "vitals/__main__.py",  # a refused configuration, visible
    "update/may.py",  # reasons that a package script shows
    "extras.py",  # an extra that is not installed: all of it is our own text
}


def modules() -> list[Path]:
    return sorted(path for path in PUMPD.rglob("*.py") if "static" not in path.parts)


def shown_elsewhere(path: Path) -> Iterator[str]:
    """The lines of a module that show text past the one place that makes it visible."""
    where = str(path.relative_to(PUMPD))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "rich":
                if path.name != DRAWING and not {each.name for each in node.names} <= {"RenderableType"}:
                    yield f"{where}:{node.lineno}: rich takes text for markup"
            case ast.Import(names=names) if any(each.name.split(".")[0] == "rich" for each in names):
                yield f"{where}:{node.lineno}: rich"
            case ast.Call(func=ast.Name(id="print")) if path.name != PRINTING and where not in OWN_OUTPUT:
                yield f"{where}:{node.lineno}: print"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="typer"), attr="echo" | "secho")):
                yield f"{where}:{node.lineno}: prints without making the text visible"
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"), attr="write"):
                yield f"{where}:{node.lineno}: prints without making the text visible"
            case ast.Attribute(attr="from_markup"):
                yield f"{where}:{node.lineno}: markup"


@requirement
def test_only_one_place_prints_and_only_one_gives_rich_a_text():
    assert [each for path in modules() for each in shown_elsewhere(path)] == []
