"""How a pump holds a program: rate and VTBD, no second step, the counter at nothing; and how it is taken away.

What is given here is believed when it was read back.
"""

from pumpd.driving import DeclinedError, Lane
from pumpd.pump import RateStep
from pumpd_drivers.dianet_star import limits
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
from pumpd_drivers.dianet_star.talking import HOLD, DianetStarLink

NOTHING = Setpoint(rate=0, vtbd=0)
NO_RELOAD = Reload(0, 0, 0)


async def give(pump: DianetStarLink, step: RateStep, epoch: int) -> None:
    """To a pump that stands. Nothing flows yet; the keys are blocked from here on.

    Raises DeclinedError, UnansweredError.
    """
    if reasons := limits.beyond(step, await pump.get(Limits, epoch=epoch)):
        raise DeclinedError("; ".join(reasons))
    await pump.switch(Mode.FERNREGEL, epoch)
    pump.hold.begin(HOLD)
    await pump.do(Word.ACTION, DoIt(Action.START_STOP, 0), epoch)  # it stands; this acknowledges old alarms
    await pump.do(Word.SET_RELOAD, NO_RELOAD, epoch)
    pressure = pump.settings.pressure_level or LEAVE_8
    setpoint = Setpoint(rate=limits.hundredths(step.rate), vtbd=limits.tenths(step.volume), pressure=pressure)
    await pump.do(Word.SET_SETPOINT, setpoint, epoch)
    await pump.do(Word.ACTION, DoIt(Action.CLEAR_VOLUME, 1), epoch)
    await must_be_unused(pump, epoch)


async def must_be_unused(pump: DianetStarLink, epoch: int) -> None:
    """The counter is at nothing. Raises DeclinedError when it is not: what is held is only the rest of a program."""
    if given := (await pump.get(Actual, epoch=epoch)).infused:
        raise DeclinedError(f"the pump's counter stands at {limits.volume(given)}: load the program again")


async def held(pump: DianetStarLink, epoch: int) -> RateStep:
    """What a start would run, all of it. Raises DeclinedError when that has no end, or a second step."""
    if (await pump.get(Reload, epoch=epoch)).active:
        raise DeclinedError("the pump holds a second step (reload), which is no program of ours")
    now = await pump.get(Setpoint, epoch=epoch)
    if now.rate in (0, LEAVE_32) or now.vtbd in (0, LEAVE_32):
        raise DeclinedError("the pump holds no rate, or no volume that would end its flow: load a program")
    return RateStep(limits.rate(now.rate), limits.volume(now.vtbd))


async def take_away(pump: DianetStarLink, status: Status, epoch: int | None, lane: Lane) -> None:
    """Rate, VTBD and reload out of a pump that stands, so that a key would start nothing."""
    if not status.state & State.FERNREGEL:
        await pump.switch(Mode.FERNREGEL, epoch, lane=lane)
    await pump.do(Word.SET_SETPOINT, NOTHING, epoch, lane=lane)
    await pump.do(Word.SET_RELOAD, NO_RELOAD, epoch, lane=lane)
