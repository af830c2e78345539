"""After a renewal: bedside takes the certificate into use, by itself or by a restart, never during an infusion."""

import os
from pathlib import Path

import pytest

from pumpd.cli import tls
from pumpd.cli.client import NoAnswerError
from pumpd.messages.requests import Answer
from pumpd.settings import Settings
from pumpd.settings_file import DEFAULT_PATH


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.model_validate({"gateway": "ward-7", "state_dir": tmp_path})


@pytest.fixture
def called(tmp_path, monkeypatch):
    """A `systemctl` that notes its arguments; the file `inactive` or `broken` makes it fail."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$1" >> {tmp_path}/called\n'
        f'[ "$1" = is-active ] && [ -e {tmp_path}/inactive ] && exit 3\n'
        f'[ "$1" = restart ] && [ -e {tmp_path}/broken ] && exit 1\nexit 0\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return lambda: (tmp_path / "called").read_text().split() if (tmp_path / "called").exists() else []


def control(monkeypatch, *infusions: dict[str, object] | None) -> None:
    pumps = [{"pump": f"bed{number}", "infusion": each} for number, each in enumerate(infusions, 1)]
    monkeypatch.setattr(tls, "asked", lambda *_: Answer(ok=True, result={"pumps": pumps}))


def test_a_service_is_restarted_when_no_infusion_is_under_way(settings, called, monkeypatch):
    control(monkeypatch, None, {"ended": True})
    assert "was restarted" in tls.take_into_use(settings, DEFAULT_PATH)
    assert called() == ["is-active", "restart"]


def test_a_service_is_never_restarted_during_an_infusion(settings, called, monkeypatch):
    control(monkeypatch, None, {"ended": False})
    said = tls.take_into_use(settings, DEFAULT_PATH)
    assert "wait until bed2" in said
    assert "sudo systemctl restart pumpd-bedside" in said
    assert called() == ["is-active"]


def test_without_control_no_tablet_shows_anything_that_a_restart_could_interrupt(settings, called, monkeypatch):
    def away(*_):
        raise NoAnswerError("away", sent=False)

    monkeypatch.setattr(tls, "asked", away)
    assert "was restarted" in tls.take_into_use(settings, DEFAULT_PATH)
    assert called() == ["is-active", "restart"]


def test_a_restart_that_fails_is_said(settings, called, monkeypatch, tmp_path):
    control(monkeypatch)
    (tmp_path / "broken").touch()
    assert "could not be restarted" in tls.take_into_use(settings, DEFAULT_PATH)


def test_a_user_without_rights_hears_what_to_run(settings, called, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo systemctl restart" in tls.take_into_use(settings, DEFAULT_PATH)
    assert called() == ["is-active"]


@pytest.mark.parametrize(("config", "inactive"), [(Path("/elsewhere.toml"), False), (DEFAULT_PATH, True)])
def test_without_the_service_bedside_takes_it_into_use_by_itself(settings, called, tmp_path, config, inactive):
    if inactive:
        (tmp_path / "inactive").touch()
    assert "without a restart" in tls.take_into_use(settings, config)
    assert "restart" not in called()
