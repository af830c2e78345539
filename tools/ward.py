"""A whole ward on this machine, on loopback, in a temporary folder: `make ward`, `make ward-cluster`.

A nats-server (or three), PostgreSQL, the ingest, the board, and simulated gateways with an infusion each. Everything
ends with Ctrl-C, and nothing is left. It is a simulation: not a cleared medical device.
"""

import argparse
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pumpd.cli.client import ControlClient, NoAnswerError
from pumpd.demo.play import Demo
from pumpd.demo.script import Script
from pumpd.demo.stage import PUMP, Stage
from pumpd.demo.stage_error import StageError
from pumpd.demo.view import View
from pumpd.library.files import default_library
from pumpd.library.signing import throwaway
from pumpd.messages.requests import StatusRequest
from pumpd.settings import Settings
from pumpd_ward.local.child import StartError, free_port, listens
from pumpd_ward.local.nats_server import Node, cluster
from pumpd_ward.local.postgres import USER, Postgres
from pumpd_ward.store.rights import BOARD, INGEST

# How fast the clinical time of each gateway runs, and what goes wrong there. Then from the start again.
SCRIPTS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ()),
    (4, ("occlusion@4min",)),
    (2, ()),
    (8, ()),
    (1, ()),
    (4, ("stall@6min",)),
    (20, ()),
    (2, ()),
)
ENDS_WITHIN_S = 15
READY_WITHIN_S = 90  # eight gateways start at once


class Processes:
    """Programs with their output in log files of a folder; each ends by its own id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *command: str, **environment: str) -> None:
        given = {**os.environ, **environment}
        run = [sys.executable, "-m", *command]
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen(run, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=given))

    def end(self) -> None:
        for each in self._running:
            each.terminate()
        for each in self._running:
            try:
                each.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


def gateway(folder: Path, number: int, nodes: Sequence[Node], processes: Processes) -> None:
    """Start a gateway with a simulated pump, and an infusion on it."""
    speed, faults = SCRIPTS[(number - 1) % len(SCRIPTS)]
    name, here = f"bed-{number}", folder / f"bed-{number}"
    here.mkdir()
    port = here / "pump"
    simulator = ["pumpd_simulators", "new-era", "--pty", str(port), "--speed", str(speed), "--address", "1"]
    simulator += ["--seed", str(number), *(part for fault in faults for part in ("--fault", fault))]
    processes.start(f"{name}-pumpsim", *simulator)
    config = here / "pumpd.toml"
    config.write_text(
        f"""gateway = "{name}"
state_dir = "{here}"
{throwaway(default_library(), here / "library")}
[simulation]
time_scale = {speed}

[fleet]
host = "127.0.0.1"
port = {nodes[number % len(nodes)].port}
tls = false

[[pump]]
name = "{PUMP}"
driver = "new-era"
port = "{port}"
model = "ne-1000"
serial = "SIMULATED-{number}"
simulated = true
settings = {{ address = 1 }}
""",
        encoding="utf-8",
    )
    processes.start(name, "pumpd", "run", "--config", str(config))
    threading.Thread(target=_infuse, args=(here, Settings.load(config), speed), daemon=True).start()


def _infuse(folder: Path, settings: Settings, speed: int) -> None:
    """The demo's software nurse orders and confirms."""
    nurse = Demo(Script(speed=speed), folder, as_json=True)
    nurse.view = _Unseen(speed)
    try:
        client = _connected(settings)
        stage = cast("Stage", _NoTablet(settings, client))
        nurse._confirm(stage, nurse._order(stage))  # noqa: SLF001 - the demo has no other door for its nurse
    except (StageError, NoAnswerError) as error:
        print(f"{settings.gateway}: no infusion: {error}", file=sys.stderr)


class _Unseen(View):
    """The page is the view."""

    def say(self, what: str) -> None:
        pass

    def review(self, review: dict[str, Any], action: str) -> None:
        pass


class _NoTablet:
    """What the demo's nurse needs of a stage."""

    def __init__(self, settings: Settings, client: ControlClient) -> None:
        self.settings, self.client = settings, client


def _connected(settings: Settings) -> ControlClient:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        with contextlib.suppress(NoAnswerError):
            client = ControlClient(settings.socket_path)
            if not client.ask(StatusRequest()).result["pumps"][0]["problem"]:
                return client
        time.sleep(0.5)
    raise StageError("the gateway did not become ready in time")


def ward(folder: Path, nodes: Sequence[Node], postgres: Postgres, processes: Processes) -> tuple[str, str]:
    """Start ingest and board; returns the address and the password of the account `charge`."""
    port, password = free_port(), secrets.token_urlsafe(12)
    addresses = ", ".join(f'"127.0.0.1:{node.port}"' for node in nodes)
    config = folder / "ward.toml"
    config.write_text(
        f"""name = "Simulated ward"

[stream]
nodes = [{addresses}]
tls = false
replicas = {len(nodes)}
most_gb = 1

[store]
dsn = "{postgres.dsn_of("")}"

[board]
port = {port}
""",
        encoding="utf-8",
    )
    add = ["account", "add", "charge", "--role", "engineer"]
    made = [sys.executable, "-m", "pumpd_ward", "--config", str(config), *add]
    owner = {**os.environ, "PGUSER": USER}
    subprocess.run(made, input=password, text=True, check=True, stdout=subprocess.DEVNULL, env=owner)
    processes.start("ingest", "pumpd_ward", "--config", str(config), "ingest", "--workers", "2", PGUSER=INGEST)
    processes.start("board", "pumpd_ward", "--config", str(config), "board", PGUSER=BOARD)
    while not listens(port):
        time.sleep(0.1)
    return f"http://127.0.0.1:{port}", password


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", action="store_true", help="three nats-servers instead of one")
    parser.add_argument("--gateways", type=int, default=8)
    parser.add_argument("--seconds", type=float, help="end by itself after this time")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with tempfile.TemporaryDirectory(prefix="pumpd-ward-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        try:
            nodes = cluster(folder) if options.cluster else [Node(folder / "n1")]
            for node in nodes:
                stack.callback(node.end)
                node.start()
            postgres = Postgres()
            stack.callback(postgres.remove)
            stack.callback(postgres.end)
            postgres.start()
            processes = Processes(folder)
            stack.callback(processes.end)
            address, password = ward(folder, nodes, postgres, processes)
            print(f"{address}   name: charge   password: {password}\nCtrl-C ends everything.", flush=True)
            for bed in range(1, options.gateways + 1):
                gateway(folder, bed, nodes, processes)
            time.sleep(options.seconds or 10**9)
        except StartError as error:
            print(f"The ward could not start: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("Ending …", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
