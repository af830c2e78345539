"""The world of one story: a pump with its plant, a disk, a wall clock, a control process that may die, and a nurse.

Everything but the serial cable, the disk's platters and the processes' memory is the real thing: gateway, state
machine, driver, codec, journal, signatures.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.control import process
from pumpd.control.confirming.signature import pairable
from pumpd.control.infusions import recovery
from pumpd.control.socket.doors import Caller
from pumpd.control.tablets.keys import KeyStore
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion, State
from pumpd.infusion import events as ev
from pumpd.journal import JournalReader, Record
from pumpd.messages.keys import PairedKey
from pumpd.messages.requests import REQUEST, Answer
from pumpd.messages.signing import der_of, sign
from pumpd.pump import LossOfControl
from pumpd.pump import family as driver_family
from pumpd.settings import Settings
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.faults import Kind
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.campaign.disk import Disk, Writer
from tests.campaign.monitor import Monitor
from tests.campaign.plant_watch import Watch
from tests.campaign.process import Control
from tests.campaign.story import Story
from tests.control.monitor import VITALS
from tests.control.testbed import OPERATOR
from tests.signed import library, signed

BASE = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CALM_S = 12.0  # after trouble: time to identify the pump again, and for the line to fall quiet
PULLED_S = 4.0
CARRY = {Kind.LOST_REPLY, Kind.DELAYED_REPLY, Kind.DUPLICATED_REPLY, Kind.SPLIT_REPLY, Kind.ECHO}
BACK_OFF_S = 10.0  # the link's longest pause between two attempts to open the port


@cache
def key() -> tuple[ec.EllipticCurvePrivateKey, PairedKey]:
    made = ec.generate_private_key(ec.SECP256R1())
    return made, pairable("nurse-1", "confirm", der_of(made.public_key()))


SETTINGS = {  # what the wire does not show
    "infusomat-fms": {"model": "infusomat-fms"},
    "pump-11": {"dialect": "11"},
    "model-44": {"dialect": "44"},
    "phd-2000": {"dialect": "44"},
}
# Given to the pump, so that it shows which one it is.
ADDRESSED = ("new-era", "harvard-classic")


@cache
def identity(family: str, model: str) -> dict[str, str]:
    """Model and serial as the pump itself reports them, for the gateway's configuration.

    Identified on its own loop, so that a story begins at the same instant whether or not the pump is already known.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(_who(family, model))


async def _who(family: str, model: str) -> dict[str, str]:
    bench = simulate(family, model=model)
    memory.serve("who", bench, paced=False)
    driver = await driver_family(family).connect("memory://who", SETTINGS.get(model, {}))
    found = (await driver.identify()).value
    await driver.close()
    memory.withdraw("who")
    bench.shut()
    return {"model": found.model, "serial": found.serial or "ASSET-bed1"}


class World:
    def __init__(self, story: Story, folder: Path) -> None:
        self.story, self.folder = story, folder
        self.violations: dict[str, str] = {}
        self.loop = asyncio.get_running_loop()
        self.clock_off_s = 0.0
        self.machine_boot = "machine-1"
        self.disk = Disk(folder / "journal.sqlite3", self.wall)
        self.control: Control | None = None
        self.processes = 0
        self.ending = False  # asked to end, but still there
        self.on_writer: Callable[[Writer], None] = lambda _: None
        self.tablet_away_until = 0.0
        self.trouble_until = 0.0
        self.cut_until = 0.0  # of it, what keeps a frame from the pump
        self.late_until = 0.0  # replies come late
        self.colleague = ""  # who gives the next order too, and where
        self.orders_at_once = 0
        self.requests = 0
        self.confirmations = 0  # sent with the right wristband
        self.scans: list[str] = []  # what she scans for the next confirmation, if not the right wristband
        self.clock_was_set = False
        self.bed = "bed1"  # where the infusion is
        self.beds: dict[str, Watch] = {}
        self.treatment = ""  # of which the rest is wanted
        self.monitor = Monitor(self)
        self._before: dict[str, tuple[float, float]] = {}  # given and moved before each session, and each treatment
        self.on_gateway: Callable[[Any], None] = lambda _: None
        self.on_boot: Callable[[], None] = lambda: None
        self.over = False  # from now on nobody does anything
        self.at_end: list[Callable[[list[Record]], object]] = []  # called with all entries
        self.harness: set[asyncio.Task] = set()
        self.acts: set[asyncio.Task] = set()
        self._unplugged_until: dict[str, float] = {}
        self._timers: list[asyncio.TimerHandle] = []

    # -- time --------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.loop.time()

    def wall(self) -> datetime:
        return BASE + timedelta(seconds=self.now + self.clock_off_s)

    def later(self, seconds: float, call: Callable[..., object], *args: object) -> None:
        self._timers.append(self.loop.call_later(seconds, call, *args))

    def trouble(self, seconds: float, *, cut: bool = True) -> None:
        """The line, the pump or the gateway has trouble for this long and some time after.

        `cut` False: what is sent still reaches the pump.
        """
        self.trouble_until = max(self.trouble_until, self.now + seconds + CALM_S)
        if cut:
            self.cut_until = max(self.cut_until, self.trouble_until)

    @property
    def calm(self) -> bool:
        """Also on a line that has echoed for a while."""
        return self.now >= self.trouble_until and self.up and not self._active - {Kind.ECHO}

    @property
    def reached(self) -> bool:
        """What is sent reaches the pump, whatever becomes of its replies."""
        return self.now >= self.cut_until and self.up and not self._active - CARRY

    @property
    def echoes(self) -> bool:
        return Kind.ECHO in self._active

    @property
    def _active(self) -> set[Kind]:
        return set(self.watch.pump.line.active())

    # -- beginning and end ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        self.harness.add(asyncio.current_task())
        pumps = [self._pump("bed1", self.story.family, self.story.model, self.story.options)]
        if self.story.rest.family:
            pumps.append(self._pump("bed2", self.story.rest.family, self.story.rest.model, {}))
        self.settings = Settings.model_validate(
            {
                "gateway": "ward-7",
                "state_dir": self.folder,
                **signed(),
                "pump": pumps,
                **({"vitals": VITALS} if self.story.monitor else {}),
            }
        )
        self.key, self.paired = key()
        KeyStore(self.settings.keys_path).add(self.paired)
        await self.boot()

    def _pump(self, bed: str, family: str, model: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Put a pump at this bed; returns its part of the configuration."""
        who = {key: value.replace("bed1", bed) for key, value in identity(family, model).items()}
        address = {"address": int(bed[-1])} if family in ADDRESSED else {}
        given = {**({"addresses": str(address["address"])} if address else {}), **options}
        pump = simulate(family, model=model, options=given, seed=self.story.seed)
        self.beds[bed] = Watch(pump, self.loop.time)
        pump.line.on_disconnect = partial(self.unplug, bed=bed)
        memory.serve(bed, self.beds[bed])
        return {
            "name": bed,
            "driver": family,
            "port": f"memory://{bed}",
            "clamp": True,
            "simulated": True,
            "settings": {**address, **SETTINGS.get(model, {})},
            **who,
        }

    @property
    def watch(self) -> Watch:
        """The pump of the infusion."""
        return self.beds[self.bed]

    async def boot(self) -> None:
        self.processes += 1
        self.control = Control(self.settings, library(), self.disk, f"boot-{self.processes}", tuple(self.beds))
        self.control.on_start, self.control.on_up = self.on_writer, self.on_gateway
        await self.control.start()
        if self.processes > 1:
            self.on_boot()

    async def shut(self) -> None:
        for timer in self._timers:
            timer.cancel()
        if self.control is not None:
            self.control.kill(arrives=False)
            await self.reap()
        for task in self.harness - {asyncio.current_task()}:
            task.cancel()
        await asyncio.gather(*(self.harness - {asyncio.current_task()}), return_exceptions=True)
        for bed, watch in self.beds.items():
            if bed in memory._served:
                memory.withdraw(bed)
                watch.pump.shut()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task:
        """A task for people and events, which no death of a process ends."""
        task = self.loop.create_task(work)
        self.harness.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task) -> None:
        self.harness.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.violate("crash", f"the campaign itself: {task.exception()!r}")
            self.loop.call_exception_handler({"message": "campaign", "exception": task.exception()})

    async def reap(self) -> None:
        for task in self.acts:
            task.cancel()
        await self.control.reap(self.harness)

    # -- the control process -------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        return self.control is not None and not self.control.dead and self.control.gateway is not None

    @property
    def infusion(self) -> Infusion | None:
        return self.control.infusion(self.bed) if self.control else None

    @property
    def state(self) -> State | None:
        infusion = self.infusion
        return infusion.state if infusion else None

    async def kill(self, after_s: float, *, arrives: bool = False) -> None:
        """SIGKILL now, and another process after this long."""
        self.control.kill(arrives=arrives)
        await self.buried(after_s)

    async def buried(self, after_s: float) -> None:
        self.trouble(after_s)
        await self.reap()
        await asyncio.sleep(after_s)
        await self.boot()

    async def end(self, after_s: float) -> None:
        """SIGTERM now, and another process after this long."""
        self.ending = True
        self.trouble(after_s + 3)
        control = self.control
        try:
            async with asyncio.timeout(10):
                await control.end()
        except TimeoutError:
            control.kill(arrives=False)  # TimeoutStopSec
        control.kill(arrives=False)
        await self.reap()
        await asyncio.sleep(after_s)
        self.ending = False
        await self.boot()

    def unplug(self, seconds: float, bed: str = "") -> None:
        bed = bed or self.bed
        self.trouble(seconds + BACK_OFF_S)
        self._unplugged_until[bed] = max(self._unplugged_until.get(bed, 0.0), self.now + seconds)
        memory.unplug(bed)
        self.later(seconds, self._plug, bed)

    def _plug(self, bed: str) -> None:
        if bed in memory._served and self.now >= self._unplugged_until[bed]:
            memory.plug(bed)

    # -- the nurse's requests ------------------------------------------------------------------------------------------

    async def ask(self, caller: Caller = OPERATOR, **fields: Any) -> Answer | None:
        """None without an answer: no process, no tablet, or the process died meanwhile."""
        if not self.up or (caller is OPERATOR and self.now < self.tablet_away_until):
            return None
        act = self.loop.create_task(self.control.gateway.answer(REQUEST.validate_python(fields), caller))
        self.harness.add(act)
        self.acts.add(act)
        try:
            await asyncio.wait({act}, timeout=10.0)
            if act.done() and not act.cancelled():
                return act.result()
            act.cancel()
            return None
        finally:
            self.harness.discard(act)
            self.acts.discard(act)

    def proven(self, bed: str = "") -> bool:
        """It is known which pump answers."""
        return self.up and self.control.gateway.runners[bed or self.bed].line.proven

    def unproven(self, bed: str = "") -> bool:
        """It answers, stands still, and nothing shows which pump it is."""
        bed = bed or self.bed
        still = self.up and not self.beds[bed].running and not self.proven(bed)
        return still and not self.control.gateway.runners[bed].problem

    async def identify(self, bed: str = "") -> None:
        """She goes to the pump, and pulls its cable for a while."""
        bed = bed or self.bed
        answer = await self.ask(op="identify", pump=bed, by="nurse")
        if answer is not None and answer.ok:
            self.trouble(PULLED_S)
            self.beds[bed].pump.fire(f"silence/{PULLED_S}s")
            await asyncio.sleep(PULLED_S + 4)

    async def associate(self, bed: str) -> None:
        if self.up and not self.control.gateway.runners[bed].patient:
            await self.ask(op="associate", pump=bed, patient=self.story.order["patient"], by="nurse")

    async def order(self) -> Answer | None:
        """Associate the pump with its patient, who stays the same, and order the infusion."""
        return await self._ordered("bed1", {"op": "order", **self.story.order})

    async def order_rest(self, bed: str, **changes: str) -> Answer | None:
        """The same for the rest of the treatment, on this pump."""
        whose = {"patient": self.story.order["patient"], "ordered_by": self.story.order["ordered_by"]}
        return await self._ordered(bed, {"op": "rest", "treatment": self.treatment, **whose, **changes})

    async def _ordered(self, bed: str, order: Mapping[str, str]) -> Answer | None:
        """Give this order; a colleague, if there is one, gives hers a moment earlier. One of both is taken at most."""
        orders = {"nurse": (bed, order)}
        if self.colleague and self.proven(bed):
            other = next((each for each in self.beds if each != bed), bed) if self.colleague == "patient" else bed
            container = self.story.rest.container if other == "bed2" else self.story.order["container"]
            hers = order if other == bed else {**order, "container": container}
            orders = {"colleague": (other, hers), **orders}
            self.orders_at_once += 1
        for each, _ in orders.values():
            if self.unproven(each) and each != bed:
                await self.identify(each)
            await self.associate(each)
        asked = [self.spawn(self.ask(pump=each, **fields)) for each, fields in orders.values()]
        answers = await asyncio.gather(*asked)
        beds = [each for each, _ in orders.values()]
        taken = [(each, answer) for each, answer in zip(beds, answers, strict=True) if answer is not None and answer.ok]
        if len(taken) > 1:
            self.violate("orders", f"two orders for one patient are taken at once, on {' and '.join(beds)}")
        if not taken:
            return answers[-1]
        self.bed, answer = taken[0]
        self.colleague = ""
        return answer

    async def confirm(self, times: int = 1) -> bool:
        """Fetch what is to be confirmed and sign it; if impatient, this many times."""
        answer = await self.ask(op="challenge", pump=self.bed)
        if answer is None or not answer.ok:
            return False
        if self.infusion is not None:
            self.before(self.infusion)
        right = self.story.order["patient"]
        scans, self.scans = self.scans or [right], []
        answers = [await self._confirm(answer.result["binding"], scan, times) for scan in scans]
        for scan, each in zip(scans, answers, strict=True):
            if scan != right and any(answer is not None and answer.ok for answer in each):
                self.violate("wristband", f"a confirmation with {scan or 'no wristband'} is accepted")
        return any(answer is not None and answer.ok for answer in answers[-1])

    async def _confirm(self, binding: Mapping[str, Any], wristband: str, times: int) -> list[Answer | None]:
        fields = {**binding, "wristband": wristband}
        signed_binding = ev.Binding(**{**fields, "action": ev.ConfirmAction(fields["action"])})
        self.requests += 1
        self.confirmations += wristband == self.story.order["patient"]
        sent = {"request": f"r-{self.requests}", "key": self.paired.id, "signature": sign(self.key, signed_binding)}
        return [await self.ask(op="confirm", pump=self.bed, **sent, **fields) for _ in range(times)]

    # -- evaluation ----------------------------------------------------------------------------------------------------

    def violate(self, rule: str, text: str) -> None:
        self.violations.setdefault(rule, f"at {self.now:.3f} s: {text}")

    def entries(self) -> list[Record]:
        with contextlib.closing(JournalReader(self.disk.path)) as reader:
            return list(reader.all())

    @property
    def native(self) -> bool:
        """Its own watchdog ends a flow that nothing polls."""
        pump = next(each for each in self.settings.pumps if each.name == self.bed)
        name = self.story.order["container"] if self.bed == "bed1" else self.story.rest.container
        capabilities = driver_family(pump.driver).capabilities(library().containers[name], pump.settings)
        return LossOfControl.NATIVE in capabilities.loss_of_control

    def given_ml(self, bed: str = "") -> float:
        """What ordered flow gave, on this pump or on all."""
        watches = [self.beds[bed]] if bed else self.beds.values()
        return sum(watch.delivered_ml - watch.unprescribed_ml() for watch in watches)

    def before(self, infusion: Infusion) -> tuple[float, float, float]:
        """Before this infusion was first seen: given and moved by its pump, and given by all before its treatment."""
        session, pump = infusion.place.session, infusion.place.pump
        treatment = infusion.treatment or session
        given, moved = self._before.setdefault(session, (self.given_ml(pump), self.beds[pump].moved_ml))
        return given, moved, self._before.setdefault(f"all {treatment}", (self.given_ml(), 0.0))[0]

    def given_by(self, infusion: Infusion) -> float:
        """A blocked line that is freed may release what an earlier infusion on this pump held back."""
        given, moved, _ = self.before(infusion)
        pump = infusion.place.pump
        return min(self.given_ml(pump) - given, self.beds[pump].moved_ml - moved)

    def given_of_treatment(self, infusion: Infusion) -> float:
        return self.given_ml() - self.before(infusion)[2]


@contextlib.contextmanager
def in_its_time(world: World) -> Iterator[None]:
    """pumpd's wall clock and boot identity are those of the story."""
    with (
        mock.patch.object(Clock, "now", new=lambda _: world.wall()),
        mock.patch.object(recovery, "machine_boot", new=lambda: world.machine_boot),
        mock.patch.object(process, "machine_boot", new=lambda: world.machine_boot),
    ):
        yield
