"""A real gateway for a browser: `pumpsim` on pseudo-terminals, `pumpd run` with bedside, TLS and staff.

Nothing of pumpd runs in the test's own process. What a pump really did comes from the control port of pumpsim, what
pumpd recorded comes from the journal.
"""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from pumpd.bedside.certificates import make
from pumpd.control.tablets.staff import StaffStore
from pumpd.journal import JournalReader, Record
from tests.signed import signed_toml

ROOT = Path(__file__).parents[2]
UP_WITHIN_S = 60.0  # on a busy machine
WITHIN_S = 20.0
UNSET = "bed6"
ENDED = (None, "completed", "stopped", "abandoned")
NURSE, SECOND, DOCTOR = "1001", "1002", "2001"
PINS = {NURSE: "471133", SECOND: "815377", DOCTOR: "260571"}
STAFF = {
    NURSE: ("R. Weiss", ("view", "confirm")),
    SECOND: ("M. Noor", ("view", "confirm")),
    DOCTOR: ("Dr A. Brandt", ("view", "confirm", "prescribe", "maintain")),
}


@dataclass(frozen=True)
class Certificate:
    """What `pumpd tls` makes, once for all gateways of a run. The browser trusts only this key."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Certificate":
        make(folder, "ward-7", ["localhost", "127.0.0.1"])
        return cls(folder)

    @property
    def key_hash(self) -> str:
        """SHA-256 of its public key, in the form that Chromium takes."""
        public = load_pem_x509_certificate((self.folder / "gateway.pem").read_bytes()).public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


@dataclass
class RealGateway:
    """`beds`: the serial number of each pump's case, by bed. A pump has the number of its bed as its address, except at
    UNSET: nobody has given it one, so nothing shows which pump answers there.
    """

    folder: Path
    certificate: Certificate
    beds: Mapping[str, str]
    time_scale: int
    bench: bool = True
    sections: str = ""  # further sections of the settings
    _simulators: Any = None
    _run: Any = None
    _logs: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.folder / "state"
        shutil.copytree(self.certificate.folder, self.state / "tls")
        staff = StaffStore(self.state / "staff.json")
        for badge, (name, roles) in STAFF.items():
            staff.add(badge, name, roles, PINS[badge])
        self.sim_port, self.port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self._write_bench()
        self._write_config()

    def _addresses(self) -> list[tuple[int, str]]:
        return [(0 if bed == UNSET else number, bed) for number, bed in enumerate(self.beds, 1)]

    def _write_bench(self) -> None:
        lines = [f'speed = {self.time_scale}\ncontrol = "127.0.0.1:{self.sim_port}"\n']
        lines += [
            f'[[pump]]\nname = "{bed}"\nfamily = "new-era"\npty = "{self.folder}/{bed}"\noptions.address = {n}\n'
            for n, bed in self._addresses()
        ]
        (self.folder / "bench.toml").write_text("".join(lines), encoding="utf-8")

    def _write_config(self) -> None:
        panel = "".join(f'{bed} = "http://127.0.0.1:{self.sim_port}/pumps/{bed}"\n' for bed in self.beds if self.bench)
        pumps = "".join(
            f'[[pump]]\nname = "{bed}"\ndriver = "new-era"\nport = "{self.folder}/{bed}"\nmodel = "ne-1000"\n'
            f"serial = '{serial}'\nsimulated = true\nsettings.address = {number}\n"
            for (number, bed), serial in zip(self._addresses(), self.beds.values(), strict=True)
        )
        (self.folder / "pumpd.toml").write_text(
            f'gateway = "ward-7"\nstate_dir = "{self.state}"\n{signed_toml()}'
            f"[simulation]\ntime_scale = {self.time_scale}\n"
            f'[bedside]\nhost = "127.0.0.1"\nport = {self.port}\n[bedside.bench]\n{panel}{self.sections}{pumps}',
            encoding="utf-8",
        )

    # -- processes ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._simulators = self._process("pumpsim", "pumpd_simulators", "serve", str(self.folder / "bench.toml"))
        for bed in self.beds:
            wait_until((self.folder / bed).exists, UP_WITHIN_S, f"the line of {bed}")
        self.run()

    def run(self) -> None:
        self._run = self._process("run", "pumpd", "run", "--config", str(self.folder / "pumpd.toml"))
        wait_until(self._up, UP_WITHIN_S, "the gateway")

    def _process(self, name: str, module: str, *arguments: str) -> Any:
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
        )

    def _up(self) -> bool:
        try:
            pumps = self.pumps()
        except OSError:
            return False
        return listens(self.port) and all(not pump["problem"] and pump["pump_state"] for pump in pumps.values())

    def child(self, module: str) -> int:
        """The process id of that module under `pumpd run`."""
        return next(int(child) for child in _children(self._run.pid) if module in _command(child))

    def restart_control(self) -> None:
        """Kill the control process; `pumpd run` starts another."""
        before = self.child("pumpd.control")
        os.kill(before, signal.SIGKILL)

        def another() -> bool:
            return any("pumpd.control" in _command(each) and int(each) != before for each in _children(self._run.pid))

        wait_until(another, WITHIN_S, "another control process")
        wait_until(self._up, UP_WITHIN_S, "the gateway")

    def close(self) -> None:
        for process in (self._run, self._simulators):
            if process is not None:
                process.terminate()
                process.wait(20)
        for log in self._logs:
            log.close()

    # -- requests ----------------------------------------------------------------------------------------------------

    def ask(self, **fields: Any) -> dict[str, Any]:
        """Over the control socket, as a person at the gateway."""
        return self.ask_at("control.sock", **fields)

    def ask_at(self, name: str, **fields: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.state / name))
            client.sendall(json.dumps(fields).encode() + b"\n")
            with client.makefile("rb") as answers:
                found: dict[str, Any] = json.loads(answers.readline())
                return found

    def pumps(self) -> dict[str, dict[str, Any]]:
        return {pump["pump"]: pump for pump in self.ask(op="status")["result"]["pumps"]}

    def infusion_state(self, bed: str) -> str | None:
        infusion = self.pumps()[bed]["infusion"]
        return infusion and infusion["state"]

    def until(self, bed: str, *states: str | None) -> None:
        wait_until(lambda: self.infusion_state(bed) in states, WITHIN_S, f"{bed} {' or '.join(map(str, states))}")

    def free(self, bed: str) -> None:
        """End any infusion on that bed."""
        if self.infusion_state(bed) not in ENDED:
            self.ask(op="stop", pump=bed, by="the previous test")
            self.until(bed, *ENDED)

    def entries(self, kind: str, bed: str = "") -> list[Record]:
        with contextlib.closing(JournalReader(self.state / "journal.sqlite3")) as reader:
            return [entry for entry in reader.last(500, kind) if bed in ("", entry.pump)]

    def written(self, bed: str) -> bytes:
        """Every byte that control sent to the pump since the gateway started, except for repeated idle polls."""
        with contextlib.closing(JournalReader(self.state / "journal.sqlite3")) as reader:
            found = [
                entry.fields
                for kind in ("reading", "frame")
                for entry in reader.last(100_000, kind)
                if entry.pump == bed
            ]
        frames = [frame for fields in found for frame in fields.get("frames", [fields])]
        return b"".join(
            bytes.fromhex(text) for frame in frames for way, _, text in frame.get("packets", []) if way == "out"
        )

    def starts(self, bed: str) -> int:
        """How many start commands the pump was sent."""
        return self.written(bed).count(b"RUN")

    def truth(self, bed: str) -> dict[str, Any]:
        return self._simulator(f"pumps/{bed}/truth")

    def fault(self, bed: str, kind: str, **fields: Any) -> None:
        self._simulator(f"pumps/{bed}/fault", {"kind": kind, **fields})

    def _simulator(self, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.sim_port}/{path}", data, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@contextlib.contextmanager
def real_gateway(
    folder: Path, certificate: Certificate, beds: Mapping[str, str], scale: int, sections: str = ""
) -> Iterator[RealGateway]:
    made = RealGateway(folder, certificate, beds, scale, sections=sections)
    try:
        made.start()
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def monitor(gateway: RealGateway, bed: str, signs: dict[str, int]) -> Iterator[None]:
    """A bedside monitor at that bed: it sends `signs` twice a second, and nothing while there are none."""
    unplugged = threading.Event()

    def measure() -> None:
        while not unplugged.wait(0.5):
            if signs:
                gateway.ask_at("vitals.sock", op="vital_signs", pump=bed, source="test", age_s=0, **signs)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        yield
    finally:
        unplugged.set()
        thread.join()


@dataclass
class Network:
    """The network between one tablet and the gateway (`relay`)."""

    url: str
    _pid: int

    def lost(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def back(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def hold(self) -> None:
        """Every connection, present or new, hangs without an end."""
        os.kill(self._pid, signal.SIGUSR1)

    def hold_no_more(self) -> None:
        """New connections work again; those that hang do so for ever."""
        os.kill(self._pid, signal.SIGUSR2)


@contextlib.contextmanager
def network(gateway: RealGateway) -> Iterator[Network]:
    port = free_port()
    relay = subprocess.Popen([sys.executable, "-m", "tests.browser.relay", str(port), str(gateway.port)], cwd=ROOT)
    try:
        wait_until(lambda: listens(port), UP_WITHIN_S, "the relay")
        yield Network(f"https://127.0.0.1:{port}", relay.pid)
    finally:
        relay.kill()
        relay.wait()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_until(true: Callable[[], bool], within_s: float, what: str) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"waited {within_s:g} s for {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
