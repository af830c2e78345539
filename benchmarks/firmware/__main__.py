"""`make firmware FIRMWARE=image.elf`: pumpd on a firmware that runs on an emulated chip, edges counted on its pins.

It runs `pumpd driver check`, then a whole infusion through the driver, then one through the gateway, each on a chip
that has just started, and prints what was ordered beside what the edges say. Nothing is fetched. Without an image it
builds the reference firmware. Exit status: 0 when everything was as ordered, 1 otherwise. docs/how-to/firmware.md
explains it.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.firmware.chip import ROOT, Chip, ChipError, build_reference, build_runner
from benchmarks.firmware.infusions import Pump, by_driver, by_gateway
from benchmarks.firmware.ordered import Infusion, table
from benchmarks.line import exact_loop
from pumpd.pump import families
from pumpd.quantities import Length, Rate, Volume

SERIAL = "10000001"
STEPS = ("check", "driver", "gateway")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make firmware", description="pumpd on a firmware, on an emulated chip")
    parser.add_argument("image", nargs="?", type=Path, help="ELF image; default: the reference firmware, built now")
    parser.add_argument(
        "--driver",
        default="reference",
        choices=[*families()],
        metavar="FAMILY",
        help="pump family (default: reference)",
    )
    parser.add_argument("--setting", action="append", default=[], metavar="KEY=VALUE", help="of the driver")
    parser.add_argument(
        "--count", action="append", metavar="NAME=PIN[/PIN]", help="pins (default: step=D2/D5 light=B5)"
    )
    parser.add_argument("--steps-per-mm", type=float, default=3200, help="of the plunger (default: 3200)")
    parser.add_argument("--rate", default="52.5 mL/h", help="of the infusion through the driver (default: 52.5 mL/h)")
    parser.add_argument("--volume", default="35 mL", help="of the infusion through the driver (default: 35 mL)")
    parser.add_argument("--diameter", default="26.59 mm", help="of its syringe (default: 26.59 mm)")
    parser.add_argument("--speed", type=int, default=1, help="chip seconds per second (default: 1)")
    parser.add_argument("--catch-up", default="0.05", metavar="S", help="chip seconds to make up for (default: 0.05)")
    parser.add_argument("--reset-on-open", action="store_true", help="opening the port resets the chip")
    parser.add_argument(
        "--clamp", action="store_true", help="the gateway has a line clamp, for a pump without watchdog"
    )
    parser.add_argument("--only", choices=STEPS, action="append", help="only this part; may be repeated")
    options = parser.parse_args(given)
    if wrong := [pair for pair in options.setting if "=" not in pair]:
        parser.error(f"--setting {wrong[0]}: KEY=VALUE is needed")
    return options


def _check(chip: Chip, pump: Pump) -> bool:
    settings = [word for key, value in pump.settings.items() for word in ("--setting", f"{key}={value}")]
    command = ["driver", "check", "--driver", pump.driver, "--port", chip.port, "--nobody-connected", *settings]
    return subprocess.run([sys.executable, "-m", "pumpd", *command], cwd=ROOT, check=False).returncode == 0


def main(given: Sequence[str] | None = None) -> int:
    options = _arguments(given)
    counted = options.count or ["step=D2/D5", "light=B5"]
    names = [pin.partition("=")[0] for pin in counted]
    settings = dict(pair.split("=", 1) for pair in options.setting)
    light = "light" if "light" in names else None
    pump = Pump(options.driver, settings, names[0], light, options.steps_per_mm, options.clamp)
    flags = ["--catch-up", options.catch_up, *(["--reset-on-open"] if options.reset_on_open else [])]
    wanted, passed, infusions = options.only or STEPS, True, list[Infusion]()
    with tempfile.TemporaryDirectory() as name, asyncio.Runner(loop_factory=exact_loop) as runner:
        try:
            program = build_runner(Path(name))
            image = options.image or build_reference(Path(name), SERIAL)

            def chip(speed: int) -> Chip:
                return Chip(program, image, counted, speed=speed, options=flags)

            if "check" in wanted:
                with chip(1) as one:
                    passed = _check(one, pump)
            if "driver" in wanted:
                rate, volume = Rate.parse(options.rate, "rate"), Volume.parse(options.volume, "volume")
                diameter = Length.parse(options.diameter, "diameter")
                with chip(options.speed) as one:
                    infusions.append(runner.run(by_driver(one, pump, options.speed, rate, volume, diameter)))
            if "gateway" in wanted:
                with chip(options.speed) as one:
                    infusions.append(runner.run(by_gateway(one, pump, options.speed)))
        except ChipError as error:
            print(f"FAILED: {error}", file=sys.stderr)
            passed = False
    if infusions:
        print(table(infusions))
    return 0 if passed and all(each.as_ordered for each in infusions) else 1


if __name__ == "__main__":
    sys.exit(main())
