"""Carrying out a plan, step by step. Each step is done as a whole or not at all, and a second run repeats none.

The configuration comes last of the files: until then a gateway that runs is as it was.
"""

import grp
import pwd
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pumpd.bedside.certificates import CertificateError, make
from pumpd.host.file_writing import make_folder, make_trusted, write
from pumpd.host.files import OPERATORS, Owners, row
from pumpd.host.units import FOLDERS, needed, unit
from pumpd.settings import Settings
from pumpd.setup.plan import Plan, PlanError, present
from pumpd.trust import CONFIG_KEYS, UPDATE_KEYS, trusted_path


class StepError(Exception):
    """A step was not done; the message says why, and what to do. The steps before it were done."""


@dataclass(frozen=True, slots=True)
class Step:
    """`what`: as in "not done: …". `do` returns what it did, or raises StepError."""

    what: str
    do: Callable[[], str]


def steps(plan: Plan, settings: Settings, path: Path, names: Sequence[str]) -> Iterator[Step]:
    """What is to be done, in this order. `names`: names and addresses that this machine has now."""
    owners = Owners.of(settings.state_dir)
    for name, keys in ((CONFIG_KEYS, plan.rest.config_keys), (UPDATE_KEYS, plan.rest.update_keys)):
        if keys:
            place = trusted_path(path, name)
            yield Step(f"trust keys {place}", _files(partial(_trust, place, keys, owners)))
    wanted = settings.bedside is not None and settings.bedside.tls_cert is None and plan.rest.certificate
    if wanted:
        yield Step(f"certificate in {settings.tls_dir}", _files(partial(_certificate, settings, names)))
    yield Step(f"configuration {path}", _files(partial(_configuration, plan, path, owners)))
    for user in plan.rest.operators:
        yield Step(f"{user} in the group {OPERATORS}", partial(_operator, user))
    if plan.rest.start and Path("/run/systemd/system").is_dir() and _installed("control"):
        services = [name for name in needed(settings) if _installed(name)]
        yield Step(f"start of {', '.join(services)}", partial(_start, services))


def objections(plan: Plan) -> list[str]:
    """What is wrong with the plan on this machine, before anything is done."""
    found = []
    for user in plan.rest.operators:
        try:
            pwd.getpwnam(user)
        except KeyError:
            found.append(f"setup.operators: there is no user {user!r} here; `adduser {user}` makes one")
    if plan.rest.operators and OPERATORS not in {each.gr_name for each in grp.getgrall()}:
        found.append(f"setup.operators: there is no group {OPERATORS}; the package makes it, so install that first")
    return found


def _files(do: Callable[[], str]) -> Callable[[], str]:
    """Failures of writing, in words."""

    def doing() -> str:
        try:
            return do()
        except PermissionError as error:
            raise StepError(f"{error.filename or 'the file'}: this user may not write there; use sudo") from error
        except (OSError, CertificateError, PlanError) as error:
            raise StepError(str(error)) from error

    return doing


def _trust(place: Path, keys: Sequence[str], owners: Owners) -> str:
    text = "".join(f"{key}\n" for key in keys).encode()
    if place.exists() and place.read_bytes() == text:
        return f"{place} was already so"
    make_trusted(row("configuration directory"), place.parent.parent, owners)
    make_folder(row("trust keys"), place.parent, owners, beneath=place.parent.parent)
    write(row("trust key"), place, text, owners, beneath=place.parent.parent)
    return f"{place}: {len(keys)} key(s)"


def _certificate(settings: Settings, names: Sequence[str]) -> str:
    assert settings.bedside is not None
    if (settings.tls_dir / "gateway.pem").exists():
        return f"{settings.tls_dir / 'gateway.pem'} is there; `pumpd tls` renews it"
    made = make(settings.tls_dir, settings.gateway, settings.bedside.names, found=names)
    return f"{made.cert}, for {', '.join(made.names)}, until {made.until:%Y-%m-%d}"


def _configuration(plan: Plan, path: Path, owners: Owners) -> str:
    before = present(path)
    if before == plan.config:
        return f"{path} was already so"
    make_trusted(row("configuration directory"), path.parent, owners)
    kept = ""
    if before is not None:
        backup = _free(path)
        write(row("configuration"), backup, path.read_bytes(), owners, beneath=path.parent)
        kept = f"; the former one is {backup}"
    write(row("configuration"), path, plan.text.encode(), owners, beneath=path.parent)
    return f"{path}{kept}"


def _free(path: Path) -> Path:
    """A name for the former configuration that is not taken. It ends so that nothing reads it as a configuration."""
    number = 1
    while (found := path.with_name(f"{path.name}.before-{number}")).exists():
        number += 1
    return found


def _operator(user: str) -> str:
    if user in grp.getgrnam(OPERATORS).gr_mem:
        return f"{user} was already in the group {OPERATORS}"
    _run("gpasswd", "-a", user, OPERATORS)
    return f"{user} is in the group {OPERATORS} from the next sign-in on"


def _installed(name: str) -> bool:
    return any((folder / unit(name)).exists() for folder in FOLDERS)


def _start(names: Sequence[str]) -> str:
    _run("systemctl", "enable", "--now", *map(unit, names))
    return f"started, also at each boot: {', '.join(names)}"


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603  # no shell; a user's name was looked up first
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(f"`{' '.join(command)}`: {error}") from error
    if done.returncode != 0:
        raise StepError(f"`{' '.join(command)}`: {done.stderr.strip() or f'exit status {done.returncode}'}")
