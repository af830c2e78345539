"""STA-11: when the gateway's clock, or the pump's where it reports one, does not allow a first start. Pure.

Promises:
- A value at its limit is inside, the next one is outside (PRG-22). An unknown value is outside.
- An infusion under way is not affected: its intervals are monotonic, whatever wall clocks do.
"""

from dataclasses import dataclass

NS_PER_S = 10**9
NTP_LIMIT_US = 1_000_000  # STA-11: between gateway and NTP time
STEP_LIMIT_NS = NS_PER_S  # [P] a leap second does not count as a step
PUMP_LIMIT_S = 55  # STA-11: between gateway and pump

_MOST = "at most 1 s is allowed"
_TRUST = "find out why with `timedatectl`, or set `clock_trusted` if the gateway has its own reliable clock"
_ASK_AGAIN = "check with `timedatectl timesync-status` or `chronyc tracking` that its server answers, then ask again"
_ORDER_AGAIN = "earlier doses were checked against another time: stop this order and order again"


@dataclass(frozen=True, slots=True)
class KernelClock:
    """The kernel's report on its wall clock.

    `error_us`: how far it may be from its reference time; it grows until the next answer of a time server. `ahead_ns`:
    wall time less monotonic time. Both are slewed alike, so only a step changes it.
    """

    synchronized: bool
    error_us: int
    ahead_ns: int


def error_objections(clock: KernelClock, *, trusted: bool) -> tuple[str, ...]:
    """Why this clock is not good enough for a start.

    `trusted`: the gateway has its own clock, for which the site is responsible; its error is then not checked.
    """
    if trusted:
        return ()
    if not clock.synchronized:
        why, do = "the gateway's clock is not synchronized to NTP time", _TRUST
    elif clock.error_us > NTP_LIMIT_US:
        why, do = f"the gateway's clock may be {seconds(clock.error_us)} s from NTP time, {_MOST}", _ASK_AGAIN
    else:
        return ()
    return (f"clock: {why} (STA-11); {do}",)


def step_objections(then: KernelClock, now: KernelClock) -> tuple[str, ...]:
    """Why an order made at `then` may not be started with the clock as it is now, trusted or not."""
    step_ns = now.ahead_ns - then.ahead_ns
    if abs(step_ns) <= STEP_LIMIT_NS:
        return ()
    way, by = "forward" if step_ns > 0 else "back", seconds(-(-abs(step_ns) // 1000))
    return (f"clock: the gateway's clock was set {way} by {by} s since the order, {_MOST} (STA-11); {_ORDER_AGAIN}",)


def pump_objections(pump_s: int | None, gateway_s: int) -> tuple[str, ...]:
    """Why a pump may not be started with its present clock; `pump_s` is None for one that reports no time. Unix
    seconds.
    """
    if pump_s is None or abs(pump_s - gateway_s) <= PUMP_LIMIT_S:
        return ()
    off = f"{abs(pump_s - gateway_s)} s {'ahead of' if pump_s > gateway_s else 'behind'} the gateway's"
    most = f"at most {PUMP_LIMIT_S} s is allowed"
    return (f"clock: the pump's clock is {off}, {most} (STA-11); find out which of the two is wrong, and set it",)


def seconds(us: int) -> str:
    """Microseconds as seconds, three places, rounded up: a value beyond the limit is never shown as the limit."""
    ms = -(-us // 1000)
    return f"{ms // 1000}.{ms % 1000:03d}".rstrip("0").rstrip(".")
