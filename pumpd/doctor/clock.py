"""The gateway's clock: without a good one nothing is started. Its time zone does not matter."""

from collections.abc import Iterator

from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Finding, Group, bad, line, missing, not_checked, ok, warning
from pumpd.host.clock_rules import error_objections, seconds

RTC = "/sys/class/rtc"
RTC_CLOSE_S = 60  # [P] it only bridges a power cut; NTP sets the rest
RTC_EMPTY_S = 1_577_836_800  # 2020-01-01: a clock that says less has lost its battery


@line(
    "clock.synchronized",
    "Clock",
    when="the kernel does not state that the clock is kept to NTP time within 1 s: no first start then",
    to_do="Run `timedatectl timesync-status`, or `chronyc tracking`: is a server named, and does it answer? Or set "
    "`clock_trusted = true` if this gateway has a reliable clock of its own.",
)
def _synchronized(facts: Facts) -> Iterator[Finding]:
    trusted = facts.settings is not None and facts.settings.clock_trusted
    if why := error_objections(facts.clock, trusted=trusted):
        yield bad(facts, why[0].removeprefix("clock: ").partition(" (STA-11)")[0])
    elif trusted and not facts.clock.synchronized:
        yield ok("not synchronized, and the site trusts it (`clock_trusted`)")
    else:
        yield ok(f"synchronized, at most {seconds(facts.clock.error_us)} s from its reference")


@line(
    "clock.rtc",
    "Battery-backed clock",
    when="there is none, its battery is empty, or it is more than a minute off",
    to_do="Fit a real-time clock with a battery (a Raspberry Pi 5 has the clock and needs the battery). Without it a "
    "gateway that boots without its NTP server starts nothing.",
)
def _rtc(facts: Facts) -> Iterator[Finding]:
    clocks = [name for name in facts.machine.names(RTC) if name.startswith("rtc")]
    if not clocks:
        yield missing(facts, "none: after a power cut the time is not known until an NTP server answers")
        return
    for name in clocks:
        shown = facts.machine.number(f"{RTC}/{name}/since_epoch")
        if shown is None:
            yield not_checked("the kernel does not say what it shows", of=name)
        elif shown < RTC_EMPTY_S:
            yield warning("it has lost the time", "Replace its battery, then run `hwclock --systohc`.", of=name)
        elif abs(off := shown - round(facts.now.timestamp())) > RTC_CLOSE_S:
            way = "ahead of" if off > 0 else "behind"
            yield warning(
                f"{abs(off)} s {way} the system's clock",
                "See that the system's clock is right, then run `hwclock --systohc --utc`; if it is off again in a "
                "week, replace its battery.",
                of=name,
            )
        else:
            yield ok(f"{off:+d} s from the system's clock", of=name)


GROUP = Group("Time", (_synchronized, _rtc))
