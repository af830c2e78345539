"""The pumps outside of the machine: `pumpsim` on pseudo-terminals, and what its plants say is true."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumpd_simulators.physics import PlantSettings
from tests.browser.gateway import UP_WITHIN_S, free_port, wait_until

ROUND_ML = 0.02  # counters are shown and read in hundredths
BEDS = {"bed1": "ASSET-0001", "bed2": "ASSET-0002"}  # the label on each pump's case, by bed


@dataclass
class Pumps:
    """A New Era for each bed, with the number of its bed as its address."""

    folder: Path
    port: int

    @property
    def cables(self) -> dict[str, Path]:
        return {bed: self.folder / bed for bed in BEDS}

    def truth(self, bed: str) -> dict[str, Any]:
        return self._ask(f"pumps/{bed}/truth")

    def given_ml(self, bed: str) -> float:
        return float(self.truth(bed)["delivered_ml"])

    def slack_ml(self, given_ml: float) -> float:
        """How much the pump's own counter may miss of what its motor really gave, and what a hundredth rounds away."""
        physics = PlantSettings()
        ripple_ml = physics.ripple_percent / 100 * physics.ripple_period_ml
        return given_ml * physics.error_percent / 100 + ripple_ml + ROUND_ML

    def fault(self, bed: str, kind: str, **fields: Any) -> None:
        self._ask(f"pumps/{bed}/fault", {"kind": kind, **fields})

    def _ask(self, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", data, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@contextlib.contextmanager
def pumpsim(folder: Path) -> Iterator[Pumps]:
    made = Pumps(folder, free_port())
    lines = [f'control = "127.0.0.1:{made.port}"\n']
    lines += [
        f'[[pump]]\nname = "{bed}"\nfamily = "new-era"\npty = "{folder}/{bed}"\noptions.address = {number}\n'
        for number, bed in enumerate(BEDS, 1)
    ]
    file = folder / "bench.toml"
    file.write_text("".join(lines), encoding="utf-8")
    with (folder / "pumpsim.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pumpd_simulators", "serve", str(file)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
        try:
            wait_until(lambda: all(each.exists() for each in made.cables.values()), UP_WITHIN_S, "the pumps")
            yield made
        finally:
            process.terminate()
            process.wait(20)
