"""STA-11: when the gateway's clock, or the pump's where it reports one, does not allow a first start. Pure.

Promises:
- A value at its limit is inside, the next one is outside (PRG-22). An unknown value is outside.
- An infusion under way is not affected: its intervals are monotonic, whatever wall clocks do.
"""

from dataclasses import dataclass

from pumpd.texts import text

NS_PER_S = 10**9
NTP_LIMIT_US = 1_000_000  # STA-11: between gateway and NTP time
STEP_LIMIT_NS = NS_PER_S  # [P] a leap second does not count as a step
PUMP_LIMIT_S = 55  # STA-11: between gateway and pump


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
        return (
            text(
                "clock.not_synchronized",
                "clock: the gateway's clock is not synchronized to NTP time (STA-11); find out why with `timedatectl`, "
                "or set `clock_trusted` if the gateway has its own reliable clock",
            ),
        )
    if clock.error_us > NTP_LIMIT_US:
        return (
            text(
                "clock.uncertain",
                "clock: the gateway's clock may be {seconds} s from NTP time, at most 1 s is allowed (STA-11); check "
                "with `timedatectl timesync-status` or `chronyc tracking` that its server answers, then ask again",
                seconds=seconds(clock.error_us),
            ),
        )
    return ()


def step_objections(then: KernelClock, now: KernelClock) -> tuple[str, ...]:
    """Why an order made at `then` may not be started with the clock as it is now, trusted or not."""
    step_ns = now.ahead_ns - then.ahead_ns
    if abs(step_ns) <= STEP_LIMIT_NS:
        return ()
    return (
        text(
            "clock.set",
            "clock: the gateway's clock was set {way} by {seconds} s since the order, at most 1 s is allowed (STA-11); "
            "earlier doses were checked against another time: stop this order and order again",
            way=text("clock.forward", "forward") if step_ns > 0 else text("clock.back", "back"),
            seconds=seconds(-(-abs(step_ns) // 1000)),
        ),
    )


def pump_objections(ahead_s: int) -> tuple[str, ...]:
    """Why a pump whose clock is this far ahead of the gateway's may not be started."""
    if abs(ahead_s) <= PUMP_LIMIT_S:
        return ()
    return (
        text(
            "clock.pump",
            "clock: the pump's clock is {seconds} s {way} the gateway's, at most {most} s is allowed (STA-11); find "
            "out which of the two is wrong, and set it",
            seconds=abs(ahead_s),
            way=text("clock.ahead", "ahead of") if ahead_s > 0 else text("clock.behind", "behind"),
            most=PUMP_LIMIT_S,
        ),
    )


def seconds(us: int) -> str:
    """Microseconds as seconds, three places, rounded up: a value beyond the limit is never shown as the limit."""
    ms = -(-us // 1000)
    return f"{ms // 1000}.{ms % 1000:03d}".rstrip("0").rstrip(".")
