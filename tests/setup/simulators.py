"""Simulated pumps behind pseudo-terminals, each as a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.patience import PATIENCE_S


@contextlib.contextmanager
def simulated(folder: Path, link: str, family: str, *options: str) -> Iterator[str]:
    """A pump at `folder/link`. Yields the path."""
    place = folder / link
    process = subprocess.Popen(
        [sys.executable, "-m", "pumpd_simulators", family, *options, "--pty", str(place)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any(line.startswith("ready") for line in process.stdout)
        yield str(place)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        if process.stdout is not None:
            process.stdout.close()
