"""How an exchange ends: as an exception inside a driver, as an Outcome at its border."""

from collections.abc import Awaitable
from typing import TypeVar

from pumpd.pump import Done, Outcome, Refused, Unknown
from pumpd.wire import ReplyTimeoutError

T = TypeVar("T")

RETRIES = 3  # of a question without a reply (COM-06)


class DeclinedError(Exception):
    """Certainly not done: it was never sent, or the pump refused. The message gives the reason."""


class UnansweredError(Exception):
    """It was sent and no trustworthy reply came: it may have been done."""


async def outcome(work: Awaitable[T]) -> Outcome[T]:
    """Done with the result; Refused for a DeclinedError, Unknown for an UnansweredError."""
    try:
        return Done(await work)
    except DeclinedError as error:
        return Refused((str(error),))
    except UnansweredError as error:
        return Unknown(str(error))


def timed_out(error: BaseException) -> bool:
    """Whether the port works and the pump was silent."""
    return isinstance(error.__cause__, ReplyTimeoutError)
