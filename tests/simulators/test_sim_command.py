"""The command `pumpsim` itself: few and short, in real time."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from pumpd_simulators.family import families
from tests.patience import PATIENCE_S
from tests.simulators.test_sim_ports import VER, there

pytestmark = pytest.mark.realtime

PUMPSIM = [sys.executable, "-c", "from pumpd_simulators.main import main; main()"]


@contextmanager
def pumpsim(*arguments, family="new-era"):
    process = subprocess.Popen(
        [*PUMPSIM, family, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(path: Path, data: bytes) -> bytes:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(fd, data)
        heard = b""
        while not heard.endswith(b"\x03") and select.select([fd], [], [], PATIENCE_S)[0]:
            heard += os.read(fd, 256)
        return heard
    finally:
        os.close(fd)


def http(address: str, path: str, body: object = None) -> tuple[int, dict]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_pumpsim_serves_two_clients_and_ends_on_sigterm_with_its_link_removed(tmp_path):
    path = tmp_path / "pump"
    with pumpsim("--pty", str(path), "--control", "127.0.0.1:0", "--fault", "stall@0s") as process:
        assert process.stdout.readline() == f"ready {path}\n"
        assert ask(path, b"VER\r") == b"\x0200A?R\x03"
        assert ask(path, b"VER\r") == VER
        assert "not a cleared medical device" in process.stderr.readline().lower()
        address = process.stderr.readline().split()[-1]
        for command in (b"DIA26.59\r", b"RAT60MH\r", b"RUN\r"):
            ask(path, command)
        status, truth = http(address, "/truth")
        assert status == 200
        assert truth["simulated"] is True
        assert truth["faults"] == ["stall"]
        assert http(address, "/power", {"on": False})[0] == 200
        assert http(address, "/truth")[1]["powered"] is False
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert not os.path.lexists(path)
        assert process.stderr.read() == ""


def test_pumpsim_on_tcp_ends_on_sigint_even_with_a_client(tmp_path):
    with pumpsim("--tcp", "127.0.0.1:0") as process:
        ready = process.stdout.readline()
        assert ready.startswith("ready tcp://127.0.0.1:")
        with socket.create_connection(("127.0.0.1", int(ready.rpartition(":")[2])), PATIENCE_S) as client:
            client.sendall(b"\r")
            assert client.recv(64) == b"\x0200A?R\x03"
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_link_is_removed_whatever_signal_ends_the_simulator(tmp_path, number):
    with pumpsim("--pty", str(tmp_path / "pump")) as process:
        assert process.stdout.readline().startswith("ready")
        assert there(tmp_path / "pump")
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
    assert not there(tmp_path / "pump")


def test_the_link_of_a_killed_simulator_is_replaced_and_that_of_a_running_one_is_not(tmp_path):
    path = tmp_path / "pump"
    with pumpsim("--pty", str(path)) as killed:
        assert killed.stdout.readline().startswith("ready")
        killed.kill()
        killed.wait(PATIENCE_S)
    assert there(path)
    with pumpsim("--pty", str(path)) as running:
        assert running.stdout.readline().startswith("ready")
        assert ask(path, b"\r") == b"\x0200A?R\x03"
        with pumpsim("--pty", str(path)) as second:
            assert second.wait(PATIENCE_S) == 1
            assert "served by another pumpsim" in second.stderr.read()
        assert ask(path, b"VER\r") == VER


@pytest.mark.parametrize(
    ("arguments", "status", "names"),
    [
        (["--pty", "P", "--fault", "fire@1min"], 2, "fire"),
        (["--pty", "P", "--tcp", "127.0.0.1:0"], 2, "either --pty"),
        (["--pty", "P", "--model", "ne-1"], 2, "ne-1000"),
        (["--pty", "P", "--speed", "0"], 2, "speed"),
        (["--pty", "P", "--speed", "nan"], 2, "speed"),
        (["--pty", "P", "--control", "here"], 2, "--control"),
        (["--pty", "P", "--address", "100"], 2, "address"),
        (["--pty", "P", "--after-stall", "gone"], 2, "paused"),
        (["--pty", "P", "--fault", "door#2"], 2, "there is no unit 2"),
        (["--pty", "P", "--scenario", "FILE"], 2, "not valid TOML"),
        (["--pty", "P", "--scenario", "DIR/none/pump"], 1, "No such file"),
        (["--tcp", "nowhere"], 2, "HOST:PORT"),
        (["--pty", "FILE"], 1, "left alone"),
        (["--pty", "P", "--adresses", "1"], 2, "--addresses"),
        (["--pty", "P", "--fault", "ocluson"], 2, "did you mean occlusion?"),
        (["--pty", "P", "--quirk", "ltency"], 2, "did you mean latency?"),
        (["--pty", "DIR/none/pump"], 1, "No such file"),
    ],
)
def test_wrong_arguments_are_reported_and_nothing_is_started(tmp_path, monkeypatch, capsys, arguments, status, names):
    from pumpd_simulators.main import main

    (tmp_path / "file").write_text("precious")
    places = {"P": str(tmp_path / "pump"), "FILE": str(tmp_path / "file"), "DIR/none/pump": str(tmp_path / "none/pump")}
    monkeypatch.setattr(sys, "argv", ["pumpsim", "new-era", *(places.get(word, word) for word in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    reported = capsys.readouterr()
    assert ended.value.code == status
    assert names in reported.err
    assert reported.out == ""


def test_pumpsim_serves_several_pumps_on_one_clock_and_one_control_port(tmp_path):
    (tmp_path / "bench.toml").write_text(f"""
        control = "0"
        [[pump]]
        name = "one"
        family = "new-era"
        pty = "{tmp_path}/one"
        [[pump]]
        name = "two"
        family = "space-bcc"
        tcp = "127.0.0.1:0"
        options = {{ slots = ["11", "12"] }}
        faults = ["door#2"]
    """)
    with pumpsim(str(tmp_path / "bench.toml"), family="serve") as process:
        assert process.stdout.readline() == f"ready one {tmp_path}/one\n"
        assert process.stdout.readline().startswith("ready two tcp://127.0.0.1:")
        assert ask(tmp_path / "one", b"VER\r") == b"\x0200A?R\x03"
        assert [process.stderr.readline().split(":")[0] for _ in range(2)] == ["one", "two"]
        address = process.stderr.readline().split()[-1]
        assert [pump["name"] for pump in http(address, "/pumps")[1]["pumps"]] == ["one", "two"]
        assert http(address, "/pumps/two/truth?unit=2")[1]["faults"] == ["door"]
        assert http(address, "/clock", {"paused": True})[1]["paused"] is True
        with urllib.request.urlopen(address + "/pumps/two/stream?period=0.05", timeout=PATIENCE_S) as stream:
            events = [stream.readline() for _ in range(6)][::2]  # an empty line after each
            times = {json.loads(event.removeprefix(b"data: "))["plant_time_s"] for event in events}
            assert len(times) == 1, "the bench is paused"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        assert not os.path.lexists(tmp_path / "one")
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("text", "status", "names"),
    [
        ("[[pump]]\nname='a'\nfamily='plum'\npty='P'", 2, "pump a: family 'plum' is not simulated"),
        ("[[pump]]\nname='a'\nfamily='new-era'\npty='P'\nmodel='x'", 2, "pump a: model 'x' is not known"),
        ("[[pump]]\nname='a'\nfamily='new-era'\npty='P'\noptions.address=100", 2, "pump a: addresses.0: "),
        (
            "[[pump]]\nname='a'\nfamily='plum'\npty='P'\n[[pump]]\nname='b'\nfamily='new-era'\npty='FILE'\nmodel='x'",
            2,
            "known: MANY; pump b: model 'x' is not known",
        ),
        ("[[pump]]\nname='a'\nfamily='new-era'", 2, "pump.0: give either pty or tcp"),
        ("[[pump]]\nname='a'\nfamily='new-era'\npty='FILE'", 1, "left alone"),
    ],
)
def test_an_impossible_bench_is_reported_and_nothing_is_left(tmp_path, monkeypatch, capsys, text, status, names):
    from pumpd_simulators.main import main

    (tmp_path / "file").write_text("precious")
    good = f"[[pump]]\nname='first'\nfamily='new-era'\npty='{tmp_path}/first'\n"
    text = text.replace("'P'", f"'{tmp_path}/p'").replace("'FILE'", f"'{tmp_path}/file'")
    (tmp_path / "bench.toml").write_text(good + text)
    monkeypatch.setattr(sys, "argv", ["pumpsim", "serve", str(tmp_path / "bench.toml")])
    with pytest.raises(SystemExit) as ended:
        main()
    reported = capsys.readouterr()
    assert ended.value.code == status
    names = names.replace("pump.0", "pump.1").replace("MANY", ", ".join(families()))
    assert names in reported.err
    assert reported.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.toml", "file"]


def test_list_and_help_survive_a_family_that_does_not_load(monkeypatch, capsys):
    from importlib.metadata import EntryPoint

    from pumpd_simulators import family, main

    broken = EntryPoint("broken", "nowhere_at_all:FAMILY", "pumpd.simulators")
    both = {"broken": broken, "new-era": family.families()["new-era"]}
    for room in (family, main):
        monkeypatch.setattr(room, "families", lambda: both)
    for arguments, status, stream in ((["list"], 0, "out"), (["--help"], 0, "out"), (["broken"], 1, "err")):
        monkeypatch.setattr(sys, "argv", ["pumpsim", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert (ended.value.code or 0) == status
        reported = " ".join(getattr(capsys.readouterr(), stream).split())
        assert "family broken does not load: ModuleNotFoundError" in reported
        assert ("NE-1000" in reported) == (stream == "out")


def test_a_family_with_a_typing_error_is_refused_with_the_nearest_one(monkeypatch, capsys):
    from pumpd_simulators.main import main

    monkeypatch.setattr(sys, "argv", ["pumpsim", "newera", "--pty", "x"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "'newera' is not known, did you mean new-era?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["-h"], ["new-era", "-h"], ["serve", "-h"]])
def test_h_is_help_and_old_names_are_not_shown(monkeypatch, capsys, arguments):
    from pumpd_simulators.main import main

    monkeypatch.setattr(sys, "argv", ["pumpsim", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    reported = capsys.readouterr().out
    assert "Usage: pumpsim" in reported
    assert "--network" not in reported
    assert ("--addresses" in reported) == ("new-era" in arguments)


def test_list_names_families_models_and_faults(monkeypatch, capsys):
    from pumpd_simulators.main import main

    monkeypatch.setattr(sys, "argv", ["pumpsim", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    reported = capsys.readouterr().out
    assert "new-era" in reported
    assert "ne-1000" in reported
    assert "front-panel" in reported
