"""`pumpd doctor` as a person types it: what is shown on 80 columns, the exit status, and JSON."""

import io
import json
import socket
import threading

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pumpd.cli import doctor as command
from pumpd.cli.doctor import draw, gather
from pumpd.cli.main import app
from pumpd.cli.panels import Screen
from pumpd.doctor.examination import examine
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Check, State
from pumpd.doctor.machine import Machine
from tests.doctor.gateway import Gateway

GOOD = Check("a", "First", State.OK, "fine", "", group="One")
WARNING = Check("b", "Second", State.WARNING, "hm", "Do this.", of="bed1", group="One")
PROBLEM = Check("c", "Third", State.PROBLEM, "bad", "Do that.", group="Two")
CLOSED = Check("d", "Fourth", State.NOT_CHECKED, "needs root for /x", "", group="Two")
NOTHING = Check("e", "Fifth", State.NOT_CHECKED, "there is none", "", group="Two")


@pytest.fixture
def gateway(tmp_path) -> Gateway:
    return Gateway(tmp_path)


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "pumpd.toml"
    file.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}/state"\n', encoding="utf-8")
    return file


def shown(facts: Facts, checks: list[Check], *, every: bool = False, color: bool = False) -> str:
    out = io.StringIO()
    draw(Screen(Console(file=out, width=80, force_terminal=color)), facts, checks, every=every)
    return out.getvalue()


def test_what_is_wrong_comes_with_what_to_do_and_what_is_good_in_one_line(gateway):
    lines = shown(gateway.facts, [GOOD, WARNING, PROBLEM, CLOSED, NOTHING]).splitlines()
    assert [each.rstrip() for each in lines] == [
        "warning  Second, bed1: hm",
        "         > Do this.",
        "ok       One: 1 good",
        "PROBLEM  Third: bad",
        "         > Do that.",
        "-        Two: needs root: Fourth",
        "ward-7: 1 problem, 1 warning, 1 good, 2 not checked (--all says why).",
    ]


def test_all_shows_every_line_with_what_was_found(gateway):
    said = shown(gateway.facts, [GOOD, WARNING, PROBLEM, CLOSED, NOTHING], every=True)
    for each in ("First: fine", "Fourth: needs root for /x", "Fifth: there is none"):
        assert each in said


def test_a_plain_user_is_told_to_use_sudo(gateway):
    gateway.machine.is_root = False
    assert "sudo pumpd doctor" in shown(gateway.facts, [GOOD])


def test_a_good_gateway_fits_on_a_terminal_of_24_lines_of_80(gateway):
    lines = shown(gateway.facts, examine(gateway.facts)).splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80


@pytest.mark.requirement("SEC-12")
def test_text_from_outside_is_no_markup_and_controls_no_terminal(gateway):
    hostile = "[/][link=http://evil.example]x[/link]\x1b[2J\u202e\x9b2J"
    for every in (False, True):
        said = shown(gateway.facts, [Check("x", hostile, State.PROBLEM, hostile, hostile, hostile)], every=every)
        assert "link=http" in said
        assert not {"\x1b", "\x9b", "\u202e"} & set(said)
    assert "\x1b]8" not in shown(gateway.facts, [Check("x", hostile, State.PROBLEM, hostile, "", hostile)], color=True)


# -- exit status and JSON ----------------------------------------------------------------------------------------------


def run(monkeypatch, config, checks: list[Check], *options: str):
    monkeypatch.setattr(command, "examine", lambda facts: checks)
    return CliRunner().invoke(app, ["doctor", "--config", str(config), *options])


@pytest.mark.parametrize(
    ("checks", "status"),
    [([GOOD], 0), ([GOOD, WARNING, CLOSED], 0), ([GOOD, PROBLEM], 1)],
    ids=["good", "yellow", "red"],
)
def test_the_exit_status_is_1_when_something_is_red(monkeypatch, config, checks, status):
    assert run(monkeypatch, config, checks).exit_code == status
    assert run(monkeypatch, config, checks, "--json").exit_code == status


def test_json_holds_every_check(monkeypatch, config):
    found = json.loads(run(monkeypatch, config, [GOOD, PROBLEM, NOTHING], "--json").output)
    assert (found["gateway"], found["ok"], found["problems"], found["not_checked"]) == ("ward-7", False, 1, 1)
    assert found["checks"][1] == {
        "group": "Two",
        "id": "c",
        "of": "",
        "title": "Third",
        "state": "problem",
        "found": "bad",
        "what_to_do": "Do that.",
    }


# -- where something is missing ----------------------------------------------------------------------------------------


def test_a_missing_configuration_is_a_finding_and_no_refusal(tmp_path):
    facts = gather(tmp_path / "gone.toml", Machine(tmp_path))
    assert facts.settings is None
    assert "there is no such file" in facts.errors[0]
    assert not facts.denied


def test_the_name_of_a_port_is_said_by_one_line_only(tmp_path):
    """It is a warning of `config check` too."""
    text = '[[pump]]\nname = "bed1"\ndriver = "new-era"\nserial = "A"\nmodel = "ne-1000"\nport = "/dev/ttyUSB7"\n'
    real = '[hardware]\nenabled = true\nacknowledged = "not a cleared medical device"\n'
    (tmp_path / "pumpd.toml").write_text(
        f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n{real}{text}', encoding="utf-8"
    )
    facts = gather(tmp_path / "pumpd.toml", Machine(tmp_path))
    assert not any("/dev/ttyUSB7" in each for each in facts.warnings)
    assert any("nothing shows which pump answers" in each for each in facts.warnings)


def test_a_broken_configuration_is_a_finding_and_no_refusal(tmp_path):
    (tmp_path / "pumpd.toml").write_text("gateway = \n", encoding="utf-8")
    facts = gather(tmp_path / "pumpd.toml", Machine(tmp_path))
    assert "not valid TOML" in facts.errors[0]


def test_a_configuration_that_this_user_may_not_read_is_not_called_wrong(config, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, bits: False)
    facts = gather(config, Machine(config.parent))
    assert (facts.denied, facts.errors, facts.settings) == (True, (), None)


def test_without_control_what_it_means_for_the_pumps_is_said(config):
    facts = gather(config, Machine(config.parent))
    assert facts.control.status is None
    assert "no control process runs" in facts.control.why
    assert "stopped by its own watchdog" in facts.control.why
    assert not facts.control.denied


@pytest.mark.realtime
def test_control_is_asked_for_its_status_and_for_nothing_else(config):
    """Through a real socket: one request, and it is the one that changes nothing."""
    path = config.parent / "state" / "control.sock"
    path.parent.mkdir()
    received: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(2)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb") as file:
                received.append(file.readline())
                file.write(b'{"ok": true, "result": {"gateway": "ward-7", "pumps": []}}\n')
                file.flush()
                received.append(file.read())

        thread = threading.Thread(target=serve)
        thread.start()
        facts = gather(config, Machine(config.parent))
        thread.join()
    assert [json.loads(each) for each in received if each] == [{"op": "status"}]
    assert facts.control.status == {"gateway": "ward-7", "pumps": []}


def test_the_doctor_leaves_a_gateway_as_it_was(gateway):
    before = {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in gateway.root.rglob("*")}
    examine(gateway.facts)
    after = {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in gateway.root.rglob("*")}
    changed = {path.name for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed == set()
