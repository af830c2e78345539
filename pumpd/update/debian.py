"""The machine under an update: dpkg, systemd, control and bedside."""

import contextlib
import http.client
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pumpd.host import units
from pumpd.idle import Activity, activity, ask_status
from pumpd.settings import Settings
from pumpd.update.package import NAME, Package, Seen, Unit
from pumpd.update.steps import HostError

UPDATING = Path("/run/pumpd-updating")  # keeps pumpd-update-check.service to the next boot: /run is empty then
INSTALL_WITHIN_S = 600  # a card that is nearly worn out takes minutes
COMMAND_WITHIN_S = 60


class Debian:
    def __init__(self, settings: Settings, say: Callable[[str], None], *, journal_unreadable: bool = False) -> None:
        """`journal_unreadable`: the installed version's own check of the journal must not refuse the package."""
        self._settings, self.say = settings, say
        self._environment = {"PUMPD_JOURNAL_UNREADABLE": "1"} if journal_unreadable else {}
        self.debian = platform_version()

    # -- packages ------------------------------------------------------------------------------------------------------

    def fields(self, deb: Path) -> Package:
        text = _run("dpkg-deb", "--show", "--showformat", "${Package} ${Version} ${Architecture}", str(deb))
        return _package(text)

    def installed(self) -> Package:
        text = _run("dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Architecture} ${Status}", NAME)
        found, _, status = text.partition(" install ok ")
        if status.strip() != "installed":
            return Package(NAME, "", "")
        return _package(found)

    def newer(self, version: str, than: str) -> bool:
        try:
            _run("dpkg", "--compare-versions", version, "gt", than)
        except HostError:
            return False
        return True

    def install(self, deb: Path, *, roll_back: bool) -> None:
        with contextlib.suppress(OSError):
            UPDATING.touch()
        own = {"PUMPD_ROLLBACK": "1"} if roll_back else self._environment
        _run("dpkg", "--force-confold", "--install", str(deb), within_s=INSTALL_WITHIN_S, environment=own)

    def repack(self, into: Path) -> None:
        with tempfile.TemporaryDirectory(dir=into.parent) as folder:
            try:
                _run("dpkg-repack", NAME, within_s=INSTALL_WITHIN_S, folder=folder)
            except FileNotFoundError as error:
                raise HostError("dpkg-repack is missing: `apt install dpkg-repack`, once") from error
            (made,) = Path(folder).glob("*.deb")
            made.replace(into)

    # -- processes -----------------------------------------------------------------------------------------------------

    def activity(self) -> Activity:
        return activity(self._settings, datetime.now(UTC))

    def seen(self) -> Seen:
        shown = {name: _unit(name) for name in units.ALL}
        try:
            status = ask_status(self._settings)
        except (OSError, ValueError):
            status = None
        return Seen(shown, status, bedside=shown[units.BEDSIDE].active and self._bedside_answers())

    def stop(self) -> None:
        if there := [name for name in units.ALL if _shown(name).get("LoadState") == "loaded"]:
            _run("systemctl", "stop", *there, within_s=INSTALL_WITHIN_S)

    def start(self) -> None:
        if enabled := [name for name in units.ALL if _shown(name).get("UnitFileState") == "enabled"]:
            with contextlib.suppress(HostError):  # what does not start is seen as not healthy
                _run("systemctl", "start", *enabled, within_s=INSTALL_WITHIN_S)

    def _bedside_answers(self) -> bool:
        bedside = self._settings.bedside
        if bedside is None:
            return False
        host = "127.0.0.1" if bedside.host in ("0.0.0.0", "::") else bedside.host  # noqa: S104  # every address
        context = ssl.create_default_context()
        # On this machine, and only to see that it answers: a certificate that has ended must not prevent an update.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, bedside.port, timeout=5, context=context)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # -- time ----------------------------------------------------------------------------------------------------------

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def now(self) -> datetime:
        return datetime.now(UTC)


def platform_version(file: Path = Path("/etc/os-release")) -> str:
    """The version of Debian, or of the Raspberry Pi OS that is the same; empty when it is not known."""
    with contextlib.suppress(OSError):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("VERSION_ID="):
                return line.partition("=")[2].strip().strip('"')
    return ""


def _package(text: str) -> Package:
    try:
        return Package(*text.split())
    except TypeError as error:
        raise HostError(f"not the fields of a package: {text[:200]!r}") from error


def _unit(name: str) -> Unit:
    found = _shown(name)
    return Unit(active=found.get("ActiveState") == "active", restarts=int(found.get("NRestarts") or 0))


def _shown(name: str) -> dict[str, str]:
    """What systemd reports about a unit; nothing where there is no systemd."""
    try:
        text = _run("systemctl", "show", "--property", "LoadState,UnitFileState,ActiveState,NRestarts", name)
    except HostError:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _run(
    *command: str,
    within_s: float = COMMAND_WITHIN_S,
    environment: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> str:
    """The output of a command. Raises HostError, FileNotFoundError."""
    try:
        done = subprocess.run(  # noqa: S603  # a fixed command; its arguments are no shell's
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"} | dict(environment or {}),
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(f"{command[0]} did not end within {within_s:g} s") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise HostError(f"`{' '.join(command)}` failed: {said or f'exit status {done.returncode}'}")
    return done.stdout
