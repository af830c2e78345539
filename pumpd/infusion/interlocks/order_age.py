"""PRG-26: an order expires unless it is started in time; the very instant is too late.

What was ordered an hour ago was decided about a patient of an hour ago.
"""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.texts import text


def expired(infusion: Infusion, now_ns: int) -> str | None:
    """Why nothing of this order may be started any more. None while it is valid, and once it was started."""
    if infusion.expires_ns is None or now_ns < infusion.expires_ns or not _before_first_flow(infusion):
        return None
    valid_ns = infusion.expires_ns - infusion.ordered_ns
    return text(
        "infusion.order_expired",
        "the order expired {minutes} min after it was given; nothing was started; order again",
        minutes=f"{valid_ns / 6e10:g}",
    )


def _before_first_flow(infusion: Infusion) -> bool:
    """A first start that was decided and has not been sent counts as well."""
    if infusion.state is State.STARTING:
        return infusion.started_ns == infusion.since_ns
    return infusion.started_ns is None and not infusion.state.may_flow


def check(infusion: Infusion, now_ns: int) -> Verdict:
    why = None if infusion.state.may_flow else expired(infusion, now_ns)
    return PERMIT if why is None else Refuse((why,))
