"""How work on the wire ends, as exceptions inside a driver and as an Outcome at its border."""

from collections.abc import Awaitable
from typing import TypeVar

from pumpd.pump import Done, Outcome, Refused, Unknown
from pumpd.wire import ReplyTimeoutError

T = TypeVar("T")

RETRIES = 3  # of a question without an answer (COM-06)


class DeclinedError(Exception):
    """Certainly not done: it never left, or the pump said no. The message says why."""


class UnansweredError(Exception):
    """It left and no trustworthy answer came: it may have been done."""


async def outcome(work: Awaitable[T]) -> Outcome[T]:
    """Done with what the work returns, Refused or Unknown when it raises one of the two."""
    try:
        return Done(await work)
    except DeclinedError as error:
        return Refused((str(error),))
    except UnansweredError as error:
        return Unknown(str(error))


def timed_out(error: BaseException) -> bool:
    """Whether the port is there and the pump was silent."""
    return isinstance(error.__cause__, ReplyTimeoutError)
