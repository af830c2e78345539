"""The Reglo ICC driver under the conformance suite."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Rate, Volume
from pumpd_drivers.reglo_icc.codec import ReplyFramer, Request, RequestFramer, Text
from pumpd_drivers.reglo_icc.driver import RegloIcc
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings


def simulated(**options):
    return simulate("reglo-icc", options=options, plant=PlantSettings.ideal())


def is_h(packet):
    return any(isinstance(frame, Request) and frame.command == "H" for frame in RequestFramer().feed(packet))


def with_more_text(packet):
    return b"".join(
        (Text(reply.text + " ?") if isinstance(reply, Text) else reply).to_bytes()
        for reply in ReplyFramer().feed(packet)
    )


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestRegloIcc(DriverConformance):
    subject = Subject(
        family=RegloIcc,
        simulate=simulated,
        another=lambda: simulated(serial="ICC00002"),
        container=Container("bag 100 mL", Volume(100), Volume(1), Rate(1)),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),)),
        settings={"volume_unit": "ml"},  # without it the lowest rates are refused
        programs=(
            PumpProgram((RateStep(Rate("52.5"), Volume(35)),)),
            PumpProgram((RateStep(Rate("0.6"), Volume("0.001")),)),
            PumpProgram((RateStep(Rate("599.94"), Volume("999.9")),)),
        ),
        is_start=is_h,
        unreadable=with_more_text,
        alarms={PumpAlarm.PUMP_RESET: "power-cut/3s"},
        excused={
            "a_stop_in_alarm": "the pump has no alarm that the bench can provoke at once: a stalled motor stops it "
            "without a message, or, in overload, every command, a stop too, is answered # until the error is "
            "acknowledged at the pump",
        },
    )
