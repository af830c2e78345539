"""A program as a series of short moves, the slices, and how many steps they have moved.

The pump holds nothing but the present move. A slice is for two seconds; the next one is sent only when the pump's clock
has shown that it ended, and only while the pump is polled. So a lost host ends the flow after one slice.

Promises:
- Slices never overlap, and none is sent after a stop, a lost connection, a restart, or a doubt about the previous one.
- `steps` is calculated, from acknowledged slices and elapsed time: the pump reports no volume. Once a slice has ended,
  or when its end was not seen, it counts in full; one that ended early counts for the most that it can have moved.
"""

import asyncio
import math
from dataclasses import dataclass

from pumpd.driving import DeclinedError, KeepAlive, UnansweredError, of_error, text
from pumpd.quantities import Duration, Volume
from pumpd_drivers.poseidon.dialogue import PoseidonDialogue, now_s
from pumpd_drivers.poseidon.limits import PROVE_S, Plan
from pumpd_drivers.poseidon.replies import FROZEN_S

BEFORE_END_S = 0.15  # a slice is seen moving so long before it can end
LATE_S = 3.0  # after its due end a slice that still moves is a fault; one that is less late only counts later
AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Slice:
    """One move. Times are in s: `began` by the loop's clock, the others from there."""

    steps: int
    began: float
    soonest: float  # it cannot end earlier: its steps at its speed
    due: float  # when the next one is due, at the program's mean speed


class Slices:
    """The slices of one loaded program."""

    def __init__(self, pump: PoseidonDialogue) -> None:
        self._pump = pump
        self._plan: Plan | None = None
        self._ended = 0  # steps of the slices that have ended
        self._number = 0
        self._now: Slice | None = None
        self._epoch = 0
        self._halted_s: float | None = None  # when the pump echoed a stop of the present slice
        self._too_late_s = 0.0
        self._given_up = False
        self._kept = KeepAlive(self._turn, 0)
        self.faulty = False  # a slice did not end in time

    @property
    def active(self) -> bool:
        """A slice moves, or the next one will come."""
        return self._now is not None or self._kept.alive

    @property
    def wanted(self) -> bool:
        """The present slice is to move on to its end."""
        return self.active and not self._given_up

    @property
    def begun(self) -> bool:
        """Whether a slice was sent since the program was loaded."""
        return self._number > 0

    @property
    def steps(self) -> int:
        """Steps moved until now."""
        part = self._now
        if part is None:
            return self._ended
        return self._ended + min(part.steps, int(part.steps * (now_s() - part.began) / part.due))

    @property
    def volume(self) -> Volume:
        return Volume(0) if self._plan is None else self._plan.volume(self.steps)

    def load(self, plan: Plan) -> None:
        self._plan, self._ended, self._number, self._now, self.faulty = plan, 0, 0, None, False

    async def first(self, epoch: int) -> None:
        """Send the first slice, and see the pump move. Nothing follows unless `follow` is called."""
        self._epoch, self._given_up = epoch, False
        try:
            await self._send()
            await self._see_it_move(epoch)
        except (DeclinedError, UnansweredError):
            self.end()
            raise

    async def _see_it_move(self, epoch: int) -> None:
        try:
            await _until(now_s() + FROZEN_S)
            await self._pump.ping(epoch)
        except DeclinedError as error:  # a stop came in between
            raise UnansweredError(
                text(
                    "poseidon.move_unread", "the move was sent, and its state was not read: {why}", why=of_error(error)
                )
            ) from error
        if self._now is None:
            raise UnansweredError(
                text("poseidon.no_move", "the move was acknowledged, and the pump's clock shows that nothing moves")
            )

    def follow(self, lease: Duration) -> None:
        """Send the other slices, as long as `renew` is called within each lease."""
        self._kept.begin(lease)

    def renew(self) -> None:
        self._kept.renew()

    def end(self) -> None:
        """No further slice is sent; the present one may be ended by any frame."""
        self._given_up = True
        self._kept.end()

    def halted(self) -> None:
        """The pump has just echoed a stop, which the present slice does not outlast."""
        self._halted_s = now_s()

    def ended(self, heard_s: float) -> None:
        """Nothing moves any more, as the pump has shown at this instant."""
        part, self._now = self._now, None
        if part is None:
            return
        assert self._plan is not None  # a slice needs one
        moved_s = min(heard_s, self._halted_s or heard_s) - part.began
        if moved_s >= part.soonest:
            self._ended += part.steps
        else:  # it was stopped: it moved no faster than its speed
            self._ended += min(part.steps, math.ceil(float(self._plan.speed) * moved_s) + 1)
            self.end()

    def lost(self) -> None:
        """The end of the present slice was not seen: it counts in full."""
        part, self._now = self._now, None
        if part is not None:
            self._ended += part.steps
        self.end()

    # -- a slice from its beginning to its end -------------------------------------------------------------------

    async def _turn(self) -> None:
        try:
            if self._now is None:
                await self._send()
            await self._watch()
        except (DeclinedError, UnansweredError):
            self.end()
            raise

    async def _send(self) -> None:
        plan = self._plan
        assert plan is not None  # nothing starts without a program
        self._number += 1
        steps = plan.slice(self._number)
        soonest, due = float((steps - 1) / plan.speed), float(steps / plan.mean)
        self._now, self._halted_s = Slice(steps, now_s(), soonest, due), None
        try:
            await self._pump.move(self._number, steps, self._epoch)
        except DeclinedError:
            self._now = None  # it was not sent
            raise
        self._too_late_s = now_s() + due + LATE_S

    async def _watch(self) -> None:
        """See the slice move shortly before its end, and then see it ended; wait until the next one is due."""
        part, plan = self._now, self._plan
        if part is None or plan is None:
            return
        if (late := part.soonest - BEFORE_END_S) > FROZEN_S:
            await _until(part.began + late)
            await self._pump.ping(self._epoch)
        await _until(part.began + max(part.due - float(PROVE_S), FROZEN_S))
        while self._now is part:
            if now_s() > self._too_late_s:
                self.faulty = True
                raise UnansweredError(
                    text(
                        "poseidon.still_moves",
                        "a move of {steps} steps, due in {seconds} s, still runs",
                        steps=part.steps,
                        seconds=f"{part.due:.1f}",
                    )
                )
            await self._pump.ping(self._epoch)
            if self._now is part:
                await asyncio.sleep(AGAIN_S)
        if self._ended >= plan.total:
            self.end()
        await _until(part.began + part.due)


async def _until(when_s: float) -> None:
    await asyncio.sleep(max(0.0, when_s - now_s()))
