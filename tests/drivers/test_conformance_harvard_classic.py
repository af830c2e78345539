"""The driver for classic Harvard pumps under the conformance suite, in each dialect that is programmed."""

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.harvard_classic.codec import Reply, ReplyFramer, RequestFramer
from pumpd_drivers.harvard_classic.driver import HarvardClassic
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.7")  # BD 60 mL in the Model 22 manual
MARKED = ("COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11")
UNCHECKED = ("identify", "load", "read_back", "start", "read", "stop")
NO_STALL_PROMPT = "this dialect has no prompt for a stall: no alarm stops the flow at once"


def is_run(packet):
    return any(frame.text == "RUN" for frame in RequestFramer().feed(packet))


def from_pump_7(raw):
    """The same reply, from the pump with address 7."""
    (reply,) = ReplyFramer().feed(raw)
    return Reply(reply.lines, reply.prompt, "7", reply.form).to_bytes()


def unreadable(raw):
    """The same reply, with words that mean nothing; a bare prompt stays as it is."""
    (reply,) = ReplyFramer().feed(raw)
    return Reply(tuple(f"so {line}" for line in reply.lines), reply.prompt, reply.address, reply.form).to_bytes()


def subject(model, settings, options=None, **more):
    return Subject(
        family=HarvardClassic,
        simulate=lambda: simulate("harvard-classic", model=model, options=options, plant=PlantSettings.ideal()),
        settings=settings,
        container=Container("BD 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.8"), Volume(35)),), INNER),),
        is_start=is_run,
        unchecked=UNCHECKED,
        other_pump=from_pump_7,
        unreadable=unreadable,
        **more,
    )


@pytest.mark.requirement(*MARKED)
class TestModel22(DriverConformance):
    """With a keypad that stays live: the manual's own is locked by any command, so that nobody could press a key."""

    subject = subject(
        "model-22",
        {},
        {"keypad": "live"},
        alarms={PumpAlarm.OCCLUSION: "stall", PumpAlarm.PUMP_RESET: "power-cut/3s"},
    )


@pytest.mark.requirement(*MARKED)
class TestPump11(DriverConformance):
    subject = subject(
        "pump-11",
        {"dialect": "11", "address": 3},
        {"keypad": "live", "addresses": "3"},
        alarms={PumpAlarm.OCCLUSION: "stall", PumpAlarm.PUMP_RESET: "power-cut/3s"},
    )


@pytest.mark.requirement(*MARKED)
class TestModel44(DriverConformance):
    subject = subject(
        "model-44",
        {"dialect": "44", "address": 12},
        {"addresses": "12"},
        alarms={PumpAlarm.PUMP_RESET: "power-cut/3s"},
        excused={"a_stop_in_alarm": NO_STALL_PROMPT},
    )


@pytest.mark.requirement(*MARKED)
class TestPhd2000As22(DriverConformance):
    subject = subject(
        "phd-2000-as-22",
        {"dialect": "22", "phd_2000": True, "volume_mode": True},
        {"keypad": "live", "volume_mode": True},
        alarms={PumpAlarm.PUMP_RESET: "power-cut/3s"},
        excused={"a_stop_in_alarm": NO_STALL_PROMPT},
    )
