"""`pumpd trace` against a real control process on a real pseudo-terminal, and on the file that it saved."""

import json

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.driving.trace import Packet, decoded
from pumpd_drivers.new_era.driver import NewEra

from .test_infusion_commands import process

pytestmark = pytest.mark.realtime


def run(*args):
    return CliRunner().invoke(app, ["trace", *map(str, args)])


def test_a_live_line_is_shown_saved_and_shown_again(tmp_path):
    link, config, saved = tmp_path / "pump", tmp_path / "pumpd.toml", tmp_path / "saved.jsonl"
    config.write_text(
        f'gateway = "g"\nstate_dir = "{tmp_path}"\n[[pump]]\nname = "bed1"\ndriver = "new-era"\nport = "{link}"\n'
        'model = "ne-1000"\nserial = "A"\nsimulated = true\n'
    )
    with (
        process("pumpd_simulators", "new-era", "--pty", str(link), ready=b"ready"),
        process("pumpd.control", "--config", str(config), ready=b"pump_ready"),
    ):
        live = run("bed1", "--config", config, "--save", saved, "--count", 8)
        assert live.exit_code == 0, live.output
        unknown = run("bed9", "--config", config)
    assert unknown.exit_code == 2
    assert "configured: bed1" in unknown.stderr
    assert live.stdout.count(" -> ") == 4  # a poll is two questions: rate and volume
    assert live.stdout.count(" <- ") == 4
    assert "RAT" in live.stdout
    assert run("--replay", saved).stdout == live.stdout
    head, *packets = saved.read_text().splitlines()
    assert json.loads(head)["driver"] == "new-era"
    assert len(packets) == 8


def test_a_file_that_is_not_a_trace_is_refused(tmp_path):
    path = tmp_path / "other.json"
    for text in ("", "{}", "no json", "[" * 100_000, '{"pumpd_trace": 1, "driver": "none-such"}'):
        path.write_text(text)
        result = run("--replay", path)
        assert result.exit_code == 2, text
        assert "trace: " in result.stderr


@pytest.mark.parametrize(
    "line", ['{"way": "up"}', "[" * 100_000, f'{{"t_ns": {10**400}, "way": "in", "hex": ""}}', '{"t_ns": 1e999}']
)
def test_a_damaged_line_ends_the_replay_and_is_reported(tmp_path, line):
    path = tmp_path / "saved.jsonl"
    good = Packet(5, "out", b"0RUN\r").to_json()
    path.write_text(f'{{"pumpd_trace": 1, "driver": "new-era"}}\n{good}\n{line}\n')
    result = run("--replay", path)
    assert result.exit_code == 1
    assert "RUN" in result.stdout
    assert "is not a packet of a trace" in result.stderr


def test_a_frame_in_pieces_is_shown_when_it_is_complete():
    packets = [
        Packet(1, "out", b"0RU"),
        Packet(2, "in", b"\x0200S"),
        Packet(3, "out", b"N\r"),
        Packet(4, "in", b"\x03"),
    ]
    found = [frames for _, frames in decoded(packets, NewEra.codec)]
    assert [len(frames) for frames in found] == [0, 0, 1, 1]
