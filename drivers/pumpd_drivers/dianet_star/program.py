"""How a pump holds a program: rate and VTBD, no second step, the counter at 0; and how it is cleared.

What is written here counts once it has been read back.
"""

from pumpd.driving import DeclinedError, Lane, listed, text
from pumpd.pump import RateStep
from pumpd_drivers.dianet_star import limits
from pumpd_drivers.dianet_star.dialogue import HOLD, DianetStarDialogue
from pumpd_drivers.dianet_star.segments import (
    LEAVE_8,
    LEAVE_32,
    Action,
    Actual,
    DoIt,
    Limits,
    Mode,
    Reload,
    Setpoint,
    State,
    Status,
    Word,
)

NOTHING = Setpoint(rate=0, vtbd=0)
NO_RELOAD = Reload(0, 0, 0)


async def write(pump: DianetStarDialogue, step: RateStep, epoch: int) -> None:
    """To a stopped pump. Nothing flows yet; its keys are blocked from here on.

    Raises DeclinedError, UnansweredError.
    """
    if reasons := limits.step_reasons(step, await pump.get(Limits, epoch=epoch)):
        raise DeclinedError(listed(reasons))
    await pump.switch(Mode.FERNREGEL, epoch)
    pump.hold.begin(HOLD)
    await pump.do(Word.ACTION, DoIt(Action.START_STOP, 0), epoch)  # it is stopped; this acknowledges old alarms
    await pump.do(Word.SET_RELOAD, NO_RELOAD, epoch)
    pressure = pump.settings.pressure_level or LEAVE_8
    setpoint = Setpoint(rate=limits.hundredths(step.rate), vtbd=limits.tenths(step.volume), pressure=pressure)
    await pump.do(Word.SET_SETPOINT, setpoint, epoch)
    await pump.do(Word.ACTION, DoIt(Action.CLEAR_VOLUME, 1), epoch)
    await require_unused(pump, epoch)


async def require_unused(pump: DianetStarDialogue, epoch: int) -> None:
    """The counter is at 0. Raises DeclinedError otherwise: the pump then holds only the rest of a program."""
    if given := (await pump.get(Actual, epoch=epoch)).infused:
        raise DeclinedError(
            text(
                "dianet_star.counter",
                "the pump's counter shows {given}: load the program again",
                given=limits.volume(given),
            )
        )


async def read(pump: DianetStarDialogue, epoch: int) -> RateStep:
    """Everything that a start would run. Raises DeclinedError when that has no end, or a second step."""
    if (await pump.get(Reload, epoch=epoch)).active:
        raise DeclinedError(
            text("dianet_star.reload", "the pump holds a second step (reload), which is not part of any pumpd program")
        )
    now = await pump.get(Setpoint, epoch=epoch)
    if now.rate in (0, LEAVE_32) or now.vtbd in (0, LEAVE_32):
        raise DeclinedError(
            text(
                "dianet_star.no_program", "the pump holds no rate, or no volume that would end its flow: load a program"
            )
        )
    return RateStep(limits.rate(now.rate), limits.volume(now.vtbd))


async def clear(pump: DianetStarDialogue, status: Status, epoch: int | None, lane: Lane) -> None:
    """Clear rate, VTBD and reload of a stopped pump, so that a key press starts nothing."""
    if not status.state & State.FERNREGEL:
        await pump.switch(Mode.FERNREGEL, epoch, lane=lane)
    await pump.do(Word.SET_SETPOINT, NOTHING, epoch, lane=lane)
    await pump.do(Word.SET_RELOAD, NO_RELOAD, epoch, lane=lane)
