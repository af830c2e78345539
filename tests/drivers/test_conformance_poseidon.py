"""The Poseidon driver under the conformance suite: with the default settings, and as its makers wire it."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.poseidon.codec import RequestFramer
from pumpd_drivers.poseidon.driver import Poseidon
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.59")
CONTAINER = Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER)
NO_PANEL = "the pump has no panel: its only key resets the board"


def is_first_slice(packet):
    return any(frame.begins for frame in RequestFramer().feed(packet))


def is_stop(packet):
    return any(frame.mode == "STOP" for frame in RequestFramer().feed(packet))


def subject(options, settings, program, **more):
    return Subject(
        family=Poseidon,
        simulate=lambda: simulate("poseidon", options=options, plant=PlantSettings.ideal()),
        settings=settings,
        container=CONTAINER,
        program=program,
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=is_first_slice,
        is_stop=is_stop,
        alarms={PumpAlarm.PUMP_RESET: "power-cut/3s"},
        unchecked=("identify", "load", "read_back", "start", "read", "stop"),
        unreadable=lambda reply: reply.replace(b"<mode: ", b"<mode: RE"),
        rate_slack=0.15,  # a slice is faster than the mean, and ends before the next one is due
        outlives_host_s=2,  # one slice
        **more,
        excused={
            "a_rate_set_at_the_panel_is_read_back": NO_PANEL,
            "a_rate_changed_at_the_panel_is_in_the_next_reading": NO_PANEL,
            "a_stop_at_the_panel_is_in_the_next_reading": NO_PANEL,
            "nothing_is_started_while_the_pump_holds_something_else": "the pump holds a speed, which each start sets "
            "again, and no program",
            "a_stop_in_alarm": "no alarm of the pump stops the flow: a reset does, and a stalled motor is not reported",
        },
    )


@pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)
class TestPoseidon(DriverConformance):
    """The board is not reset by opening the port: what runs on after a lost host is then seen."""

    subject = subject(
        {"resets_on_open": False}, {"boot_s": 0}, PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER)
    )


@pytest.mark.requirement("COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "STP-02", "STP-08", "STP-11")
class TestPoseidonThirdMotor(DriverConformance):
    """A third of a milliliter in fine steps by the motor that is read last from a frame."""

    subject = subject(
        {"resets_on_open": False, "microsteps": "32"},
        {"boot_s": 0, "microsteps": 32, "motor": 3},
        PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        unit=3,
    )
