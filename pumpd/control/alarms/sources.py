"""Where alarms come from: the only place that decides which pump alarms are active now.

An infusion records its own alarms while it is under way. All others are recorded by the alarm service: unprescribed
flow, alarms of a pump that is only monitored, a lost pump that nothing else reports, and alarms that an infusion left
open when it ended.
"""

from collections.abc import Mapping

from pumpd.control.alarms.board import Key
from pumpd.control.infusions.pump_service import PumpService
from pumpd.pump import AlarmCode


def of_infusions(runners: Mapping[str, PumpService]) -> dict[Key, str]:
    """The alarms of infusions, including ended ones, with their sessions.

    Only polling hears a lost pump again once its infusion has ended, so that alarm ends here.
    """
    found: dict[Key, str] = {}
    for name, runner in runners.items():
        infusion = runner.infusion
        if infusion is None:
            continue
        for code in infusion.alarms:
            if not (infusion.state.ended and code is AlarmCode.LINK_LOST and heard(runner)):
                found[name, code] = infusion.place.session
    return found


def of_pumps(runners: Mapping[str, PumpService]) -> set[Key]:
    """The pump alarms that belong to no infusion."""
    found = {(name, code) for name, runner in runners.items() for code in runner.unprescribed.alarms}
    for name, runner in runners.items():
        if runner.family.monitor_only and runner.reading is not None and heard(runner):
            found |= {(name, alarm.code) for alarm in runner.reading.alarms}
    return found


def heard(runner: PumpService) -> bool:
    """The pump answers its polls."""
    return runner.reading is not None and not runner.missing and not runner.problem


def lost_while_flowing(runner: PumpService) -> bool:
    """The pump flowed, or waited to, when it was last heard, does not answer now, and no infusion reports this."""
    flowed = runner.reading is not None and not runner.reading.state.no_flow
    return flowed and not runner.active and not heard(runner)
