"""What setup is to write: the configuration as it will be, and what else a gateway needs. Nothing here writes.

A plan comes from a person's answers or from a file. The file is a configuration, with a section `[setup]` for the rest;
so every key of `pumpd.toml` can be in it, and it needs no explanation of its own.
"""

import re
import socket
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ConfigDict, ValidationError

from pumpd.settings import PublicKey
from pumpd.settings_file import DEFAULT_PATH, Read
from pumpd.validation import problems

HEADER = """\
# Configuration of a pumpd gateway, written by `pumpd setup`. Not a cleared medical device: for simulation, research and
# integration only. Every key: docs/reference/configuration.md. After a change: `pumpd config check`.

"""
# On a gateway each socket has a directory with a group of its own (tmpfiles.d/pumpd.conf).
ON_A_GATEWAY = {
    "state_dir": "/var/lib/pumpd",
    "socket": "/run/pumpd/control.sock",
    "tablet_socket": "/run/pumpd-tablets/tablet.sock",
    "vitals_socket": "/run/pumpd-vitals/vitals.sock",
}


class PlanError(ValueError):
    """The plan cannot be carried out. `problems` holds a line for each reason. Nothing was written."""

    def __init__(self, found: list[str]) -> None:
        self.problems = found
        super().__init__("; ".join(found))


class Rest(BaseModel):
    """The section `[setup]` of a file: what a gateway needs besides its configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: bool = True
    """Make the certificate for tablets, if there is none."""
    operators: tuple[str, ...] = ()
    """Users of this machine who may order, confirm and stop on the command line."""
    config_keys: tuple[PublicKey, ...] = ()
    """Public keys that may sign the configuration. With one, nothing starts until it is signed."""
    update_keys: tuple[PublicKey, ...] = ()
    """Public keys that may sign an update."""
    start: bool = True
    """Start the services, where systemd runs, and at each boot."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`problems`: what is wrong with the section `[setup]`."""

    config: Mapping[str, Any]
    rest: Rest
    problems: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return HEADER + tomlkit.dumps(dict(self.config))


def usual(path: Path) -> dict[str, Any]:
    """The keys that every configuration at this path has."""
    if path == DEFAULT_PATH:
        return {"gateway": own_name(), **ON_A_GATEWAY}
    return {"gateway": own_name(), "state_dir": str(path.absolute().parent / "state")}


def own_name() -> str:
    """A name for this gateway after its machine."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", socket.gethostname().partition(".")[0].lower()).strip("-_")
    return plain[:32] or "gateway"


def read_plan(file: Path, path: Path) -> Plan:
    """The plan in a file, for a configuration at `path`. Raises PlanError."""
    try:
        given = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except OSError as error:
        raise PlanError([f"{file}: cannot be read: {error.strerror}"]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError([f"{file}: not valid TOML: {error}"]) from error
    section = given.pop("setup", {})
    rest, wrong = Rest(), list[str]()
    try:
        rest = Rest.model_validate(section)
    except ValidationError as error:
        wrong = [f"{file}: setup.{each}" for each in problems(error, "setup")]
    return Plan({**usual(path), **given}, rest, tuple(wrong))


def present(path: Path) -> dict[str, Any] | None:
    """The configuration that is there, without its drop-ins; None when there is none. Raises PlanError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise PlanError([f"{path}: this user may not read it; use sudo"]) from error
    except OSError as error:
        raise PlanError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError([f"{path}: not valid TOML: {error}. Repair it, or move it away"]) from error


def as_read(plan: Plan, path: Path) -> Read:
    """The files to which the plan leads, together with the drop-ins beside `path`. They are gone, and were in a folder
    of their own.
    """
    with tempfile.TemporaryDirectory(prefix="pumpd-setup-") as folder:
        trial = Path(folder) / path.name
        trial.write_text(plan.text, "utf-8")
        drop_ins = path.with_suffix(".d")
        if drop_ins.is_dir():
            trial.with_suffix(".d").mkdir()
            for each in sorted(drop_ins.glob("*.toml")):
                (trial.with_suffix(".d") / each.name).write_bytes(each.read_bytes())
        return Read(trial)
