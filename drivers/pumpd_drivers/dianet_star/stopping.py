"""How a flow is ended: the pump is told, and believed only when its STATUS says that it stands.

A pump that is in nobody's control, or has lost its address, is taken into closed loop for it; one whose keys are in
use may refuse everything for a while, a stop too, and is told again.
"""

import asyncio
import contextlib

from pumpd.driving import Lane, UnansweredError, timed_out
from pumpd_drivers.dianet_star import meaning
from pumpd_drivers.dianet_star.segments import Action, DoIt, Mode, State, Status, Word
from pumpd_drivers.dianet_star.talking import DianetStarLink, RefusedError

TRIES = 10
KEYS_HOLD_BACK_S = 0.3  # between two tries; the pump refuses for 2 s after a key [S]


async def stand(pump: DianetStarLink) -> Status:
    """The STATUS that says so. Raises UnansweredError when none did."""
    heard: Exception | str = "not sent"
    for _ in range(TRIES):
        try:
            with contextlib.suppress(RefusedError):  # believed is only what STATUS says
                await pump.do(Word.ACTION, DoIt(Action.START_STOP, 0), None, lane=Lane.STOP)
            status = await pump.status(lane=Lane.STOP)
            if not meaning.state(status.state).flowing:
                return status
            heard = "the pump says that it flows"
            if status.state & State.OPERATED:
                await asyncio.sleep(KEYS_HOLD_BACK_S)
            await pump.switch(Mode.FERNREGEL, None, lane=Lane.STOP)
        except (RefusedError, UnansweredError) as error:
            if not (timed_out(error) or isinstance(error, RefusedError)):
                raise
            heard = error
            with contextlib.suppress(UnansweredError, RefusedError):  # it may have lost its address
                await pump.switch(Mode.FERNREGEL, None, lane=Lane.STOP)
    raise UnansweredError(f"stop: {heard}")
