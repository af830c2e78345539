"""A gateway whose power can fail at any step of an update: what dpkg and systemd do to it, without either."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pumpd.host.units import ALL
from pumpd.idle import Activity
from pumpd.update.package import Package, Seen, Unit
from pumpd.update.steps import HostError
from pumpd.update.store import Store

UNIT = Path(__file__).parents[2] / "systemd" / "pumpd-update-check.service"
OLD, NEW = Package("pumpd", "1.0+deb12", "amd64"), Package("pumpd", "1.1+deb12", "amd64")


class PowerCutError(BaseException):
    """No handler of an error may catch it, and nothing in the machine happens after it."""


def deb(package: Package) -> bytes:
    return f"{package.name} {package.version} {package.architecture}".encode()


@dataclass
class FakeHost:
    """`ill`: versions that do not come up. `cut_at`: the number of the step at which the power fails."""

    store: Store
    ill: frozenset[str] = frozenset()
    busy: Activity = field(default_factory=Activity)
    ordered_meanwhile: bool = False  # somebody orders between the first question and the end of control
    refuses: str = ""  # why dpkg refuses the new package, if it does
    no_repack: bool = False
    cut_at: int | None = None
    debian: str = "12"
    package: Package = OLD
    whole: bool = True  # False: power failed while dpkg unpacked
    running: bool = True
    steps: int = 0
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)

    def step(self, change: Callable[[], Any], halfway: Callable[[], Any] | None = None) -> None:
        """Something that changes the machine. The power fails before it, or, with `halfway`, also within it."""
        for doing in (halfway, change) if halfway is not None else (change,):
            if self.steps == self.cut_at:
                raise PowerCutError
            self.steps += 1
            doing()

    def fields(self, deb: Path) -> Package:
        words = deb.read_text().split()
        if len(words) != 3:
            raise HostError(f"{deb} is no package")
        return Package(*words)

    def installed(self) -> Package:
        return self.package if self.whole else Package("pumpd", "", "")

    def newer(self, version: str, than: str) -> bool:
        return version > than

    def install(self, deb: Path, *, roll_back: bool) -> None:
        if self.refuses and not roll_back:
            raise HostError(self.refuses)
        new = self.fields(deb)
        self.step(lambda: self._set(new, whole=True), lambda: self._set(self.package, whole=False))

    def _set(self, package: Package, *, whole: bool) -> None:
        self.package, self.whole = package, whole

    def repack(self, into: Path) -> None:
        if self.no_repack:
            raise HostError("dpkg-repack is missing")
        self.step(lambda: into.write_bytes(deb(self.package)))

    def activity(self) -> Activity:
        if self.ordered_meanwhile and not self.running:
            return Activity(("gateway: an infusion is under way",))
        return self.busy

    def seen(self) -> Seen:
        well = self.running and self.whole and self.package.version not in self.ill
        status = {"journal": "ok", "pumps": [{"pump": "bed1", "problem": "", "links": {"pump": "ok"}}]}
        return Seen({name: Unit(self.running, 0 if well else 3) for name in ALL}, status if well else None, well)

    def stop(self) -> None:
        self.step(lambda: setattr(self, "running", False))

    def start(self) -> None:
        self.step(lambda: setattr(self, "running", True))

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def now(self) -> datetime:
        return datetime(2026, 11, 30, 12, tzinfo=UTC)

    def say(self, text: str) -> None:
        self.said.append(text)

    def boot(self) -> None:
        """The machine starts again: systemd runs the commands of the unit, where its conditions hold, then the rest."""
        self.cut_at, self.running = None, False
        lines = [line.partition("=") for line in UNIT.read_text().splitlines()]
        conditions = [value for name, _, value in lines if name == "ConditionPathExists"]
        assert conditions == ["/var/lib/pumpd-updates/under-way", "!/run/pumpd-updating"]
        commands = [value for name, _, value in lines if name == "ExecStart"]
        if (self.store.folder / "under-way").exists():
            for command in commands:
                self._run(shlex.split(command.lstrip("-").replace("/var/lib/pumpd-updates", str(self.store.folder))))
        self.running = True

    def _run(self, words: list[str]) -> None:
        if words[0].endswith("/dpkg") and "--install" in words:
            self._set(self.fields(Path(words[-1])), whole=True)
        elif words[0].endswith("/mv"):
            Path(words[-2]).rename(words[-1])
        else:
            assert words[0].endswith(("/dpkg", "/env")), words
