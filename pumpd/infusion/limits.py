"""Every limit of the state machine and the interlocks, with the requirement that it comes from.

Instants and lengths of time are whole monotonic nanoseconds.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from pumpd.quantities import NS_PER_S, Duration, Rate, Volume

_MIN = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults are the catalogue's values."""

    # communication with the pump
    poll_ns: int = NS_PER_S  # RUN-01
    stale_warn_ns: int = 5 * NS_PER_S  # RUN-01
    lease_ns: int = 10 * NS_PER_S  # COM-01
    renewal_ns: int = 2 * NS_PER_S  # COM-01
    flowing_within_ns: int = 5 * NS_PER_S  # STA-06
    read_back_within_ns: int = 5 * NS_PER_S  # STA-05
    loaded_within_ns: int = 20 * NS_PER_S  # [P] an order that the pump has not taken by then is withdrawn
    identified_within_ns: int = 10 * _MIN  # [P] an order whose pump nobody identifies in this time is withdrawn
    recognized_from: Volume = Volume("0.5")  # [P] COM-15: a lower count is shared by too many pumps
    stop_retry_ns: int = NS_PER_S // 2  # STP-03
    stop_alarm_ns: int = 3 * NS_PER_S  # STP-03
    same_trips: int = 3  # STP-07
    same_trip_within_ns: int = 10 * _MIN  # STP-07
    still_for_ns: int = 2 * NS_PER_S  # STP-04
    # confirmation
    confirmation_ns: int = 60 * NS_PER_S  # STA-02
    # flow
    deviation_floor: Rate = Rate("0.5")  # RUN-02
    deviation_for_ns: int = 60 * NS_PER_S  # RUN-02
    mismatch_floor: Volume = Volume("0.1")  # RUN-03
    mismatch_percent: Decimal = Decimal(2)  # RUN-03
    over_delivery: Volume = Volume("0.05")  # RUN-04 allows 0.1 mL really given: the flow between polls adds to this
    counter_slack: Volume = Volume("0.02")  # [P] what rounding and reading time may add to a difference of counters
    counter_step: Volume = Volume(0)  # the most that the pump may have given beyond what its counter shows
    # window
    mean_over_ns: int = 5 * _MIN  # WIN-02
    mean_percent: Decimal = Decimal(105)  # WIN-02
    pause_single_ns: int = 5 * _MIN  # WIN-05
    pause_total_ns: int = 10 * _MIN  # WIN-05
    pauses: int = 3  # WIN-05
    # notices, which stop nothing; 0: none
    near_end_ns: int = 3 * _MIN  # RUN-12
    pause_notice_ns: int = 2 * _MIN  # [P] ALM-17: before a pause has lasted as long as it may

    def for_counter(self, step: Volume) -> "Limits":
        """Limits for a pump whose volume counter grows by such a step: any difference of counters may be off by one."""
        slack, floor = self.counter_slack + step, self.mismatch_floor + step
        return replace(self, counter_step=step, counter_slack=slack, mismatch_floor=floor)

    def for_time_scale(self, scale: int) -> "Limits":
        """Limits for clinical time that runs `scale` times faster than real time (simulation only).

        The serial line does not get faster, so what bounds communication stays as it is in real time; readings are
        taken ten times a second, and a real delay between asking and answering weighs `scale` times as much.
        """
        if scale == 1:
            return self
        late = Volume("0.005").times(scale)
        return replace(
            self,
            counter_slack=self.counter_slack + late,
            mismatch_floor=self.mismatch_floor + late,
            poll_ns=max(NS_PER_S, NS_PER_S // 10 * scale),
            stale_warn_ns=self.stale_warn_ns * scale,
            lease_ns=self.lease_ns * scale,
            renewal_ns=self.renewal_ns * scale,
            flowing_within_ns=self.flowing_within_ns * scale,
            read_back_within_ns=self.read_back_within_ns * scale,
            loaded_within_ns=self.loaded_within_ns * scale,
            stop_retry_ns=self.stop_retry_ns * scale,
            stop_alarm_ns=self.stop_alarm_ns * scale,
            still_for_ns=self.still_for_ns * scale,
            confirmation_ns=self.confirmation_ns * scale,
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The 40 minutes: least and most running time, and most elapsed time with pauses (WIN-02, WIN-03, WIN-04).

    38, 42 and 60 minutes for a prescribed 40; in the same proportion for a longer prescription.
    """

    prescribed_ns: int

    @classmethod
    def of(cls, prescribed: Duration) -> "Window":
        return cls(prescribed.ns)

    @property
    def least_ns(self) -> int:
        return self.prescribed_ns * 95 // 100

    @property
    def most_ns(self) -> int:
        return self.prescribed_ns * 105 // 100

    @property
    def elapsed_ns(self) -> int:
        return self.prescribed_ns * 150 // 100
