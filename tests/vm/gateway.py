"""The virtual gateway: a machine with pumpd installed, pumps outside, and what a person at the gateway asks it.

What a pump really did comes from `Pumps` (the plants' truth), what pumpd recorded from the journal in the machine.
"""

import contextlib
import itertools
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.gateway import ENDED
from tests.vm.channel import ChannelError
from tests.vm.machine import GATEWAY, SOCKETS, Image, Machine, free_port
from tests.vm.pumps import BEDS, Pumps, pumpsim

WITHIN_S = 180.0  # an emulated machine on a busy host; a test that passes does not wait
UNITS = ("pumpd-control", "pumpd-bedside", "pumpd-telemetry")
NAME = "usb-QEMU_QEMU_USB_SERIAL_{}-if00-port0"

# Read in the machine, because the newest entries may still be in the journal's WAL.
ENTRIES = """
import json, sqlite3, sys
journal = sqlite3.connect("file:/var/lib/pumpd/journal.sqlite3?mode=ro", uri=True)
marks = ",".join("?" * len(sys.argv[1:]))
query = f"SELECT id, ts, pump, session, kind, body FROM records WHERE kind IN ({marks}) ORDER BY id"
for *named, body in journal.execute(query, sys.argv[1:]):
    print(json.dumps(dict(zip(("id", "ts", "pump", "session", "kind"), named)) | {"fields": json.loads(body)}))
journal.close()
"""


def _is_read(pump: dict[str, Any]) -> bool:
    """Identified, connected, and read not long ago."""
    fresh = pump["age_s"] is not None and pump["age_s"] < 10 and pump["links"].get("pump") == "ok"
    return bool(fresh and pump["pump_state"] and not pump["problem"])


@dataclass
class VirtualGateway:
    machine: Machine
    outside: Pumps
    folder: Path
    plugged: dict[str, str] = field(default_factory=dict)  # the USB socket of each adapter
    name: str = GATEWAY
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.machine.port}"

    # -- power and cables --------------------------------------------------------------------------------------------

    def on(self, *, cables: bool = True, **how: Any) -> float:
        """Switch it on with its adapters plugged; returns the seconds until pumpd answered and had read its pumps."""
        began = time.monotonic()
        self.machine.on(**how)
        if cables:
            self.plugged = {}
            for bed, place in zip(BEDS, SOCKETS, strict=False):
                self.plug(bed, place)
        else:
            self.plugged = {}
        if cables:
            self.ready()
        return time.monotonic() - began

    def plug(self, bed: str, place: str) -> None:
        self.machine.plug(bed, place, bed)
        self.plugged[bed] = place

    def pull(self, bed: str) -> None:
        self.machine.pull(bed)
        del self.plugged[bed]

    def ready(self) -> None:
        """Wait until control answers and has read every pump, and tablets are served."""
        self.wait(self.is_ready, "pumpd to be ready")

    def is_ready(self) -> bool:
        answer = self.try_ask(op="status")
        if not answer.get("ok"):
            return False
        states = {pump["pump"]: pump for pump in answer["result"]["pumps"]}
        return all(_is_read(states[bed]) for bed in self.plugged) and self._served()

    def _served(self) -> bool:
        try:
            return "active" in self.run("systemctl is-active pumpd-bedside", check=False).out.split()
        except TimeoutError:  # a machine that still starts may be too busy for its agent
            return False

    # -- in the machine ----------------------------------------------------------------------------------------------

    def run(self, command: str, *, check: bool = True, within_s: float = WITHIN_S) -> Any:
        """As root, at the machine."""
        return self.machine.agent.run(command, check=check, within_s=within_s)

    def entries(self, *kinds: str, pump: str = "", after: int = 0) -> list[dict[str, Any]]:
        """Journal entries of these kinds, oldest first."""
        out = self.machine.agent.execute(["/usr/bin/python3", "-I", "-c", ENTRIES, *kinds], within_s=WITHIN_S).out
        found = [json.loads(line) for line in out.splitlines()]
        return [each for each in found if pump in ("", each["pump"]) and each["id"] > after]

    def journal_is_intact(self) -> None:
        said = self.run("pumpd journal verify", check=False)
        assert said.code == 0, said.text

    # -- requests, as a person at the gateway ------------------------------------------------------------------------

    def ask(self, **fields: Any) -> dict[str, Any]:
        answer = self.try_ask(**fields)
        if not answer:
            raise ChannelError(f"no answer to {fields}")
        return answer

    def try_ask(self, **fields: Any) -> dict[str, Any]:
        """Over the operator socket; empty when nothing answers."""
        number = f"{os.getpid()}-{next(self._numbers)}"
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(40)
            client.connect(str(self.folder / "operator"))
            client.sendall(f"\n{number} {json.dumps(fields)}\n".encode())
            with client.makefile("rb") as answers:
                for line in answers:
                    head, _, rest = line.partition(b" ")
                    if head.decode(errors="replace") == number:
                        found: dict[str, Any] = json.loads(rest)
                        return found
        return {}

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(op="status")["result"]
        return found

    def pumps(self) -> dict[str, dict[str, Any]]:
        return {pump["pump"]: pump for pump in self.state()["pumps"]}

    def infusion(self, bed: str) -> dict[str, Any]:
        found: dict[str, Any] = self.pumps()[bed]["infusion"] or {"state": None}
        return found

    def infusion_state(self, bed: str) -> str | None:
        return self.infusion(bed)["state"]

    def alarms(self) -> list[str]:
        return [each["alarm"] for each in self.state()["alarms"]]

    def until(self, bed: str, *states: str | None) -> None:
        def so() -> bool:
            answer = self.try_ask(op="status")
            found = {pump["pump"]: pump["infusion"] for pump in answer.get("result", {}).get("pumps", ())}
            return bed in found and (found[bed] and found[bed]["state"]) in states

        self.wait(so, f"{bed} {' or '.join(map(str, states))}")

    def free(self, bed: str) -> None:
        """End any infusion on that bed."""
        if self.infusion_state(bed) not in ENDED:
            self.ask(op="stop", pump=bed, by="the previous test")
            self.until(bed, *ENDED)

    def wait(self, true: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> float:
        """Returns how long it took in seconds."""
        began = time.monotonic()
        while not true():
            if time.monotonic() > began + within_s:
                raise AssertionError(f"waited {within_s:g} s for {what}; pumpd answers {self.try_ask(op='status')}")
            time.sleep(0.25)
        return time.monotonic() - began

    # -- compared with the plant ---------------------------------------------------------------------------------------

    def booked_enough(self, bed: str, given_before_ml: float = 0.0) -> tuple[float, float]:
        """No less is booked for the infusion at that bed than its plant gave since; returns both, mL."""
        booked = float(self.infusion(bed).get("booked_ml", 0))
        given = self.outside.given_ml(bed) - given_before_ml
        assert booked >= given - self.outside.slack_ml(given), f"{booked} mL booked at {bed}, {given} mL given"
        return booked, given


@contextlib.contextmanager
def virtual_gateway(image: Image, broker_port: int = 0, brought: Path | None = None) -> Iterator[VirtualGateway]:
    """A new gateway, still switched off. Its folder has a short name, because sockets are made there.

    `brought`: a file that the machine has as a second drive.
    """
    with tempfile.TemporaryDirectory(prefix="pumpd-vm-") as name, pumpsim(Path(name)) as outside:
        machine = Machine(Path(name), image, outside.cables, free_port(), broker_port, brought=brought)
        try:
            yield VirtualGateway(machine, outside, Path(name))
        except BaseException:
            print(f"the console ends:\n{machine.said()}")
            raise
        finally:
            machine.close()
