"""Two beds and their cables: random orders, and cables that are swapped, moved, doubled and pulled.

    python -m tests.campaign.cables [--n N] [--first SEED]

Nobody moves a cable whose plug the nurse has in her hand. The pumps of a story are of one kind: some show which one
they are by an address or a serial number, some do not. Judged by the plants (COM-15):

| rule | what must be true |
|---|---|
| wrong start | a pump that begins to flow is that of a bed whose confirmed start was just sent |
| believed | while a pump flows by what was sent to it, its own bed does not show that it stopped |
| delivered | no patient gets more than was ordered, plus 0.1 mL and the pump's own error |
| booked | at least what was given is booked for its own patient, once all is quiet |
"""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pumpd.infusion.states import State
from pumpd.journal import Record
from pumpd.journal.doses import Doses
from pumpd_simulators.virtual_time import VirtualTimeLoop
from tests.campaign.play import ROOM, quiet_logs
from tests.control.testbed import Testbed, open_testbed

BEDS = ("bed1", "bed2")
SENT_WITHIN_S = 8.0  # a start flows within this time after its bed was STARTING
BELIEVED_AFTER_S = 1.0
LENGTH_S = (30.0, 400.0)
QUIET_S = 40.0
ERROR, OVER_ML = 0.02, 0.1

FAMILIES: dict[str, dict[str, Any]] = {
    "new-era": {"addressed": False},
    "new-era with addresses": {"addressed": True},
    "fresenius-base-a": {
        "addressed": False, "driver": "fresenius-base-a", "model": "BASE-A", "clamp": True,
        "simulated": {"name": "fresenius-base-a"},
    },
    "harvard": {"driver": "harvard", "model": "LEGATO 100", "clamp": True, "serials": "D1000{}"},
    "dianet-star": {"driver": "dianet-star", "model": "Perfusor fm", "serials": "1000{}"},
    "alaris-asena": {"driver": "alaris-asena", "model": "Asena", "serials": "8002-1000{}"},
}  # fmt: skip


class Bed:
    """One patient's pump, as the truth about it is seen at its plant."""

    def __init__(self, name: str, here: Testbed, violate: Any) -> None:
        self.name, self.here, self.violate = name, here, violate
        self.allowed_until_s = 0.0  # a start that was sent may make it flow until then
        self.starts = 0
        self._believed_since_s: float | None = None
        self._was = False
        self._given_ml = 0.0
        self.ordered_ml = 0.0

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def running(self) -> bool:
        return bool(self.here.pumps[self.name].truth()["running"])

    @property
    def given_ml(self) -> float:
        return self.here.truth(self.name)

    def check(self) -> None:
        infusion = self.here.gateway.runners[self.name].infusion
        state = None if infusion is None else infusion.state
        if infusion is not None and state in (State.STARTING, State.RUNNING):
            sent_s = (infusion.flow_since_ns or infusion.since_ns) / 1e9
            self.allowed_until_s = max(self.allowed_until_s, sent_s + SENT_WITHIN_S)
        running = self.running
        if running and not self._was:
            self.starts += 1
            if self.now > self.allowed_until_s:
                self.violate("wrong start", f"the pump of {self.name} begins to flow, and {self.name} is {state}")
        self._was = running
        if running and state is not None and not state.may_flow:
            self._believed_since_s = self._believed_since_s or self.now
            if self.now - self._believed_since_s > BELIEVED_AFTER_S:
                self.violate("believed", f"{self.name} is {state}: {infusion.reason}; its pump flows")
        else:
            self._believed_since_s = None
        if self.given_ml > self.ordered_ml * (1 + ERROR) + OVER_ML:
            self.violate("delivered", f"{self.name}: {self.given_ml:.3f} mL given of {self.ordered_ml:.3f} mL ordered")

    def booked(self, entries: list[Record]) -> None:
        """Of all infusions on this pump, at 1 mg/mL."""
        doses, sessions = Doses(), {entry.session for entry in entries if entry.pump == self.name}
        doses.take(entries)
        booked = sum(float(dose.worst.number) for dose in doses.all() if dose.session in sessions)
        if booked + self.given_ml * ERROR + 0.05 < self.given_ml:
            self.violate("booked", f"{self.name}: {booked:.3f} mL booked, {self.given_ml:.3f} mL given")


class Story:
    def __init__(self, seed: int) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.family = self.chance.choice([*FAMILIES, "new-era", "new-era", "fresenius-base-a"])
        self.violations: dict[str, str] = {}
        self.facts: Counter[str] = Counter()
        self.held: set[str] = set()  # ports whose cables the nurses hold

    def violate(self, rule: str, text: str) -> None:
        self.violations.setdefault(
            rule, f"seed {self.seed}, {self.family}, {asyncio.get_running_loop().time():.1f} s: {text}"
        )

    def settings(self) -> dict[str, Any]:
        given = dict(FAMILIES[self.family])
        self.container = given.pop("container", "50 mL")
        serials = given.pop("serials", None)
        if serials is None:
            return given
        simulated = {bed: {"name": given["driver"], "options": {"serial": serials.format(bed[-1])}} for bed in BEDS}
        each = {bed: {"serial": serials.format(bed[-1]), "simulated": simulated[bed]} for bed in BEDS}
        return given | {"each": each}

    async def play(self, folder: Path) -> None:
        async with open_testbed(folder, beds=BEDS, **self.settings()) as here:
            self.here = here
            self.beds = {bed: Bed(bed, here, self.violate) for bed in BEDS}
            watch = asyncio.create_task(self._watch())
            acts = [asyncio.create_task(each) for each in (self._nurse("bed1"), self._nurse("bed2"), self._fate())]
            await asyncio.sleep(self.chance.uniform(*LENGTH_S))
            for act in acts:
                act.cancel()
            await asyncio.wait(acts)
            for act in acts:
                if not act.cancelled() and act.exception() is not None:
                    raise act.exception()
            here.bench.restore(away_s=5, seen=False)
            await asyncio.sleep(QUIET_S)
            await here.ask(op="stop", reason="the end")
            await asyncio.sleep(10)
            entries = here.entries()
            for bed in self.beds.values():
                bed.booked(entries)
            watch.cancel()
            await asyncio.wait([watch])
            for bed in self.beds.values():
                self.facts["starts"] += bed.starts
                if bed.running:
                    self.violate("believed", f"the pump of {bed.name} flows at the end")
            kinds = Counter(here.kinds())
            for kind in ("pump_not_proven", "pump_proven", "stop_confirmed", "pump_recognized", "another_pump"):
                self.facts[kind] += kinds[kind]
            for entry in here.entries():
                if entry.kind == "internal_error":
                    self.violate("defect", entry.body)

    async def _watch(self) -> None:
        while True:
            for bed in self.beds.values():
                bed.check()
            await asyncio.sleep(0.1)

    # -- who acts ------------------------------------------------------------------------------------------------------

    async def _nurse(self, bed: str) -> None:
        """She identifies, orders, confirms, pauses and stops; at the pump she is at the right one."""
        here, chance = self.here, self.chance
        await asyncio.sleep(chance.uniform(0, 4))
        while True:
            await asyncio.sleep(chance.choice((0.3, 1.0, chance.uniform(0, 15))))
            runner = here.gateway.runners[bed]
            if not runner.line.proven and not runner.problem and chance.random() < 0.7:
                await self._identify(bed)
            state = here.state(bed)
            if state is None or State(state).ended:
                if here.gateway.runners[bed].infusion is None or chance.random() < 0.2:
                    await self._order(bed)
            elif state == "ready":
                with contextlib.suppress(AssertionError):  # refused: the challenge of a pump in doubt
                    self.facts["confirmed"] += (await here.confirm(pump=bed, request=f"r{chance.random()}")).ok
            elif state == "tripped":
                await here.ask(op="clear", pump=bed, by="n")
            elif state == "paused":
                await here.ask(op="resume", pump=bed, by="n")
            elif chance.random() < 0.1:
                await here.ask(op=chance.choice(("stop", "pause")), pump=bed)

    async def _order(self, bed: str) -> None:
        patient = f"{bed}-{self.facts['orders']}"
        answer = await self.here.order(pump=bed, patient=patient, container=self.container)
        self.facts["orders"] += 1
        if answer.ok:
            self.beds[bed].ordered_ml += 35.0

    async def _identify(self, bed: str) -> None:
        """She pulls the cable at her own pump, whichever port it leads to."""
        here, ports = self.here, self.here.bench.ports_of(bed)
        if not ports or not (await here.ask(op="identify", pump=bed, by=f"nurse of {bed}")).ok:
            return
        if here.bench.ports_of(bed) != ports:
            return  # somebody has moved it meanwhile
        self.held |= set(ports)
        here.bench.pull(*ports, away_s=4, seen=False)
        await asyncio.sleep(4)
        self.held -= set(ports)
        await asyncio.sleep(5)

    async def _fate(self) -> None:
        """What happens to the cables."""
        chance, bench = self.chance, self.here.bench
        for _ in range(chance.randint(1, 6)):
            await asyncio.sleep(chance.uniform(2, 90))
            what = chance.choice(("swap", "swap", "swap", "move", "double", "pull", "pull both", "restore"))
            a, b = chance.sample(BEDS, 2)
            if self.held & {a, b}:
                continue
            seen = chance.random() < 0.5
            # Unseen and short is a swap between two polls: nothing but a mark shows it, and no person is so fast.
            away_s = chance.choice((0.1, 0.4, 1.0, 3.0, 12.0)) if seen else chance.choice((2.5, 4.0, 12.0))
            self.facts[what] += 1
            match what:
                case "swap":
                    bench.swap(a, b, away_s=away_s, seen=seen)
                case "move":
                    bench.move(a, to=b, away_s=away_s, seen=seen)
                case "double":
                    bench.double(a, b, away_s=away_s, seen=seen)
                case "pull":
                    bench.pull(a, away_s=away_s, seen=seen)
                case "pull both":
                    bench.pull(a, b, away_s=away_s, seen=seen)
                case _:
                    bench.restore(away_s=away_s, seen=seen)


def play(seed: int) -> Story:
    story = Story(seed)
    with tempfile.TemporaryDirectory(dir=ROOM) as folder, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(story.play(Path(folder)))
    return story


def stories(first: int, count: int) -> Iterator[Story]:
    for seed in range(first, first + count):
        yield play(seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    quiet_logs()
    facts: Counter[str] = Counter()
    broken, began = 0, time.process_time()
    for story in stories(given.first, given.n):
        facts += story.facts
        for rule, text in story.violations.items():
            broken += 1
            print(f"{rule}: {text}")
    print(f"{given.n} stories, {broken} broken rules, {time.process_time() - began:.0f} s of CPU")
    print(", ".join(f"{name} {number}" for name, number in sorted(facts.items())))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
