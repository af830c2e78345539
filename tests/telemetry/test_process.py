"""The cursor file and the command line of `python -m pumpd.telemetry`."""

import os
import subprocess
import sys

import pytest

from pumpd.journal import Record
from pumpd.telemetry import __main__ as command
from pumpd.telemetry.cursor import Cursor, CursorError, Position

from .conftest import gateway_settings


def entry(number: int) -> Record:
    return Record(number, "ts", 0, "b", "", "", "kind", "{}", f"hash-{number}")


def test_the_cursor_survives_and_moves_forward_only(tmp_path):
    cursor = Cursor(tmp_path / "c.sqlite3")
    assert cursor.position == Position(0, "")
    cursor.advance(Position(5, "hash-5"))
    cursor.advance(Position(3, "hash-3"))
    cursor.close()
    cursor = Cursor(tmp_path / "c.sqlite3")
    assert cursor.position == Position(5, "hash-5")
    cursor.start_over()
    assert cursor.position.id == 0
    cursor.close()


def test_a_second_process_on_the_same_cursor_is_refused(tmp_path):
    cursor = Cursor(tmp_path / "c.sqlite3")
    with pytest.raises(CursorError, match="in use"):
        Cursor(tmp_path / "c.sqlite3")
    cursor.close()
    Cursor(tmp_path / "c.sqlite3").close()


def test_a_cursor_that_is_not_a_database_is_refused_by_name(tmp_path):
    (tmp_path / "c.sqlite3").write_text("not a database, and long enough to be read as one" * 30)
    with pytest.raises(CursorError, match=r"c\.sqlite3"):
        Cursor(tmp_path / "c.sqlite3")
    with pytest.raises(CursorError, match="cannot be opened"):
        Cursor(tmp_path / "missing" / "c.sqlite3")


def test_bad_configuration_is_refused_with_file_and_reason(tmp_path, capsys):
    config = tmp_path / "pumpd.toml"
    assert command.main(["--config", str(config)]) == 2
    assert "pumpd.toml: cannot be read" in capsys.readouterr().err
    config.write_text(f'gateway = "g"\nstate_dir = "{tmp_path}"\n')
    assert command.main(["--config", str(config)]) == 2
    assert "mqtt: telemetry needs this section" in capsys.readouterr().err


def test_under_systemd_the_cursor_lives_in_the_services_own_directory(tmp_path, monkeypatch):
    settings = gateway_settings(tmp_path, None)
    assert command.cursor_path(settings) == tmp_path / "telemetry.sqlite3"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/pumpd-telemetry")
    assert str(command.cursor_path(settings)) == "/var/lib/pumpd-telemetry/telemetry.sqlite3"


@pytest.mark.requirement("SEC-20")
def test_the_help_states_that_it_is_not_a_cleared_device_and_needs_no_cli_library():
    code = "import sys, pumpd.telemetry.__main__ as m; print('typer' in sys.modules); m.main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.startswith("False\n")
    assert "not a cleared medical device" in " ".join(done.stdout.split())
