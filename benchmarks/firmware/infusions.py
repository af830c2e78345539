"""A whole infusion on an emulated chip: through the driver alone, and through the whole gateway."""

import asyncio
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.control_process import control_process
from benchmarks.firmware.chip import Chip, ChipError
from benchmarks.firmware.ordered import Infusion, steps_per_ml
from benchmarks.infusing import Nurse
from pumpd.library.files import CHECKOUT, read_library
from pumpd.pump import Container, Done, Identity, PumpProgram, PumpState, RateStep, family
from pumpd.quantities import Duration, Length, Rate, Volume
from tests.control.testbed import ORDER

ENDED = ("completed", "stopped", "abandoned", "tripped", "uncertain", "start_failed")
LEASE_S = 10
READ_TRIES = 5
SIGNALS_S, PULLED_S = 10, 6
REPLY_S = 60  # for the pump to be identified: a board may be slow after a reset


@dataclass(frozen=True)
class Pump:
    """The pump whose firmware is tried. The edges on the pin `step` are its volume, those on `light` show which pump it
    is, if it can.
    """

    driver: str
    settings: Mapping[str, str]
    step: str
    light: str | None
    steps_per_mm: float
    clamp: bool

    def edges(self, chip: Chip) -> int:
        pin = chip.count()["pins"][self.step]
        return pin["high"] - pin["low"]

    def blinks(self, chip: Chip) -> int:
        return chip.count()["pins"][self.light]["seen"]

    def infusion(self, name, chip, diameter: Length, *, ordered, reported, ended, began) -> Infusion:
        seen, chip_began, real_began = chip.count(), *began
        return Infusion(
            name,
            float(ordered),
            float(reported),
            self.edges(chip),
            steps_per_ml(self.steps_per_mm, float(diameter.decimal)),
            chip.seconds(seen["cycles"]) - chip_began,
            time.monotonic() - real_began,
            seen["late_s"],
            ended,
        )


def _began(chip: Chip):
    return chip.seconds(chip.count("clear")["cycles"]), time.monotonic()


def _must(outcome, what):
    if not isinstance(outcome, Done):
        raise ChipError(f"{what}: {outcome}")
    return outcome.value


async def by_driver(chip: Chip, pump: Pump, speed: int, rate: Rate, volume: Volume, diameter: Length) -> Infusion:
    """Load, read back, start and poll, as the gateway does; raises ChipError when the pump does not do it."""
    chosen = family(pump.driver)
    container = Container("as ordered", volume, Volume(0), rate, diameter)
    watchdog = chosen.capabilities(container, pump.settings).watchdog
    lease = Duration(min(LEASE_S * speed, int(watchdog.decimal) if watchdog else LEASE_S))
    program = PumpProgram((RateStep(rate, volume),), diameter)
    driver = await chosen.connect(chip.port, pump.settings)
    try:
        await _identified(driver)
        _must(await driver.load(program), "load")
        if (held := _must(await driver.read_back(), "read back")) != program:
            raise ChipError(f"the pump holds {held}, not {program}")
        began = _began(chip)
        _must(await driver.start(lease), "start")
        reading = await _read(driver)
        while reading.state is PumpState.INFUSING:
            await asyncio.sleep(1 / speed)
            reading = await _read(driver)
        ended = "completed" if not reading.alarms and reading.state is PumpState.STOPPED else str(reading.state)
        return pump.infusion(
            "driver",
            chip,
            diameter,
            ordered=volume.decimal,
            reported=reading.delivered.decimal,
            ended=ended,
            began=began,
        )
    finally:
        await driver.stop()
        await driver.close()


async def _read(driver):
    """A reading; a few may fail, because a busy machine holds the chip up."""
    for _ in range(READ_TRIES - 1):
        outcome = await driver.read()
        if isinstance(outcome, Done):
            return outcome.value
    return _must(await driver.read(), "read")


async def _identified(driver) -> Identity:
    async with asyncio.timeout(REPLY_S):
        while True:
            outcome = await driver.identify()
            if isinstance(outcome, Done):
                return outcome.value
            await asyncio.sleep(0.2)


@dataclass(frozen=True)
class EmulatedBed:
    """The pump in the configuration of the control process, in which time runs `speed` times faster."""

    pump: Pump
    chip: Chip
    identity: Identity
    speed: int

    async def as_toml(self) -> str:
        settings = "".join(f'{key} = "{value}"\n' for key, value in self.pump.settings.items())
        return (
            f'[[pump]]\nname = "bed1"\ndriver = "{self.pump.driver}"\nport = "{self.chip.port}"\n'
            f'model = "{self.identity.model.lower()}"\nserial = "{self.identity.serial or "emulated"}"\n'
            f"clamp = {str(self.pump.clamp).lower()}\nsimulated = true\n[pump.settings]\n{settings}"
            f"[simulation]\ntime_scale = {self.speed}\n"
        )


async def _shown(process, chip: Chip, pump: Pump):
    """Do what a person does at a pump that has no mark: count how often its light comes on, or pull its cable."""
    while not (await process.pump(lambda _: True))["proved_by"]:
        before = pump.blinks(chip) if pump.light else 0
        assert (answer := await process.ask(op="identify", pump="bed1", by="bench"))["ok"], answer
        if (await process.pump(lambda _: True))["to_identify"].startswith("count:"):
            if not pump.light:
                raise ChipError("the pump shows itself by a light: --count light=PIN is needed")
            await asyncio.sleep(SIGNALS_S)
            seen = pump.blinks(chip) - before
            if not (answer := await process.ask(op="identify", pump="bed1", by="bench", seen=seen))["ok"]:
                raise ChipError(f"the light came on {seen} times: {answer['reasons']}")
        else:
            chip.popen.send_signal(signal.SIGSTOP)  # to the gateway, a silent pump has no cable
            await asyncio.sleep(PULLED_S)
            chip.popen.send_signal(signal.SIGCONT)
            await process.pump(lambda shown: shown["proved_by"])


async def by_gateway(chip: Chip, pump: Pump, speed: int) -> Infusion:
    """The usual order, 35 mL in 40 minutes, confirmed and signed, on a real control process."""
    driver = await family(pump.driver).connect(chip.port, pump.settings)
    try:
        who = await _identified(driver)
    finally:
        await driver.close()
    diameter = read_library(CHECKOUT).containers[ORDER["container"]].diameter
    assert diameter is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nurse = Nurse(folder)
        async with control_process(folder, [EmulatedBed(pump, chip, who, speed)]) as process:
            await process.ready()
            await _shown(process, chip, pump)
            began = _began(chip)
            await nurse.infuse(process, pump.driver)
            while True:
                (found,) = (await process.ask(op="status"))["result"]["pumps"]
                infusion = found["infusion"]
                if infusion["state"] in ENDED:
                    break
                await asyncio.sleep(0.2)
            why = (
                infusion["state"] if infusion["state"] == "completed" else f"{infusion['state']}, {infusion['reason']}"
            )
            return pump.infusion(
                "gateway",
                chip,
                diameter,
                ordered=infusion["prescribed_ml"],
                reported=infusion["delivered_ml"],
                ended=why,
                began=began,
            )
