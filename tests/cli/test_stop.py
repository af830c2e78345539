"""`pumpd stop` believes what control says of each pump, and nothing else."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pumpd import __main__ as program
from pumpd.cli.client import ControlClient, NoAnswerError
from pumpd.cli.main import app
from pumpd.cli.stop import usual
from pumpd.messages.answered import answered
from pumpd.messages.requests import REQUEST, Answer, StatusRequest, Stop
from pumpd.messages.stop_line import STATUS_LINE, stop_line
from pumpd.settings import Settings
from pumpd.socket_paths import SocketPaths


class Control(ControlClient):
    """Instead of control: these answers to a stop and to a status; None for one that never comes."""

    stopping: Answer
    status: Answer | None
    heard: list[bytes]

    def __init__(self, *_, **__):
        pass

    def __exit__(self, *_):
        pass

    def exchange(self, line):
        self.heard.append(line)
        answer = self.stopping if json.loads(line)["op"] == "stop" else self.status
        if answer is None:
            raise NoAnswerError("Control is gone.", sent=True)
        return answer


@pytest.fixture
def control(monkeypatch):
    monkeypatch.setattr("pumpd.cli.stop.ControlClient", Control)
    Control.heard, Control.status = [], None
    Control.stopping = Answer(ok=True, result={"stopping": ["bed1"]})
    return Control


def stop(control, tmp_path, **pump):
    control.status = Answer(ok=True, result={"pumps": [{"pump": "bed1", **pump}]})
    return run(tmp_path)


def run(tmp_path, *options: str, config='gateway = "ward-7"\nstate_dir = "{folder}"\n'):
    file = tmp_path / "pumpd.toml"
    file.write_text(config.format(folder=tmp_path), encoding="utf-8")
    return CliRunner().invoke(app, ["stop", "--wait", "0", "--config", str(file), *options])


@pytest.mark.requirement("STP-04")
@pytest.mark.parametrize("pump_state", ["infusing", "waiting", "stopped", None])
def test_a_pump_without_an_infusion_is_not_stopped_before_control_says_so(control, tmp_path, pump_state):
    result = stop(control, tmp_path, infusion=None, pump_state=pump_state, stopped=False)
    assert result.exit_code == 1
    assert "not confirmed for bed1. Stop at the pump" in result.stderr


@pytest.mark.requirement("STP-04")
def test_a_stop_that_control_confirms_is_shown(control, tmp_path):
    result = stop(control, tmp_path, infusion=None, pump_state="stopped", stopped=True)
    assert (result.exit_code, result.output) == (0, "Stopped: bed1.\n")


# -- the message -------------------------------------------------------------------------------------------------------

NAME = st.text("abcXYZ019._-", min_size=1, max_size=64)
VISIBLE = st.text(max_size=200).filter(str.isprintable)


@given(st.none() | NAME, VISIBLE, VISIBLE, st.booleans())
def test_the_line_is_what_the_message_makes(pump, by, reason, switching_source):
    message = Stop(pump=pump, by=by, reason=reason, switching_source=switching_source)
    line = stop_line(pump=pump, by=by, reason=reason, switching_source=switching_source)
    assert line == message.model_dump_json().encode()


@pytest.mark.requirement("STP-01")
@given(st.text(), st.text(max_size=2000))
def test_control_takes_a_stop_whatever_its_words_are(by, reason):
    line = stop_line(pump=None, by=by, reason=reason, switching_source=False)
    assert isinstance(REQUEST.validate_json(line), Stop)


def test_the_options_are_in_the_message(control, tmp_path):
    control.status = Answer(ok=True, result={"pumps": [{"pump": "bed1", "stopped": True}]})
    given = ("--pump", "bed1", "--by", "nurse", "--reason", "bag change", "--switching-source")
    assert run(tmp_path, *given).exit_code == 0
    expected = Stop(pump="bed1", by="nurse", reason="bag change", switching_source=True)
    assert REQUEST.validate_json(control.heard[0]) == expected


@pytest.mark.realtime
def test_a_whole_stop_imports_nothing_slow(tmp_path):
    """A quarter of a second and more on a gateway: what checks messages and settings, and what draws tables."""
    slow = {"asyncio", "cryptography", "importlib.metadata", "pydantic", "rich", "structlog", "typer"}
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n', encoding="utf-8")
    code = "import atexit, sys, pumpd.__main__ as it; atexit.register(lambda: print(*sys.modules)); it.main()"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        thread = threading.Thread(target=_served, args=(server, {"stopping": []}, {"pumps": []}))
        thread.start()
        command = [sys.executable, "-c", code, "stop", "--config", str(config)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        thread.join()
    found = set(said.split())
    assert said.startswith("Stopped: no pump is configured.")
    assert "pumpd.cli.stop" in found
    assert not (slow | {"pumpd.settings", "pumpd.messages.requests"}) & found


def _served(server: socket.socket, *results: dict) -> None:
    """Answer one connection after the other with these."""
    for result in results:
        with server.accept()[0] as one:
            one.recv(4096)
            one.sendall(Answer(ok=True, result=result).model_dump_json().encode() + b"\n")


# -- the answer --------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab\u2028", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=6,
)
ALIKE = st.fixed_dictionaries(
    {},
    optional={
        "ok": st.booleans() | JSON,
        "result": st.dictionaries(st.text("ab", max_size=2), JSON, max_size=2) | JSON,
        "reasons": st.lists(st.text(max_size=5), max_size=2) | JSON,
        "messages": st.dictionaries(st.text("ab"), st.dictionaries(st.text("ab"), JSON, max_size=2), max_size=2) | JSON,
        "more": JSON,
    },
)


@given(ALIKE | JSON)
def test_what_is_read_as_an_answer_is_one(given_json):
    line = json.dumps(given_json).encode()
    try:
        read = answered(line)
    except ValueError:
        return
    answer = Answer.model_validate_json(line)
    assert (read.ok, read.result, read.reasons) == (answer.ok, answer.result, answer.reasons)


@given(st.booleans(), st.dictionaries(st.text("ab", max_size=2), JSON, max_size=3), st.lists(st.text(), max_size=3))
def test_each_answer_of_control_is_read(ok, result, reasons):
    answer = Answer(ok=ok, result=result, reasons=tuple(reasons))
    read = answered(answer.model_dump_json().encode())
    assert (read.ok, read.result, read.reasons) == (ok, result, tuple(reasons))


@pytest.mark.parametrize(
    "line", [b"", b"null", b"{}", b'{"ok": 1}', b'{"ok": true, "more": 1}', b"\xff", b"[" * 99_999]
)
def test_what_is_no_answer_is_refused(line):
    with pytest.raises(ValueError):  # each words it differently
        answered(line)


def test_the_status_that_follows_is_the_message():
    assert StatusRequest().model_dump_json().encode() == STATUS_LINE


# -- the options, which two places read --------------------------------------------------------------------------------

VALUES = {
    "pump": ("bed1", "bed 2", "", "-x", "--json"),
    "by": ("nurse", "a=b", "-"),
    "reason": ("bag change", "=", "--"),
    "wait": ("0", "2.5", "1e1", " 3 ", "never", "-1"),
    "config": ("here.toml", "/etc/pumpd/pumpd.toml"),
}
FLAGS = ("--switching-source", "--json", "--no-switching-source", "--help", "-h", "--jso", "bed1", "--", "-")
ONE = st.one_of(
    st.sampled_from(FLAGS).map(lambda flag: [flag]),
    *(st.sampled_from(values).map(lambda value, name=name: [f"--{name}", value]) for name, values in VALUES.items()),
    *(st.sampled_from(values).map(lambda value, name=name: [f"--{name}={value}"]) for name, values in VALUES.items()),
    st.sampled_from([*VALUES]).map(lambda name: [f"--{name}"]),
)


def read_by_typer(arguments, environment=None):
    """The options as the command reads them; None where it ends without a stop."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pumpd.cli.stop_command.carry_out", found.append)
        CliRunner().invoke(app, ["stop", *arguments], env=environment)
    return found[0] if found else None


@given(st.lists(ONE, max_size=3).map(lambda parts: [word for part in parts for word in part]))
def test_what_is_read_without_typer_is_what_typer_reads(arguments):
    options = usual(arguments)
    assert options is None or options == read_by_typer(arguments)


def test_no_option_needs_typer_to_be_read():
    """Or it would be half a second slower."""
    command = typer.main.get_command(app).commands["stop"]
    known = [each.opts[0] for each in command.params if each.name != "help"]
    given = [[name] if name in {"--switching-source", "--json"} else [name, "1"] for name in known]
    assert len(given) == 7
    arguments = [word for words in given for word in words]
    assert usual(arguments) == read_by_typer(arguments) is not None


@pytest.mark.parametrize("value", ["", "/elsewhere/pumpd.toml"])
def test_the_environment_names_the_configuration(monkeypatch, value):
    monkeypatch.setenv("PUMPD_CONFIG", value)
    assert usual([]) == read_by_typer([])
    assert usual(["--config", "this.toml"]) == read_by_typer(["--config", "this.toml"])


def test_the_program_reads_a_usual_stop_without_typer_and_any_other_with_it(monkeypatch, capsys, control, tmp_path):
    file = tmp_path / "pumpd.toml"
    file.write_text(f'state_dir = "{tmp_path}"\n', encoding="utf-8")
    control.status = Answer(ok=True, result={"pumps": [{"pump": "bed1", "stopped": True}]})
    monkeypatch.setattr(sys, "argv", ["pumpd", "stop", "--config", str(file)])
    program.main()
    assert capsys.readouterr().out == "Stopped: bed1.\n"
    monkeypatch.setattr(sys, "argv", ["pumpd", "stop", "--help"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 0
    assert "--switching-source" in capsys.readouterr().out


def test_an_interrupted_stop_says_what_is_known(monkeypatch, control, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pumpd.cli.stop._confirmed", interrupted)
    result = run(tmp_path)
    assert result.exit_code == 130
    assert result.stderr.startswith("Interrupted. Control took the stop; that a pump has stopped is NOT confirmed.")
    monkeypatch.setattr(control, "exchange", interrupted)
    assert run(tmp_path).stderr.startswith("Interrupted. It is NOT KNOWN whether the stop was carried out.")


# -- the configuration -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STP-01")
def test_an_error_elsewhere_in_the_configuration_does_not_hold_up_a_stop(control, tmp_path):
    control.status = Answer(ok=True, result={"pumps": [{"pump": "bed1", "stopped": True}]})
    result = run(tmp_path, config='gateway = "Ward 7"\nstate_dir = "{folder}"\nno_such_key = 1\n')
    assert (result.exit_code, result.output) == (0, "Stopped: bed1.\n")


@pytest.mark.parametrize("config", ["", "state_dir = 7\n", 'state_dir = "/tmp"\nsocket = 7\n', "state_dir ="])
def test_a_configuration_without_a_socket_is_explained(tmp_path, config):
    result = run(tmp_path, config=config)
    assert result.exit_code == 2
    assert "pumpd.toml" in result.stderr


@pytest.mark.parametrize("more", ["", 'socket = "/run/pumpd/control.sock"\n'])
def test_the_socket_is_the_one_of_the_whole_configuration(tmp_path, more):
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n{more}', encoding="utf-8")
    paths, settings = SocketPaths.read(config), Settings.load(config)
    assert (paths.socket_path, paths.lock_path) == (settings.socket_path, settings.lock_path)


# -- without an answer -------------------------------------------------------------------------------------------------


def test_a_stop_that_could_not_be_sent_says_so_and_where_to_stop(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("The stop was NOT sent. There is no socket ")
    assert result.stderr.endswith("Stop at the pump, clamp the line.\n")


def test_a_user_without_access_hears_that_the_stop_was_not_sent_and_not_that_control_is_down(monkeypatch, tmp_path):
    def refused(*_):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "connect", refused)
    said = run(tmp_path).stderr
    assert said.startswith("The stop was NOT sent. This user may not open ")
    assert "pumpd may well be watching them" in said
    assert "watchdog" not in said


def test_a_stop_whose_answer_is_lost_may_have_been_carried_out(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()

        def close_one():
            one, _ = server.accept()
            one.recv(4096)
            one.close()

        thread = threading.Thread(target=close_one)
        thread.start()
        result = run(tmp_path)
        thread.join()
    assert result.exit_code == 1
    assert result.stderr.startswith("It is NOT KNOWN whether the stop was carried out.")


def test_a_stop_that_control_took_and_could_not_confirm_says_both(control, tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Control took the stop for bed1; that it has stopped is NOT confirmed.")


@pytest.mark.realtime
def test_a_stop_waits_for_a_full_queue_and_is_sent_once_there_is_room(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(str(path))  # the queue is full now
        heard: list[bytes] = []

        def serve():
            time.sleep(0.5)
            for answer in (None, {"stopping": []}, {"pumps": []}):
                one, _ = server.accept()
                if answer is not None:
                    heard.append(one.recv(4096))
                    one.sendall(Answer(ok=True, result=answer).model_dump_json().encode() + b"\n")
                one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        result = run(tmp_path, "--wait", "30")
        thread.join()
        waiting.close()
    assert result.exit_code == 0, result.output
    assert b'"stop"' in heard[0]
