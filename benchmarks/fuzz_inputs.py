"""Everything that reads bytes from outside, under a fuzzer that follows what the code does with them.

    make fuzz-inputs                                  each target for a minute, with atheris, which it fetches
    make fuzz-inputs ARGS="socket --runs 10000000"    one target, so many times
    python -m benchmarks.fuzz_inputs --plain          without atheris: random changes that follow nothing

Each target takes bytes, and may refuse them in its own words: any other exception is a finding, and so is a line of a
socket that holds a stop and is not taken for one. Inputs that reached new code are kept beside the seeds, in
benchmarks/corpus/TARGET.txt, one a line, up to 60 each; a finding is written to the current folder and its bytes are
printed.
"""

import argparse
import asyncio
import contextlib
import gc
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

from pydantic import ValidationError

from benchmarks.fuzz import mutated, session
from pumpd.bedside import bodies
from pumpd.dosing import LibraryError
from pumpd.dosing.library import load
from pumpd.library.files import CHECKOUT
from pumpd.messages.requests import REQUEST, unclear_stop
from pumpd.messages.tablet import inner
from pumpd.pump import families, family
from pumpd.quantities import Quantity, QuantityError
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import Read
from pumpd.validation import FEW, problems
from pumpd.vitals.message import BadMessageError
from pumpd.vitals.message import read as read_vitals
from pumpd_simulators.virtual_time import VirtualTimeLoop

CORPUS = Path(__file__).parent / "corpus"
KEPT = 60

Try = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """`take` raises only on a finding. `seeds` are good inputs, of which every other one is made."""

    take: Try
    seeds: tuple[bytes, ...]


class NotTakenError(AssertionError):
    """A stop that would not have been carried out."""


def socket(data: bytes) -> None:
    """A line of control's socket: a request, or every reason against it; a stop is taken, however the rest looks."""
    try:
        REQUEST.validate_json(data)
    except ValidationError as error:
        problems(error, "request", FEW)
        if unclear_stop(data) is None and len(data) >= len(b'{"op":"stop"') and STOP.startswith(data):
            raise NotTakenError(data) from error  # a stop that was cut off


def http(data: bytes) -> None:
    for kind in bodies.ALL:
        try:
            kind.model_validate_json(data)
        except ValidationError as error:
            problems(error, "body", FEW)


def signed(data: bytes) -> None:
    """What a tablet has signed."""
    try:
        inner().validate_json(data)
    except ValidationError as error:
        problems(error, "request", FEW)


def vitals(data: bytes) -> None:
    with contextlib.suppress(BadMessageError):
        read_vitals(data)


def library(data: bytes) -> None:
    """One file of a library, beside the others that are shipped."""
    for name in ("ketamine-1mg-ml.toml", "containers.toml", "manifest.toml"):
        with contextlib.suppress(LibraryError):
            load(FILES | {name: data.decode("utf-8", "replace")})


def config(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pumpd.toml"
        file.write_bytes(data)
        with contextlib.suppress(SettingsError):
            Settings.of(Read(file))


def quantities(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for kind in Quantity.__subclasses__():
        with contextlib.suppress(QuantityError):
            kind.parse(text, "field")


def codec(name: str) -> Try:
    made = family(name).codec

    def take(data: bytes) -> None:
        half = len(data) // 2
        host: Any = made.replies()
        for frame in [*host.feed(data[:half]), *host.feed(data[half:])]:
            if made.checked(frame) and frame.to_bytes() not in data:
                raise AssertionError(f"accepts {frame!r}, which is not in it")
        pump: Any = made.requests()  # it may take another spelling of the same request
        pump.feed(data[:half])
        pump.feed(data[half:])

    return take


FILES: Mapping[str, str] = {path.name: path.read_text(encoding="utf-8") for path in CHECKOUT.glob("*.toml")}
STOP = (
    b'{"op":"stop","pump":"bed1","by":"nurse","reason":"now","switching_source":false,"of_session":null,"age_s":null}'
)
JSON = (
    STOP,
    b'{"op":"status"}',
    b'{"op":"order","pump":"bed1","fields":{"entry":"ketamine-1mg-ml","dose":"0.5 mg/kg","weight":"70 kg"}}',
    b'{"op":"pause","pump":"bed1","reason":"patient moves","key":"k","nonce":"n","signature":"AA==","request":"{}"}',
    b'{"spo2_percent":97,"heart_rate_bpm":72,"systolic_mmhg":124,"diastolic_mmhg":78,"at":"2026-03-30T10:00:00+00:00"}',
)


TARGETS: dict[str, Callable[[], Target]] = {
    "socket": lambda: Target(socket, JSON),
    "http": lambda: Target(http, JSON),
    "signed": lambda: Target(signed, JSON),
    "vitals": lambda: Target(vitals, JSON),
    "library": lambda: Target(library, tuple(text.encode() for text in FILES.values())),
    "config": lambda: Target(config, ((CHECKOUT.parent / "pumpd.toml").read_bytes(),)),
    "quantities": lambda: Target(
        quantities, (b"52.5 mL/h", b"0.5 mg/kg", "500 µg/kg".encode(), b"70.25 kg", b"40 min", b"1 mg/mL", b"29.2 mm")
    ),
    **{f"codec-{name}": partial(lambda name: Target(codec(name), _packets(name)), name) for name in families()},
}


def _packets(name: str) -> tuple[bytes, ...]:
    """What a family's driver and its simulator say to each other in one session, each packet once."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        packets = runner.run(session(name))
    return tuple(dict.fromkeys([*packets["out"], *packets["in"]]))


def seeds_of(name: str, target: Target) -> list[bytes]:
    return [*target.seeds, *kept(CORPUS / f"{name}.txt")]


def kept(file: Path) -> list[bytes]:
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    return [line.encode().decode("unicode_escape").encode("latin-1") for line in lines]


def keep(file: Path, inputs: Iterable[bytes]) -> None:
    """At most KEPT, short and long ones: the short ones reach the first checks, the long ones what is behind."""
    ordered = sorted(set(inputs), key=lambda data: (len(data), data))
    few = ordered[:: -(-len(ordered) // KEPT) or 1]
    lines = (data.decode("latin-1").encode("unicode_escape").decode("ascii") for data in few)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def plain(name: str, target: Target, runs: int, seed: int) -> int:
    """Random changes of the seeds, the same ones each time. Raises what the target raises."""
    rng = random.Random(f"{name} {seed}")
    seeds = seeds_of(name, target)
    for data in seeds:
        target.take(data)
    for _ in range(runs):
        data = mutated(rng.choice(seeds), seeds, rng)
        try:
            target.take(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data!r} raises {error!r}") from error
    return runs + len(seeds)


def guided(name: str, target: Target, options: list[str]) -> None:
    """libFuzzer with the coverage of this process; does not return."""
    import atheris  # noqa: PLC0415 - only here, and in an environment of its own

    for function in gc.get_objects():  # ours only: all that is imported would take minutes
        if type(function) is FunctionType and (function.__module__ or "").startswith("pumpd"):
            atheris.instrument_func(function)
    atheris.Setup([f"fuzz-{name}", *options], target.take)
    atheris.Fuzz()


def _hunt(name: str, folder: Path, given: argparse.Namespace) -> bool:
    """In a process of its own, as libFuzzer ends its process. Whether it found something."""
    for number, data in enumerate(seeds_of(name, TARGETS[name]())):
        (folder / f"seed-{number}").write_bytes(data)
    bound = f"--runs={given.runs}", f"--seconds={given.seconds}", f"--seed={given.seed}"
    command = [sys.executable, "-m", "benchmarks.fuzz_inputs", name, *bound, f"--into={folder}"]
    found = subprocess.run(command, check=False).returncode != 0
    new = [path.read_bytes() for path in folder.iterdir() if not path.name.startswith("seed-")]
    file = CORPUS / f"{name}.txt"
    keep(file, [*kept(file), *new])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="*", help="default: all")
    parser.add_argument("--runs", type=int, default=0, help="of each target; default: for so many --seconds")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.into:
        (name,) = given.target
        bound = f"-runs={given.runs}" if given.runs else f"-max_total_time={given.seconds}"
        options = [bound, f"-seed={given.seed}", "-max_len=4096", "-timeout=60", str(given.into)]
        guided(name, TARGETS[name](), options)
    failed = False
    for name in given.target or TARGETS:
        if given.plain:
            begin = time.perf_counter()
            count = plain(name, TARGETS[name](), given.runs or 1000, given.seed)
            print(f"{name:24} {count:>9} inputs, nothing found  {time.perf_counter() - begin:6.1f} s", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = _hunt(name, Path(folder), given)
        print(f"{name:24} {'a FINDING, see above' if found else 'nothing found'}", flush=True)
        failed = failed or found
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
