"""Every scenario in this folder, played with all of pumpd in virtual time and checked against the true state."""

import asyncio
import itertools
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from pumpd.journal import Entry
from pumpd.journal.replay import Replay
from pumpd.messages.requests import Answer
from pumpd.wire import memory
from pumpd_simulators.device import Operation
from pumpd_simulators.family import family
from pumpd_simulators.faults import QUIRKS, Fault, Kind
from pumpd_simulators.scenario import Scenario, ScenarioError
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.control.testbed import Testbed, open_testbed

FILES = sorted(Path(__file__).parent.glob("*.toml"))
READ = {path.stem: Scenario.read(path) for path in FILES}
SETTLE_S = 30.0
SEES_S = 0.1
ENDED = ("completed", "stopped", "abandoned")


def marked(name: str, scenario: Scenario):
    marks = [pytest.mark.requirement(*scenario.requirements)] if scenario.requirements else []
    return pytest.param(scenario, id=name, marks=marks)


@pytest.mark.requirement("AUD-05")
@pytest.mark.parametrize("scenario", [marked(name, scenario) for name, scenario in READ.items()])
def test_scenario(scenario, tmp_path):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(play(scenario, tmp_path))


async def play(scenario: Scenario, folder: Path) -> None:
    pump, end = scenario.pump, scenario.end
    physics = family(pump.family).physics(pump.model or family(pump.family).models[0], pump.seed)
    simulated = {
        "name": pump.family,
        "model": pump.model,
        "options": pump.options,
        "plant": replace(physics, **pump.plant),
        "seed": pump.seed,
        "quirks": pump.quirks,
    }
    identity = {"driver": pump.family, "settings": pump.settings, "clamp": pump.clamp}
    if pump.family != "new-era" or pump.model:
        identity |= await identify(scenario)
    async with open_testbed(folder, faults=scenario.faults, simulated=simulated, **identity) as here:
        starts = starts_of(here)
        accepted = await here.order(**scenario.order)
        if end.state == "refused":
            assert not accepted.ok
            assert end.refused_because in " ".join(accepted.reasons)
            await asyncio.sleep(SETTLE_S)
            assert end.told in (here.gateway.runners["bed1"].problem or "")
            return
        assert accepted.ok, accepted.reasons
        await here.until("ready", "tripped", "abandoned")
        if here.state() == "ready":
            assert (await here.confirm()).ok
            await happen(here, scenario)
        check(here, scenario)
        assert len(starts) == scenario.end.starts


async def identify(scenario: Scenario) -> dict[str, str]:
    """Model and serial as the pump itself reports them, for the gateway's configuration."""
    from pumpd.pump import family as driver_family
    from pumpd_simulators.bench import simulate

    bench = simulate(scenario.pump.family, model=scenario.pump.model, options=scenario.pump.options)
    memory.serve("identify", bench)
    driver = await driver_family(scenario.pump.family).connect("memory://identify", scenario.pump.settings)
    identity = (await driver.identify()).value
    await driver.close()
    memory.withdraw("identify")
    bench.shut()
    return {"model": identity.model, "serial": identity.serial or "ASSET-bed1"}


def starts_of(here: Testbed) -> list[Operation]:
    """Collects every start that the pump itself received, whatever happened to its reply."""
    device, received = here.pump.device, []

    class Listening(type(device)):
        def __setattr__(self, name, value):
            if name == "doing" and value is Operation.START:
                received.append(value)
            super().__setattr__(name, value)

    device.__class__ = Listening
    return received


async def happen(here: Testbed, scenario: Scenario) -> None:
    loop = asyncio.get_running_loop()
    begin, number = loop.time(), 0
    for event in sorted(scenario.event, key=lambda event: event.at_s):
        if event.fault is not None:
            continue
        await asyncio.sleep(max(0.0, begin + event.at_s - loop.time()))
        if event.cable is not None:
            (memory.unplug if event.cable == "out" else memory.plug)("bed1")
        elif event.nurse == "confirm":
            number += 1
            await here.until("ready")
            assert (await here.confirm(request=f"r-{number + 1}")).ok
        elif event.nurse == "identify" and here.gateway.runners["bed1"].family.signals:
            seen = await signals_seen(here, here.ask(op="identify", pump="bed1", by="nurse"))
            assert (await here.ask(op="identify", pump="bed1", by="nurse", seen=seen)).ok
        elif event.nurse == "identify":
            assert (await here.ask(op="identify", pump="bed1", by="nurse")).ok
            here.bench.pull("bed1", away_s=5, seen=False)
        else:
            await here.ask(op=event.nurse, pump="bed1", by="nurse")
    while loop.time() < begin + scenario.end.after_s and here.state() not in ENDED:  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(5)
    await asyncio.sleep(SETTLE_S)
    await here.gateway.journal.append([Entry("scenario_over", {}, "bed1", "", 0)])  # what was posted before is on disk


async def signals_seen(here: Testbed, asked: Awaitable[Answer]) -> int:
    """How often a person who watches the pump's light sees it go out for a while."""
    asking, seen = asyncio.ensure_future(asked), []
    while not asking.done():
        seen.append(here.pump.truth()["display"]["light"])
        await asyncio.sleep(SEES_S)
    assert asking.result().ok
    return sum(light == "off" and len(list(same)) >= 3 for light, same in itertools.groupby(seen))


NOTICES = ("near_end", "pause_ending")  # of time that runs out; they stop nothing


def check(here: Testbed, scenario: Scenario) -> None:
    end, truth = scenario.end, here.pump.truth()
    entries = here.entries()
    assert here.state() == end.state, [(entry.kind, entry.body) for entry in entries if entry.kind != "reading"][-8:]
    assert not Replay(entries).differences
    assert not truth["running"]
    assert end.ml("delivered_at_least") <= truth["delivered_ml"] <= end.ml("delivered_at_most")
    assert truth["air_ml"] <= end.ml("air_at_most")
    raised = {entry.fields["code"] for entry in entries if entry.kind == "alarm_raised"}
    if end.state == "completed":  # RUN-12; no story has to repeat it
        assert "near_end" in raised
    assert set(end.alarms) <= raised <= {*end.alarms, *end.alarms_may, *NOTICES}
    assert sum(entry.kind == "start_answered" for entry in entries) == end.starts
    assert any(end.told in str(entry.fields) for entry in entries)


def test_every_kind_of_fault_is_played():
    quirks = {Fault.quirk(quirk).kind for scenario in READ.values() for quirk in scenario.pump.quirks}
    assert quirks | {fault.kind for scenario in READ.values() for fault in scenario.faults} == set(Kind)
    assert quirks == set(QUIRKS)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('title = "No end"', "end: Field required"),
        ('title = "Odd end"\n[end]\nstate = "happy"', "end.state: "),
        ('title = "Two things"\n[[event]]\nfault = "air"\nnurse = "stop"\n[end]\nstate = "stopped"', "one of fault"),
        ('title = "Odd fault"\n[[event]]\nfault = "fire"\n[end]\nstate = "stopped"', "'fire' is not known"),
        ('title = "Timed twice"\n[[event]]\nfault = "air@5min"\n[end]\nstate = "stopped"', "give its time in `at`"),
        ('title = "Odd key"\nweather = "fine"\n[end]\nstate = "stopped"', "weather: "),
        ("title =", "not valid TOML"),
    ],
)
def test_a_file_that_is_not_a_scenario_is_refused(tmp_path, text, named):
    path = tmp_path / "story.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=named) as caught:
        Scenario.read(path)
    assert str(path) in str(caught.value)
