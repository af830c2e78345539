"""What a driver's author states about the driver under test: only what the suite cannot find out by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pumpd.pump import Container, DriverFamily, PumpAlarm, PumpProgram
from pumpd_simulators.bench import SimulatedPump


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`simulate` makes a pump as after power-up, with an ideal plant (`PlantSettings.ideal()`), on the running loop;
    `another` makes one that the same settings reach, with another serial number if the family reports one.

    `program` fits the pump and takes a minute or more; `programs` are more that must be accepted. `is_start` matches
    the packet, as the driver writes it, that makes a pump flow; `is_stop` the packet that stops it, None where that is
    always the same; `is_acknowledgement` what the protocol requires a host to send at once for what it receives.
    `watchdog_s` is passed to `start`; None for a family
    without a watchdog. `ambiguous` names the calls for which the protocol cannot distinguish a reply to another command
    from the right one, and the reason; `unchecked` the calls whose frames carry no check sum. `other_pump` turns a
    reply into that of another pump on the same line; None where there is only one. `unreadable` turns a reply into one
    with a good frame whose data the driver does not understand; None where the frame is all there is.
    `diameter_matters` is False for a family without a diameter setting. `excused` names other rules that cannot be
    tested on the pump, without `test_`, and the reason.
    """

    family: type[DriverFamily]
    simulate: Callable[[], SimulatedPump]
    container: Container
    program: PumpProgram
    is_start: Callable[[bytes], bool]
    is_stop: Callable[[bytes], bool] | None = None
    is_acknowledgement: Callable[[bytes], bool] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    programs: tuple[PumpProgram, ...] = ()
    another: Callable[[], SimulatedPump] | None = None
    unit: int = 1
    alarms: Mapping[PumpAlarm, str] = field(default_factory=dict)  # the fault that causes it, such as `stall`
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    unreadable: Callable[[bytes], bytes] | None = None
    diameter_matters: bool = True
    other_pump: Callable[[bytes], bytes] | None = None
    watchdog_s: int | None = None
    watchdog_slack_s: float = 1.0
    outlives_host_s: float | None = None  # without a watchdog: how long a flow lasts at most when its host is gone
    late_s: float = 0.75  # longer than the driver waits for a reply
    poll_s: float = 1.0
    alarm_within_s: float = 60.0
    stop_within_s: float = 1.0  # on a good line (STP-01)
    volume_slack_ml: float = 0.05  # of a reading, in addition to 2 % and the counter's step
    rate_slack: float = 0.02  # of the true rate at an instant; more for a pump that moves and rests in turn
    excused: Mapping[str, str] = field(default_factory=dict)

    def excuses(self) -> dict[str, str]:
        """All rules that do not apply, with the reason."""
        excuses = dict(self.excused)
        if self.watchdog_s is None:
            none = "the pump has no watchdog: a flow that is not polled ends only with its program"
            if self.outlives_host_s is not None:
                none = "the pump has no watchdog: its driver gives it the program in parts, which another rule tests"
            excuses["the_pump_s_own_watchdog_ends_a_flow_that_is_not_polled"] = none
            excuses["the_pump_s_own_watchdog_ends_a_flow_after_the_driver_was_closed"] = none
        if self.outlives_host_s is None:
            excuses["a_flow_without_its_host_ends_as_declared"] = "the flow continues to the end of its program"
        if self.other_pump is None:
            excuses["a_reply_of_another_pump_on_the_line_is_not_accepted"] = "one pump per line"
        for call, why in self.ambiguous.items():
            excuses[f"a_reply_to_another_command_is_not_accepted_while_{_DOING[call]}"] = why
        return excuses


_DOING = {"load": "loading", "read_back": "reading_back", "start": "starting", "read": "reading", "stop": "stopping"}
