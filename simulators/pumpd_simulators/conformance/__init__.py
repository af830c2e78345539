"""The conformance suite: tests every driver's promises (`pumpd.pump.driver`) on its simulated pump.

    class TestMine(DriverConformance):
        subject = Subject(family=Mine, simulate=..., ...)

It needs only pytest: each test is a plain function that runs driver and simulator on its own loop, in virtual time. How
to use it: docs/how-to/check-a-driver.md.
"""

import pkgutil
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__)))

# The rules are imported only now: pytest rewrites the asserts of what is imported after it was registered.
from pumpd_simulators.conformance.answers import AnswerRules, UnderstoodRules  # noqa: E402
from pumpd_simulators.conformance.bad_line import BadLineRules  # noqa: E402
from pumpd_simulators.conformance.identifying import ProgramRules  # noqa: E402
from pumpd_simulators.conformance.monitoring import MonitorRules  # noqa: E402
from pumpd_simulators.conformance.running import RunningRules  # noqa: E402
from pumpd_simulators.conformance.stop_pace import StopPaceRules  # noqa: E402
from pumpd_simulators.conformance.stopping import StoppingRules  # noqa: E402
from pumpd_simulators.conformance.subject import Subject  # noqa: E402

__all__ = ["DriverConformance", "MonitorConformance", "Subject", "Suite"]


class Suite:
    """Derive a class named `Test...` from one of those below and give it a `subject`.

    Rules that the subject is excused from are not collected, and are listed in `excused` with the reason: nothing is
    skipped. Raises TypeError for an excuse from an unknown rule.
    """

    subject: Subject
    excused: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if "subject" not in vars(cls):
            return
        if unknown := [rule for rule in cls.subject.excused if not hasattr(cls, f"test_{rule}")]:
            raise TypeError(f"{cls.__name__}: excused from test_{unknown[0]}, but there is no such rule")
        excuses = cls.subject.excuses().items()
        cls.excused = {f"test_{rule}": why for rule, why in excuses if hasattr(cls, f"test_{rule}")}
        for test in cls.excused:
            setattr(cls, test, None)


class DriverConformance(ProgramRules, RunningRules, StoppingRules, StopPaceRules, BadLineRules, AnswerRules, Suite):
    """For a driver that runs infusions."""


class MonitorConformance(MonitorRules, UnderstoodRules, Suite):
    """For a driver that declares itself `monitor_only`. Its subject's `program` is run by a person at the panel."""
