"""A pump's own clock, compared with the gateway's, and when it is read again (STA-11).

It is part of a pump's identity, and a pump may stay connected for months, in which its clock drifts, or is set by a
person who was told that it is wrong.
"""

from pumpd.control.refused import CHECK_AGAIN_AFTER_S
from pumpd.host.clock import Clock
from pumpd.host.clock_rules import pump_objections
from pumpd.pump import Identity
from pumpd.quantities import NS_PER_S

GOOD_FOR_S = 600


def objections(identity: Identity | None, clock: Clock) -> tuple[str, ...]:
    """Why the pump may not be started; empty for one that reports no time."""
    if identity is None or identity.clock is None:
        return ()
    unix_ns = int(clock.now().timestamp() * NS_PER_S)
    return pump_objections(identity.clock.ahead_s(clock.loop_ns(), unix_ns))


def due(identity: Identity | None, clock: Clock, asked_ns: int) -> bool:
    """Whether to ask the pump for its time again. `asked_ns`: when it was last asked, whether or not it answered."""
    if identity is None or identity.clock is None:
        return False
    age_s = (clock.loop_ns() - max(asked_ns, identity.clock.answered_ns)) / NS_PER_S
    return age_s >= GOOD_FOR_S or (age_s >= CHECK_AGAIN_AFTER_S and bool(objections(identity, clock)))
