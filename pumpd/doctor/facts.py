"""What is known about this gateway before the checks: its configuration, its time, and what control answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pumpd.doctor.machine import Machine
from pumpd.host.clock_rules import KernelClock
from pumpd.host.file_check import Deviation
from pumpd.host.units import CONTROL, FOLDERS
from pumpd.settings import Settings
from pumpd.settings_seal import Seal


@dataclass(frozen=True, slots=True)
class Control:
    """What control answered to `status`. Without a status, `why` says what is known of it, and `denied` that this user
    may not ask.
    """

    status: Mapping[str, Any] | None = None
    why: str = ""
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """How the last update ended, and which one is under way; `denied`: this user may not see it."""

    last: Mapping[str, Any] = field(default_factory=dict)
    under_way: str = ""
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """`settings` is None when the configuration cannot be read, and `denied` when only this user may not read it.

    `errors` and `warnings` are those of `pumpd config check`, `deviations` those of the files from their table.
    """

    machine: Machine
    config: Path
    settings: Settings | None
    now: datetime
    clock: KernelClock
    denied: bool = False
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    update: Update = field(default_factory=Update)
    seal: Seal = field(default_factory=Seal)
    deviations: tuple[Deviation, ...] = ()
    control: Control = field(default_factory=Control)

    @property
    def real(self) -> bool:
        """Whether a pump here may be real; assumed when the configuration cannot be read on an installed gateway."""
        return self.installed if self.settings is None else bool(self.settings.real_pumps)

    @property
    def installed(self) -> bool:
        """Whether pumpd's units are installed here."""
        return any(self.machine.at(folder / CONTROL).exists() for folder in FOLDERS)
