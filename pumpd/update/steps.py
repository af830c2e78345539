"""The steps of an update. Each can be interrupted: a power cut at any point leaves the old or the new version whole, or
an update that the next boot rolls back.

Promises:
- What was verified is what is installed: the package is read once, and installed from a copy that only root can write.
- Nothing is changed before nobody is infused or observed. Control is then ended and the journal read once more, so that
  no infusion begins in between; if one has, control is started again and nothing was changed.
- A version that is not healthy is replaced by the previous one, without a person's help.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pumpd.idle import Activity
from pumpd.trust import SigningError, key_id, trusted_keys, verified_by
from pumpd.update.package import Package, Seen, objections, unhealthy
from pumpd.update.store import Store

HEALTHY_WITHIN_S = 90.0  # a Pi that has just compiled Python starts all processes in less than 30 s
STEADY_S = 15.0  # several restarts of a process that dies would show in this time (RestartSec=2)
POLL_S = 1.0


class HostError(Exception):
    """A command of the machine failed; the message is for the person at the gateway."""


class RefusedUpdateError(Exception):
    """Nothing was changed, for these reasons."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


class Host(Protocol):
    """The machine. Raises HostError."""

    debian: str  # the version of Debian, such as 12

    def fields(self, deb: Path) -> Package: ...
    def installed(self) -> Package: ...
    def newer(self, version: str, than: str) -> bool: ...
    def install(self, deb: Path, *, roll_back: bool) -> None: ...
    def repack(self, into: Path) -> None:
        """Make a package of the installed files."""
        ...

    def activity(self) -> Activity: ...
    def seen(self) -> Seen: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def now(self) -> datetime: ...
    def say(self, text: str) -> None: ...


class Update:
    def __init__(self, store: Store, host: Host, keys: Path) -> None:
        """`keys`: the file of the public keys that may sign an update."""
        self._store, self._host, self._keys = store, host, keys

    def install(self, deb: Path, by: str, *, journal_unreadable: bool = False) -> dict[str, Any]:
        """Install the package. Returns how it ended: installed, or rolled back and why.

        `journal_unreadable`: the person knows that nobody was infused, although the journal cannot say. Raises
        RefusedUpdateError; then nothing was changed. HostError: neither version could be brought up.
        """
        if self._store.under_way:
            raise RefusedUpdateError(
                f"an update ({self._store.under_way}) was interrupted; roll it back first: `pumpd update --roll-back`, "
                "or restart the gateway"
            )
        self._store.open()
        offered, signer = self._prepared(deb)
        installed = self._host.installed()
        newer = self._host.newer(offered.version, installed.version)
        reasons = objections(offered, installed, self._host.debian, newer=newer)
        if reasons := [*reasons, *self._busy(journal_unreadable=journal_unreadable)]:
            raise RefusedUpdateError(*reasons)
        self._keep_previous(installed)
        before = self._host.seen()
        self._host.stop()
        if reasons := self._busy(journal_unreadable=journal_unreadable):
            self._host.start()
            raise RefusedUpdateError(*reasons)
        result = {"from": installed.version, "to": offered.version, "by": by, "key": signer}
        self._store.begin(installed.version, offered.version)
        self._host.say(f"Installing {offered} over {installed.version}")
        try:
            self._host.install(self._store.next, roll_back=False)
        except HostError as error:
            if self._host.installed() == installed:  # dpkg refused, such as while apt runs
                self._host.start()
                return self._ended(result, "not installed", str(error))
            return self._rolled_back(result, str(error), before)
        self._host.start()
        if why := self._not_healthy(before):
            return self._rolled_back(result, "; ".join(why), before)
        self._store.move(self._store.next, self._store.installed)
        return self._ended(result, "installed")

    def roll_back(self, by: str, *, journal_unreadable: bool = False) -> dict[str, Any]:
        """Finish an interrupted update by the previous version. Raises RefusedUpdateError, HostError."""
        old, _, new = self._store.under_way.partition(" ")
        if not new:
            raise RefusedUpdateError("no update is under way, so there is nothing to roll back")
        before = self._host.seen()
        if reasons := self._busy(journal_unreadable=journal_unreadable):
            raise RefusedUpdateError(*reasons)
        self._host.stop()
        return self._rolled_back({"from": old, "to": new, "by": by}, "it was interrupted", before)

    def _prepared(self, deb: Path) -> tuple[Package, str]:
        """The package, verified and copied, and the id of the key that signed it."""
        beside = deb.with_name(f"{deb.name}.sig")
        try:
            keys = trusted_keys(self._keys)
            raw, signature = deb.read_bytes(), beside.read_bytes()
        except SigningError as error:
            raise RefusedUpdateError(f"{error}; install the key again") from error
        except OSError as error:
            raise RefusedUpdateError(f"{error.filename}: {error.strerror}") from error
        if not keys:
            raise RefusedUpdateError(f"{self._keys} names no key, so no update can be verified; install the key first")
        key = verified_by(keys, raw, signature)
        if key is None:
            raise RefusedUpdateError(
                f"{beside.name} does not match {deb.name}, or a key signed it that {self._keys} does not hold: the "
                "file is damaged or not from who it seems; get both again"
            )
        try:
            self._store.write(self._store.next, raw)
            return self._host.fields(self._store.next), key_id(key)
        except (OSError, HostError) as error:
            raise RefusedUpdateError(f"{deb}: {error}") from error

    def _busy(self, *, journal_unreadable: bool) -> list[str]:
        activity = self._host.activity()
        return [*(activity.reasons if journal_unreadable else activity.objections)]

    def _keep_previous(self, installed: Package) -> None:
        """See that `previous.deb` is the installed package."""
        store = self._store
        try:
            if store.installed.exists() and self._host.fields(store.installed) == installed:
                store.move(store.installed, store.previous)
            elif not (store.previous.exists() and self._host.fields(store.previous) == installed):
                self._host.repack(store.previous)
        except (OSError, HostError) as error:
            raise RefusedUpdateError(
                f"the installed version could not be kept, so there would be no way back: {error}"
            ) from error

    def _not_healthy(self, before: Seen) -> list[str]:
        """Wait until the new version is healthy and stays so; returns what is wrong when it is not in time."""
        host = self._host
        end, since = host.monotonic() + HEALTHY_WITHIN_S, None
        while True:
            why = unhealthy(before, host.seen())
            now = host.monotonic()
            if why:
                since = None
            elif since is None:
                since = now
            elif now - since >= STEADY_S:
                return []
            if now >= end and why:
                return why
            host.sleep(POLL_S)

    def _rolled_back(self, result: Mapping[str, Any], why: str, before: Seen) -> dict[str, Any]:
        self._host.say(f"{result['to']} is rolled back to {result['from']}: {why}")
        try:
            self._host.stop()
            self._host.install(self._store.previous, roll_back=True)
        finally:
            self._host.start()  # whatever is installed: the pumps need control
        if still := self._not_healthy(before):
            raise HostError(
                f"{result['from']} is installed again because {result['to']} failed ({why}), and is not healthy "
                f"either: {'; '.join(still)}. Read the log of control; the next boot will try once more"
            )
        return self._ended(result, "rolled back", why)

    def _ended(self, result: Mapping[str, Any], outcome: str, why: str = "") -> dict[str, Any]:
        ended = {**result, "outcome": outcome, "why": why, "at": self._host.now().isoformat(timespec="seconds")}
        self._store.end(ended)
        return ended
