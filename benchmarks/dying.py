"""Pumps that run while the gateway dies: a real control process, and `pumpsim` on real pseudo-terminals.

What flowed after a death is read from the simulated plants alone, over pumpsim's control port.
"""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.infusion import events as ev
from pumpd.journal import JournalReader, Record
from pumpd.library.files import CHECKOUT
from pumpd.library.signing import throwaway
from pumpd.messages.signing import der_of, sign
from pumpd.wire.guard import Guard, GuardError

ROOT = Path(__file__).parents[1]
RATE_ML_H = 52.5  # 35 mL in 40 minutes
LEASE_S = 10.0
UP_WITHIN_S = 90.0  # on a busy machine

DEATHS = {
    "SIGKILL": signal.SIGKILL,
    "SIGSTOP": signal.SIGSTOP,
    "frozen loop": signal.SIGUSR1,
    "no memory": signal.SIGUSR2,
}
CABLE = "cable out"


@dataclass(frozen=True)
class DyingBed:
    """A pump. `ends` are the loss-of-control classes that its driver must declare."""

    driver: str
    model: str
    ends: tuple[str, ...]
    serial: str = "ASSET"
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    order: Mapping[str, str] = field(default_factory=dict)

    def bound_s(self, death: str) -> float | None:
        """The longest flow after that death; None where only the volume ends it."""
        if "native" in self.ends or ("deadman" in self.ends and death != CABLE):
            return LEASE_S + 1.0  # STP-09
        return None


BEDS = {
    "new-era": DyingBed(
        "new-era", "ne-1000", ("native", "deadman"), settings={"address": 1}, options={"address": 1}
    ),
    "new-era-basic": DyingBed(
        "new-era",
        "ne-1000",
        ("deadman", "vtbi_only"),
        settings={"safe_mode": "off", "address": 2},
        options={"address": 2},
    ),
    "asena": DyingBed("alaris-asena", "Asena", ("native", "deadman"), "8002-51740"),
    "perfusor": DyingBed("dianet-star", "Perfusor fm", ("native",), "11111", options={"serial": "11111"}),
    "fresenius": DyingBed("fresenius-base-a", "BASE-A", ("vtbi_only",)),
    "fresenius-unheard": DyingBed(
        "fresenius-base-a", "BASE-A", ("deadman", "vtbi_only"), settings={"stops_unheard": True}
    ),
    "harvard": DyingBed("harvard", "LEGATO 100", ("deadman", "vtbi_only"), "D101754"),
    "reglo": DyingBed(
        "reglo-icc", "REGLO ICC", ("deadman", "vtbi_only"), "ICC00001", order={"container": "100 mL bag"}
    ),
    "zyno": DyingBed("zyno-miva", "MIVA", ("deadman", "vtbi_only"), "SN000001", order={"container": "100 mL bag"}),
}  # fmt: skip


class Simulators:
    """`pumpsim serve`, each pump on its own pseudo-terminal. `pumps`: the name and the bed of each."""

    def __init__(self, folder: Path, pumps: Mapping[str, str]) -> None:
        self._ports = {name: folder / str(number) for number, name in enumerate(pumps)}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._at = f"http://127.0.0.1:{probe.getsockname()[1]}/pumps/"
        lines = [f'control = "{self._at.split("/")[2]}"\n']
        for name, bed in pumps.items():
            options = ", ".join(f"{key} = {json.dumps(value)}" for key, value in BEDS[bed].options.items())
            lines.append(
                f'[[pump]]\nname = "{self._name(name)}"\nfamily = "{BEDS[bed].driver}"\npty = "{self._ports[name]}"\n'
                f"options = {{{options}}}\n"
            )
        file = folder / "bench.toml"
        file.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "pumpd_simulators", "serve", str(file)]
        self._popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._popen.stdout is not None
        for _ in pumps:
            assert self._popen.stdout.readline().startswith("ready "), "pumpsim did not start"

    def port(self, name: str) -> Path:
        return self._ports[name]

    @staticmethod
    def _name(name: str) -> str:
        return name.replace(": ", ".").replace(" ", "-")

    def truth(self, name: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._at}{self._name(name)}/truth", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def pull_cable(self, name: str) -> None:
        body = json.dumps({"kind": "disconnect", "duration": "1h"}).encode()
        urllib.request.urlopen(f"{self._at}{self._name(name)}/fault", body, timeout=5).close()

    def close(self) -> None:
        self._popen.terminate()
        self._popen.communicate(timeout=10)


class DyingControl:
    """A control process with the pumps of these beds, and a nurse with a paired key."""

    def __init__(self, folder: Path, ports: Mapping[str, Path]) -> None:
        self.folder, self.beds = folder, tuple(ports)
        self._key = ec.generate_private_key(ec.SECP256R1())
        state = folder / "state"
        state.mkdir(parents=True)
        self._paired = KeyStore(state / "paired-keys.json").add(
            pairable("nurse-1", "confirm", der_of(self._key.public_key()))
        )
        lines = [f'gateway = "ward-7"\nstate_dir = "{state}"\n{throwaway(CHECKOUT, folder / "library")}']
        for bed, port in ports.items():
            made = BEDS[bed]
            settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in made.settings.items())
            lines.append(
                f'[[pump]]\nname = "{bed}"\ndriver = "{made.driver}"\nport = "{port}"\nmodel = "{made.model}"\n'
                f'serial = "{made.serial}"\nsimulated = true\nclamp = true\n[pump.settings]\n{settings}'
            )
        (folder / "pumpd.toml").write_text("\n".join(lines), encoding="utf-8")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "benchmarks.dying_control", "--config", str(self.folder / "pumpd.toml")]
        with (self.folder / "log").open("ab") as log:
            self.popen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log)

    def ask(self, **fields: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self.folder / "state" / "control.sock"))
            client.sendall(json.dumps(fields).encode() + b"\n")
            with client.makefile() as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
                return answer

    def pumps(self) -> list[dict[str, Any]]:
        """The pumps in its status; none while it does not answer."""
        with contextlib.suppress(OSError):
            found: list[dict[str, Any]] = self.ask(op="status")["result"]["pumps"]
            return found
        return []

    def states(self) -> dict[str, str | None]:
        """Each pump's problem, or the state of its infusion."""
        return {
            pump["pump"]: pump["problem"] or (pump["infusion"] or {"state": None})["state"] for pump in self.pumps()
        }

    def until(self, *states: str | None) -> None:
        """Wait until the infusion of every pump is in one of these states."""
        end = time.monotonic() + UP_WITHIN_S
        while not (found := self.states()) or not all(state in states for state in found.values()):
            if time.monotonic() > end:
                raise TimeoutError(f"not {states}: {found}\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def run_all(self) -> None:
        """From nothing to a running infusion on every pump."""
        self.until("", None)
        self.order_all()
        self.confirm_all()
        self.until("running")

    def order_all(self) -> None:
        for bed in self.beds:
            answer = self.order(bed)
            assert answer["ok"], (bed, answer["reasons"])
            assert tuple(answer["result"]["loss_of_control"]) == BEDS[bed].ends, (
                bed,
                answer["result"]["loss_of_control"],
            )
        self.until("ready")

    def order(self, bed: str) -> dict[str, Any]:
        order: dict[str, str] = {
                 "entry": "ketamine-1mg-ml", "dose": "0.5 mg/kg", "weight": "70 kg", "weight_again": "70 kg",
                 "weight_basis": "actual", "duration": "40 min", "container": "50 mL", "patient": f"token-{bed}",
                 "ordered_by": "dr-a"}  # fmt: skip
        self.ask(op="associate", pump=bed, patient=order["patient"])
        return self.ask(op="order", pump=bed, **{**order, **BEDS[bed].order})

    def confirm_all(self) -> None:
        for bed in self.beds:
            self._confirm(bed)

    def _confirm(self, bed: str) -> None:
        answer = self.ask(op="challenge", pump=bed)
        assert answer["ok"], (bed, answer["reasons"])
        fields = answer["result"]["binding"] | {"wristband": answer["result"]["review"]["patient"]}
        binding = ev.Binding(**{**fields, "action": ev.ConfirmAction(fields["action"])})
        signed = {"op": "confirm", "pump": bed, "request": f"r-{bed}", "key": self._paired.id, **fields}
        answer = self.ask(**signed, signature=sign(self._key, binding))
        assert answer["ok"], (bed, answer["reasons"])

    def entries(self, kind: str) -> list[Record]:
        reader = JournalReader(self.folder / "state" / "journal.sqlite3")
        try:
            return reader.last(500, kind)
        finally:
            reader.close()

    def deadmen(self) -> list[Path]:
        return sorted((self.folder / "state").glob("deadman-*.sock"))

    def close(self) -> None:
        """End it and, as the next control would, every deadman that it leaves."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        asyncio.run(self._dismiss())

    async def _dismiss(self) -> None:
        for path in self.deadmen():
            for _ in range(40):
                try:
                    guard = await Guard.take_over(path)
                except GuardError:
                    await asyncio.sleep(0.05)
                    continue
                if guard is not None:
                    await guard.stand_down()
                    await guard.close()
                break


@contextlib.contextmanager
def simulators(folder: Path, pumps: Mapping[str, str]) -> Iterator[Simulators]:
    folder.mkdir()
    made = Simulators(folder, pumps)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def control(folder: Path, ports: Mapping[str, Path]) -> Iterator[DyingControl]:
    """A process whose beds have these ports."""
    made = DyingControl(folder, ports)
    try:
        yield made
    finally:
        made.close()
