"""A gateway's journal with entries to publish: for the broker's telemetry and for the ward's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpd.journal import Entry, Journal
from pumpd.settings import Settings


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def journal(state_dir: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(state_dir / "journal.sqlite3", boot="boot-1")) as journal:
        yield journal


def settings_of(state_dir: Path, gateway: str, **sections: Any) -> Settings:
    """A gateway with one simulated pump, and these sections."""
    pump = {"name": "pump-a", "driver": "new-era", "port": "/dev/null", "serial": "1", "model": "NE-1000"}
    return Settings.model_validate(
        {"gateway": gateway, "state_dir": state_dir, "pump": [{**pump, "simulated": True}], **sections}
    )


def reading(number: int, **body: str) -> Entry:
    fields = {"state": "running", "pump_state": "infusing", "rate_ml_h": "52.5", "volume_infused_ml": str(number / 100)}
    return Entry("reading", {**fields, **body}, pump="pump-a", session="s1", mono_ns=number * 10**9)
