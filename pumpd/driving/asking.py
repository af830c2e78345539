"""How an exchange ends: as an exception inside a driver, as an Outcome at its border."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from pumpd.pump import Done, Outcome, Refused, Unknown
from pumpd.texts import of_error
from pumpd.wire import ReplyTimeoutError, WireError

T = TypeVar("T")

RETRIES = 3  # of a question without a reply (COM-06)


class DeclinedError(Exception):
    """Certainly not done: it was never sent, or the pump refused. Each argument is a reason."""

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))


class UnansweredError(Exception):
    """It was sent and no trustworthy reply came: it may have been done."""


async def outcome(work: Awaitable[T]) -> Outcome[T]:
    """Done with the result; Refused for a DeclinedError, Unknown for an UnansweredError."""
    try:
        return Done(await work)
    except DeclinedError as error:
        await asyncio.sleep(0)  # a caller that asks in a loop while everything is refused must let a stop out
        return Refused(tuple(each if isinstance(each, str) else str(each) for each in error.args))
    except UnansweredError as error:
        return Unknown(of_error(error))


def timed_out(error: BaseException) -> bool:
    """Whether the port works, and no reply came that was understood: nothing at all, an echo, or something else."""
    return isinstance(error.__cause__, ReplyTimeoutError)


def port_failed(error: BaseException) -> bool:
    """Whether the port is gone or nothing was sent, so that sending again is useless now."""
    return isinstance(error.__cause__, WireError) and not timed_out(error)
