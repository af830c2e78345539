"""A story played from the order until all is quiet, and evaluated. One call, one verdict."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from pumpd.infusion.states import State
from pumpd.wire import LinkLostError
from pumpd_simulators.faults import FACTS, Fault, FaultError, Kind
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.campaign import evaluate
from tests.campaign.story import Happening, Story
from tests.campaign.world import CARRY, World, identity, in_its_time

ROOM = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # the fsync of a disk is not tested here
LOOK_S = 1.0
SETTLE_S = 25.0  # after the last trouble: by then pumpd has done everything it does by itself
HELP_S = 120.0  # within which a nurse ends every infusion
ORDER_WITHIN_S = 90.0
SCANS = {
    "other": lambda _: ("token-2",),
    "none": lambda _: ("",),
    "wrong-then-right": lambda right: ("token-2", right),
}
RESTS_TRIED = 3  # orders of one rest, until one is taken
LATE_S = 5.0  # after the last late reply, until a poll was answered in time
_LINE = {
    *(Kind.SILENCE, Kind.GARBLED, Kind.LOST_REPLY, Kind.DELAYED_REPLY, Kind.DISCONNECT, Kind.HANG),
    *(Kind.DUPLICATED_REPLY, Kind.SPLIT_REPLY, Kind.LOST_REQUEST, Kind.CRASH_AFTER, Kind.POWER_CUT),
    *(Kind.ECHO, Kind.SHORTED),
}


_loop = partial(VirtualTimeLoop, inline=True)


@dataclass(slots=True)
class Played:
    story: Story
    violations: dict[str, str]
    cpu_s: float = 0.0
    virtual_s: float = 0.0
    facts: dict[str, float] = field(default_factory=dict)


def play(story: Story, prepare=None) -> Played:
    """`prepare` gets the world before its first process starts."""
    begun = time.process_time()
    identity(story.family, story.model)
    if story.rest.family:
        identity(story.rest.family, story.rest.model)
    with tempfile.TemporaryDirectory(dir=ROOM) as folder, asyncio.Runner(loop_factory=_loop) as runner:
        played = runner.run(_whole(story, Path(folder), prepare))
    played.cpu_s = time.process_time() - begun
    return played


async def _whole(story: Story, folder: Path, prepare) -> Played:
    world = World(story, folder)
    crashes: list[str] = []
    world.loop.set_exception_handler(lambda _, context: _crashed(context, crashes))
    with in_its_time(world):
        watching = evaluate.Watching(world)
        try:
            if prepare is not None:
                prepare(world)
            await world.open()
            watching.begin()
            await _live(world, watching)
            facts = await evaluate.at_the_end(world, watching)
        finally:
            virtual_s = world.now
            await world.shut()
    for crash in crashes:
        world.violate("crash", crash)
    return Played(story, world.violations, virtual_s=virtual_s, facts=facts)


def _crashed(context: dict, crashes: list[str]) -> None:
    """Unhandled exceptions, except those of an exchange for which only a dead process waited."""
    error = context.get("exception")
    if not (isinstance(error, LinkLostError) and "never retrieved" in context["message"]):
        crashes.append(f"{context.get('message')}: {error!r}")


# -- what happens ----------------------------------------------------------------------------------------------------


async def _live(world: World, watching: "evaluate.Watching") -> None:
    story = world.story
    fate = world.spawn(_fate(world, watching))
    nurse = world.spawn(_nurse(world, watching))
    if story.monitor:
        world.spawn(world.monitor.run())
    while world.now < story.horizon_s and not world.violations:
        await asyncio.sleep(LOOK_S)
        watching.check()
        if fate.done() and nurse.done():
            break
    await fate
    nurse.cancel()
    await asyncio.wait({nurse})
    world.over = True
    await _peace(world)
    await _until(world, watching, lambda: world.calm, 60.0)
    await _until(world, watching, lambda: False, SETTLE_S if not _over(world) else 3.0)
    watching.waits_for_a_person()
    await _helped(world, watching)
    await _until(world, watching, lambda: False, evaluate.QUIET_S + 1)


async def _until(world: World, watching: "evaluate.Watching", so, within_s: float) -> None:
    end = world.now + within_s
    while world.now < end and not so():
        await asyncio.sleep(min(LOOK_S, end - world.now))
        watching.check()


async def _fate(world: World, watching: "evaluate.Watching") -> None:
    for event in sorted(world.story.events, key=lambda event: event.at_s):
        if event.at_s > world.now:
            await asyncio.sleep(event.at_s - world.now)
        await _happen(world, watching, event)


async def _happen(world: World, watching: "evaluate.Watching", event: Happening) -> None:
    match event.word:
        case "fault":
            _fault(world, watching, event)
        case "panel":
            watching.panel()
            world.watch.press(event.detail)
        case "cable":
            watching.loss(event.lasting_s)
            world.unplug(event.lasting_s)
        case "clock":
            world.clock_off_s += float(event.detail)
            world.clock_was_set = True
        case "vitals":
            world.monitor.begin(event.name, event.lasting_s)
        case "colleague":
            world.colleague = event.detail
        case "wristband":
            world.scans = list(SCANS[event.detail](world.story.order["patient"]))
        case "tablet":
            world.tablet_away_until = world.now + event.lasting_s
        case "disk":
            _disk(world, event)
        case "control":
            world.spawn(_process(world, watching, event))
        case "nurse":
            world.spawn(_act(world, watching, event.detail))


def _fault(world: World, watching: "evaluate.Watching", event: Happening) -> None:
    fault = Fault.parse(event.detail)
    if fault.kind is Kind.FRONT_PANEL:
        watching.panel()
        world.watch.press(fault.detail or "rate=150%")
        return
    lasting = fault.lasting_s or 0.0
    if fault.kind in _LINE:
        world.trouble(1.0 if fault.kind is Kind.ECHO else max(lasting, 1.0), cut=fault.kind not in CARRY)
        if fault.kind is Kind.DELAYED_REPLY:
            world.late_until = max(world.late_until, world.now + lasting + fault.detail_s + LATE_S)
        if fault.kind in (Kind.SILENCE, Kind.DISCONNECT, Kind.SHORTED):
            watching.loss(lasting, fault.kind.value)
    try:
        world.watch.pump.fire(fault)
    except FaultError as error:
        world.violate("crash", f"the campaign's own: {error}")


def _disk(world: World, event: Happening) -> None:
    disk, until = world.disk, world.now + event.lasting_s
    match event.name:
        case "full":
            disk.full_until = until
        case "away":
            disk.away_until = until
        case "slow":
            disk.slow_until, disk.slow_s = until, float(event.detail.partition("/")[0].partition(":")[2])
    world.trouble(event.lasting_s, cut=False)


async def _process(world: World, watching: "evaluate.Watching", event: Happening) -> None:
    if not world.up or (world.ending and event.name == "end"):
        return  # it is already dead, starting, or has been asked to end
    watching.loss(event.lasting_s)
    match event.name:
        case "kill":
            await world.kill(event.lasting_s)
        case "kill-sent":
            await world.kill(event.lasting_s, arrives=True)
        case "end":
            await world.end(event.lasting_s)
        case "reboot":
            world.machine_boot = f"machine-{world.processes + 1}"
            await world.kill(event.lasting_s)


# -- the nurse -------------------------------------------------------------------------------------------------------


async def _act(world: World, watching: "evaluate.Watching", what: str) -> None:
    match what:
        case "confirm":
            await world.confirm()
        case "order":
            await world.order()
        case "reconcile":
            await _reconcile(world, watching)
        case "stop":
            await _stop(world, watching)
        case _:
            await world.ask(op=what, pump=world.bed, by="nurse")


async def _stop(world: World, watching: "evaluate.Watching") -> bool:
    accepted = watching.stop()
    answer = await world.ask(op="stop", pump=world.bed, by="nurse", reason="campaign")
    if answer is not None and answer.ok:
        accepted()
        return True
    return False


async def _reconcile(world: World, watching: "evaluate.Watching") -> None:
    """At the pump she stops what runs, if the keys work, and confirms that it has stopped only if it has.

    She correctly reads what it gave of the present program, rounded up to what a display shows.
    """
    if world.watch.running:
        watching.panel()
        world.watch.press("stop")
    read, stopped = f"{watching.of_this_program_ml() + 0.01:.2f} mL", not world.watch.running
    entered = {"volume": read, "volume_again": read, "seen_stopped": stopped}
    await world.ask(op="reconcile", pump=world.bed, reason="read it", by="nurse", **entered)


async def _nurse(world: World, watching: "evaluate.Watching") -> None:
    """After the order she always takes the next step; she is done when the infusion has ended."""
    nurse, ordered, orders = world.story.nurse, False, 3
    rests, flowed_since = world.story.rest.orders, None
    clears, resumes, times = nurse.clears, nurse.resumes, 2 if nurse.impatient else 1
    stuck_since: float | None = None
    while True:
        await asyncio.sleep(0.2 if not ordered else LOOK_S)
        if not world.up or world.now < world.tablet_away_until:
            continue
        if world.unproven():
            await world.identify()
        if not ordered:
            answer = await world.order()
            ordered = answer is not None and answer.ok
            if nurse.impatient:
                await world.order()
            if not ordered:
                if world.now > ORDER_WITHIN_S:
                    return
                await asyncio.sleep(2.0)
            continue
        infusion = world.infusion
        if infusion is not None and infusion.state is not State.ABANDONED:
            world.before(infusion)
        if world.treatment and (infusion is None or infusion.state.ended):
            if not rests or not await _rest(world, watching):
                return
            rests, flowed_since = rests - 1, None
            continue
        if infusion is None or infusion.state is State.ABANDONED:  # the order died with the process, or before any flow
            orders -= 1
            if not orders:
                return
            ordered = False
            continue
        state = infusion.state
        if state.ended:
            if not rests or state is State.COMPLETED:
                return
            world.treatment = infusion.place.session
            continue
        if infusion.treatment and state is State.RUNNING and world.story.rest.stop_after_s:
            flowed_since = world.now if flowed_since is None else flowed_since
            if world.now - flowed_since >= world.story.rest.stop_after_s:
                await _stop(world, watching)
        if state is State.READY:
            await asyncio.sleep(nurse.confirm_after_s)
            await world.confirm(times)
        elif state is State.PAUSED:
            await asyncio.sleep(nurse.act_after_s)
            if resumes > 0:
                resumes -= 1
                for _ in range(times):
                    await world.ask(op="resume", pump=world.bed, by="nurse")
            else:
                await _stop(world, watching)
        elif state is State.TRIPPED and clears > 0:
            await asyncio.sleep(nurse.act_after_s)
            clears -= 1
            for _ in range(times):
                await world.ask(op="clear", pump=world.bed, by="nurse")
        if state in (State.UNCERTAIN, State.STOPPING, State.PAUSING):
            stuck_since = world.now if stuck_since is None else stuck_since
            if world.now - stuck_since > 30.0:  # she goes to the pump, stops it there, and reads it
                world.watch.press("stop")
                await _reconcile(world, watching)
        else:
            stuck_since = None


async def _rest(world: World, watching: "evaluate.Watching") -> bool:
    """Order the rest of what has ended, at the other pump if there is one; whether an order was taken."""
    rest = world.story.rest
    await asyncio.sleep(rest.after_s)
    if rest.another and world.infusion is not None:
        watching.refuses_another(world.infusion, await world.order())
        if not world.treatment:
            return True  # nothing was given of the one before
    bed = "bed2" if rest.family else "bed1"
    changes = {"container": rest.container} if rest.container else {}
    for number in range(RESTS_TRIED):
        if world.unproven(bed):
            await world.identify(bed)
        slower = {"duration": f"{rest.minutes} min"} if rest.minutes and not number else {}
        answer = await world.order_rest(bed, **changes, **slower)
        if answer is not None and answer.ok:
            watching.rest_ordered(world.infusion)
            return True
        watching.rest_refused(answer)
        await asyncio.sleep(5.0)
    return False


def _over(world: World) -> bool:
    state = world.state
    return world.up and (state is None or state.ended)


async def _peace(world: World) -> None:
    """From now on nothing goes wrong."""
    for pump in (watch.pump for watch in world.beds.values()):
        for kind in Kind:
            if FACTS[kind].lasts and kind is not Kind.POWER_CUT:
                pump.clear(kind)
        if pump.clock is not None and not pump.device.powered:
            pump.power(on=True)
    world.disk.full_until = world.disk.away_until = world.disk.slow_until = 0.0
    world.tablet_away_until = world.monitor.until_s = 0.0


async def _helped(world: World, watching: "evaluate.Watching") -> None:
    """A nurse ends what has not ended."""
    end = world.now + HELP_S
    while world.now < end and not _over(world):
        await _stop(world, watching)
        await _until(world, watching, lambda: _over(world) or world.state is State.TRIPPED, 8.0)
        infusion = world.infusion
        if infusion is not None and not infusion.state.ended:
            if infusion.in_doubt:
                await _reconcile(world, watching)
            await world.ask(op="clear", pump=world.bed, by="nurse")
        await _until(world, watching, lambda: _over(world), 4.0)


def quiet_logs() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
