"""Until when the patients of these doses are under observation (PWR-14): a rule for orders and for updates. Pure."""

from collections.abc import Iterable

from pumpd.dosing.history import Dose
from pumpd.quantities import NS_PER_S

OBSERVED_NS = 2 * 3600 * NS_PER_S  # WIN-10: Spravato >= 2 h; PWR-14


def observed_until_ns(doses: Iterable[Dose], now_ns: int, since_ns: int) -> int:
    """The end of the last observation, in nanoseconds since 1970; 0 for no doses.

    `since_ns`: an instant by which all of them had ended, whatever the clock said, such as the start of this process:
    one that is dated ahead of now holds nobody up for longer than that, and a suspect one nobody at all (PRG-28).
    """
    ends = (
        dose.ended_ns if dose.seen_ns <= now_ns else min(dose.ended_ns, since_ns)
        for dose in doses
        if not dose.suspect(now_ns)
    )
    return max((end + OBSERVED_NS for end in ends), default=0)
