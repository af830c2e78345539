"""The conformance suite: what every driver promises (`pumpd.pump.driver`), tried on its simulated pump.

    class TestMine(DriverConformance):
        subject = Subject(family=Mine, simulate=..., ...)

Needs pytest and nothing else: each test is a plain function that runs driver and simulator on a loop of its own, in
virtual time. How to use it: docs/how-to/check-a-driver.md.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("bad_line", "meeting", "rig", "running", "stopping", "replay"))
)

from pumpd_simulators.conformance.bad_line import BadLineRules  # noqa: E402
from pumpd_simulators.conformance.meeting import MeetingRules  # noqa: E402
from pumpd_simulators.conformance.running import RunningRules  # noqa: E402
from pumpd_simulators.conformance.stopping import StoppingRules  # noqa: E402
from pumpd_simulators.conformance.subject import Subject  # noqa: E402

__all__ = ["DriverConformance", "Subject"]


class DriverConformance(MeetingRules, RunningRules, StoppingRules, BadLineRules):
    """Derive a class named `Test...` from this one and give it a `subject`.

    What the subject is excused from is not collected, and stands in `excused` with the reason: nothing is skipped.
    Raises TypeError for an excuse from a rule that there is not.
    """

    excused: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        cls.excused = {f"test_{rule}": why for rule, why in cls.subject.excuses().items()}
        for test in cls.excused:
            if not hasattr(DriverConformance, test):
                raise TypeError(f"{cls.__name__}: excused from {test}, and there is no such rule")
            setattr(cls, test, None)
