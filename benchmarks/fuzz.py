"""Every codec against mutated frames: it must not raise, not hang, and accept nothing that its check should refuse.

    make fuzz                      10^6 mutated packets for each family
    make fuzz ARGS="--count 1e5 --seed 7 new-era"
    make fuzz ARGS=--record        and write the results to benchmarks/fuzzed.toml, for docs/driver-quality.md

The mutated packets come from one session between the family's own driver and simulator. Frames without an integrity
check are only tested for exceptions. The exit status is 1 if anything was found; a finding prints its seed and bytes.
"""

import argparse
import ast
import asyncio
import hashlib
import inspect
import random
import sys
import time
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pumpd.driving import Codec
from pumpd.pump import Container, Done, PumpProgram, RateStep, families, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.virtual_time import VirtualTimeLoop

HANG_S = 1.0  # of CPU
PROGRAM = RateStep(Rate("52.5"), Volume(35))
RECORD = Path(__file__).parent / "fuzzed.toml"
RECORD_HEAD = "# The last result of `make fuzz ARGS=--record`. `codec` is a digest of the source that was tested.\n"


async def session(name: str) -> dict[str, list[bytes]]:
    """The packets of a whole session, by direction."""
    packets: dict[str, list[bytes]] = {"out": [], "in": []}
    chosen, pump = family(name), simulate(name)
    memory.serve("fuzz", pump, paced=False)
    driver = await chosen.connect("memory://fuzz", getattr(chosen, "fuzz_settings", {}))
    driver.taps.append(lambda way, data, _: packets[way].append(data))
    try:
        await driver.identify()
        await driver.read()
        for diameter in (Length("26.59"), Length("26.7"), None):  # a Model 22 holds three digits
            try:
                chosen.capabilities(Container("c", Volume(60), Volume(0), Rate(0), diameter), {})
            except ValueError:
                continue
            if isinstance(await driver.load(PumpProgram((PROGRAM,), diameter)), Done):
                break
        await driver.read_back()
        await driver.start(Duration(10))
        await asyncio.sleep(5)
        await driver.read()
        await driver.stop()
        await driver.release()
    finally:
        await driver.close()
        memory.withdraw("fuzz")
        pump.shut()
    return packets


def mutated(packet: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """One to four changes: bits, bytes, cuts, doubles, another packet's piece."""
    data = bytearray(packet)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 | 1 if place < len(data):
                data[place] ^= 1 << rng.randrange(8)
            case 2 if place < len(data):
                data[place] = rng.randrange(256)
            case 3:
                data.insert(place, rng.randrange(256))
            case 4:
                del data[place : place + rng.randint(1, 4)]
            case 5:
                piece = rng.choice(others)
                data[place:place] = piece[rng.randrange(len(piece)) :]
            case _:
                data[place:place] = data[place : place + rng.randint(1, 8)]
    return bytes(data)


def fuzz(codec: Codec, packets: dict[str, list[bytes]], count: int, seed: int) -> tuple[dict[str, int], list[str]]:
    """Counts and findings for `count` mutated packets, half of them in each direction."""
    rng = random.Random(seed)
    makers: dict[str, Callable[[], object]] = {"out": codec.requests, "in": codec.replies}
    counts, findings = {"packets": 0, "frames": 0, "checked": 0}, []
    for number in range(count):
        way = "out" if number % 2 else "in"
        data = mutated(rng.choice(packets[way]), packets[way], rng)
        cut = rng.randrange(len(data) + 1)
        framer, begin = makers[way](), time.thread_time()
        try:
            frames = [*framer.feed(data[:cut]), *framer.feed(data[cut:])]
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            findings.append(f"{way} {data.hex(' ')}: raises {error!r}")
            continue
        if time.thread_time() - begin > HANG_S:
            findings.append(f"{way} {data.hex(' ')}: took more than {HANG_S} s of CPU")
        counts["packets"] += 1
        counts["frames"] += len(frames)
        for frame in frames:
            if codec.checked(frame):
                counts["checked"] += 1
                if frame.to_bytes() not in data:
                    findings.append(f"{way} {data.hex(' ')}: accepts {frame!r}, which is not in it")
    return counts, findings


def source_of(codec: Codec) -> str:
    """A digest of the modules of the framers, independent of comments and layout."""
    modules = {inspect.getmodule(maker) for maker in (codec.requests, codec.replies)}
    trees = sorted(ast.dump(ast.parse(inspect.getsource(module))) for module in modules if module is not None)
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:16]


def recorded(path: Path = RECORD) -> dict[str, dict[str, str | int]]:
    """The recorded results, by family."""
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def record(name: str, figures: Mapping[str, str | int], path: Path = RECORD) -> None:
    """Replace the recorded result of one family."""
    kept = recorded(path) | {name: dict(figures)}
    parts = [RECORD_HEAD]
    for family_name, values in sorted(kept.items()):
        lines = [
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in values.items()
        ]
        parts.append("\n".join([f"[{family_name}]", *lines]) + "\n")
    path.write_text("\n".join(parts), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*", help="default: all")
    parser.add_argument("--count", type=float, default=1e6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help=f"write the results to {RECORD.name}")
    given = parser.parse_args()
    failed = False
    for name in given.family or families():
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            packets = runner.run(session(name))
        begin = time.perf_counter()
        replies = len(packets["in"])
        counts, findings = fuzz(family(name).codec, packets, int(given.count), given.seed)
        took = time.perf_counter() - begin
        print(
            f"{name:17} {counts['packets']:>8} packets  {counts['frames']:>9} frames  {counts['checked']:>8} with a "
            f"good check  {len(findings)} findings  {took:6.1f} s  (seed {given.seed}, from {replies} replies)"
        )
        if given.record:
            figures = {**counts, "findings": len(findings), "seed": given.seed}
            today = datetime.now(UTC).date().isoformat()
            record(name, {"date": today, **figures, "codec": source_of(family(name).codec)})
        for finding in findings[:10]:
            print(f"  {finding}", file=sys.stderr)
        failed = failed or bool(findings)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
