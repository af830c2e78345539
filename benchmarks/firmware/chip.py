"""An emulated chip in a process of its own: build it, start it with an image, ask it for counts, end it."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).parent / "chip.c"
REFERENCE = ROOT / "examples" / "firmware"


class ChipError(RuntimeError):
    """The emulated chip could not be built or started, or has ended. The message says why."""


def build_runner(folder: Path) -> Path:
    """Compile the runner. Needs gcc, libsimavr-dev and libelf-dev."""
    runner = folder / "chip"
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/simavr"]
    _run(["cc", *options, str(SOURCE), "-o", str(runner), "-lsimavr", "-lelf"])
    return runner


def build_reference(folder: Path, serial: str) -> Path:
    """Compile the reference firmware for the pump with this serial number (8 hex digits). Needs gcc-avr, avr-libc."""
    _run(["make", "-s", "-C", str(REFERENCE), f"SERIAL=0x{serial}", f"OUT={folder}"])
    return folder / "pump.elf"


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ChipError(f"{command[0]} is not installed; `make firmware` installs it") from error
    if done.returncode:
        raise ChipError(f"{' '.join(command)}: {done.stderr.strip()}")


class Chip:
    """A running chip. `port` is its serial port; `pins` are counted, such as `step=D2/D5` (see chip.c)."""

    def __init__(self, runner: Path, image: Path, pins: Sequence[str], *, speed: float = 1, options=()):
        counts = [word for pin in pins for word in ("--count", pin)]
        self.popen = subprocess.Popen(
            [str(runner), *counts, "--speed", str(speed), *options, str(image)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            ready = self._line()
        except ChipError:
            self.close()
            raise
        self.port, self.frequency = ready["port"], ready["frequency"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def count(self, command: str = "count"):
        """The counts now, after `command`: count, clear, reset, or `pin C0 0`."""
        self.popen.stdin.write(command + "\n")
        self.popen.stdin.flush()
        return self._line()

    def seconds(self, cycles: int) -> float:
        return cycles / self.frequency

    def close(self):
        self.popen.terminate()
        self.popen.wait(10)
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            pipe.close()

    def _line(self):
        line = self.popen.stdout.readline()
        if not line:
            raise ChipError(self.popen.stderr.read().strip() or "the chip has ended")
        return json.loads(line)
