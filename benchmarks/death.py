"""Flow after the gateway dies: each family and each death, compared with what its driver declares. And the time from
the lapse of a lease until the pump has stopped.

Control dies as a real process while `pumpsim` serves real pseudo-terminals. The truth of the plants is read every tenth
of a second. Where only the volume ends a flow, the bound is the rest of the program, and the pump is left running.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.dying import BEDS, CABLE, DEATHS, LEASE_S, RATE_ML_H, DyingBed, Simulators, control, simulators
from benchmarks.line import exact_loop
from benchmarks.result import Result, alone, percentile
from benchmarks.size import Size
from pumpd.pump import Container, Done, PumpProgram, RateStep, family
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire.guard import Guard
from pumpd_simulators.bench import simulate
from pumpd_simulators.cables import outlet
from pumpd_simulators.port import PtyPort

WATCHED_S = LEASE_S + 3.0
STEP_S = 0.1
FEW = ["new-era", "new-era-basic", "harvard"]
LAPSES = 25
LAPSE_S = 0.25
STOPPED_MS = 1000.0  # STP-09: flow ends within the lease and a second
VTBI_ML = 35.0


def measure(size: Size = Size.WHOLE) -> Iterator[Result]:
    beds = size.of(list(BEDS), FEW)
    for death in size.of([*DEATHS, CABLE], ["SIGKILL"]):
        yield from _deaths(death, beds, size.of(WATCHED_S, 1.0))
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        for bed in beds:
            if "deadman" in BEDS[bed].ends:
                yield runner.run(_lapses(bed, size.of(LAPSES, 1)))


def _deaths(death: str, beds: Sequence[str], watched_s: float) -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            simulators(folder / "p", {bed: bed for bed in beds}) as pumps,
            control(folder / "c", {bed: pumps.port(bed) for bed in beds}) as process,
        ):
            process.run_all()
            given = {bed: pumps.truth(bed)["delivered_ml"] for bed in beds}
            began = time.monotonic()
            if death == CABLE:
                for bed in beds:
                    pumps.pull_cable(bed)
            else:
                process.popen.send_signal(DEATHS[death])
            flowed_s = _watch(pumps, beds, began, watched_s)
            return [_result(bed, death, pumps.truth(bed), given[bed], flowed_s[bed]) for bed in beds]


def _watch(pumps: Simulators, beds: Sequence[str], began: float, watched_s: float) -> dict[str, float]:
    """Seconds from the death to the last check at which each pump flowed."""
    flowed = dict.fromkeys(beds, 0.0)
    while (at := time.monotonic() - began) < watched_s:
        for bed in beds:
            if pumps.truth(bed)["running"]:
                flowed[bed] = time.monotonic() - began
        time.sleep(max(0.0, at + STEP_S - (time.monotonic() - began)))
    return flowed


def _result(bed: str, death: str, truth: dict[str, object], before: float, flowed_s: float) -> Result:
    made = BEDS[bed]
    volume = float(str(truth["delivered_ml"])) - before
    about = {"declared": list(made.ends), "volume_ml": round(volume, 4), "still_flows": bool(truth["running"])}
    bound_s = made.bound_s(death)
    what = f"{death}: {bed} ({' + '.join(made.ends)})"
    if bound_s is None:
        return Result(f"{what}: given in {WATCHED_S:g} s", volume, VTBI_ML - before, "mL", details=about)
    allowed = RATE_ML_H * LEASE_S / 3600
    return Result(f"{what}: flow after it", flowed_s, bound_s, "s", details=about | {"allowed_ml": round(allowed, 4)})


async def _lapses(bed: str, tries: int) -> Result:
    """From the instant of the lapse until the plant has stopped, on a pseudo-terminal at the line's speed."""
    made = BEDS[bed]
    taken = [await _lapse(made) for _ in range(tries)]
    details = {"p50_ms": round(percentile(taken, 50), 2), "worst_ms": round(max(taken), 2), "tries": tries}
    return Result(f"from lapse to no flow, {bed}, p99", percentile(taken, 99), STOPPED_MS, "ms", details=details)


async def _lapse(made: DyingBed) -> float:
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as name:
        pump = simulate(made.driver, options=dict(made.options))
        port = PtyPort(outlet(pump), Path(name) / "pump")
        await port.open()
        driver = await family(made.driver).connect(port.address, made.settings)
        inner = None if made.order else Length("26.59")
        container = Container("any", Volume(50), Volume(0), Rate(1), inner)
        program = PumpProgram((RateStep(Rate(str(RATE_ML_H)), Volume(35)),), container.diameter)
        for outcome in (await driver.identify(), await driver.load(program), await driver.start(Duration(10))):
            assert isinstance(outcome, Done), outcome
        stop, fd = driver.stop_frames, driver.fileno()
        assert stop is not None
        assert fd is not None
        guard = await Guard.spawn(fd, stop.frames, Path(name) / "deadman.sock", gap_s=stop.gap_s)
        await driver.read()  # restarts the pump's own watchdog
        lapse = loop.time() + LAPSE_S
        await guard.arm(LAPSE_S)
        while pump.truth()["running"]:  # noqa: ASYNC110 - the plant has no event to wait for
            await asyncio.sleep(0.001)
        took = (loop.time() - lapse) * 1000
        await guard.stand_down()
        await guard.close()
        await driver.close()
        await port.close()
        pump.shut()
        return took


if __name__ == "__main__":
    alone(measure)
