"""The Dianet Star driver under the conformance suite: the syringe pump and the volumetric one."""

from dataclasses import replace

import pytest

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.dianet_star.codec import ReplyFramer, Request, RequestFramer
from pumpd_drivers.dianet_star.driver import DianetStar
from pumpd_drivers.dianet_star.segments import Action, DoIt, Word
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.59")
START = DoIt(Action.START_STOP, 1).to_data()


def is_start(packet):
    return any(
        isinstance(frame, Request) and frame.segment == Word.ACTION and frame.data == START
        for frame in RequestFramer().feed(packet)
    )


def one_byte_longer(packet):
    return b"".join(replace(reply, data=reply.data + b"\x01").to_bytes() for reply in ReplyFramer().feed(packet))


BLOCKED = dict.fromkeys(
    ("a_rate_set_at_the_panel_is_read_back", "a_rate_changed_at_the_panel_is_in_the_next_reading"),
    "in closed loop the keys for rate and volume are blocked",
)


def pump(model, **options):
    return lambda: simulate("dianet-star", model=model, options=options, plant=PlantSettings.ideal())


CLAIMED = pytest.mark.requirement(
    "COM-02", "COM-03", "COM-06", "COM-10", "COM-14", "COM-16", "RUN-11", "STP-02", "STP-06", "STP-08", "STP-11"
)


@CLAIMED
class TestPerfusorFm(DriverConformance):
    subject = Subject(
        family=DianetStar,
        simulate=pump("perfusor-fm"),
        another=pump("perfusor-fm", serial=54321),
        container=Container("Omnifix 50 mL", Volume(50), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=is_start,
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.DOOR_OPEN: "door",
            PumpAlarm.EMPTY: "empty:0.1mL",
            PumpAlarm.PUMP_WATCHDOG: "silence/30s",
        },
        watchdog_s=10,
        unreadable=one_byte_longer,
        excused=BLOCKED,
        diameter_matters=False,  # the pump measures its syringe itself
    )


@CLAIMED
class TestInfusomatFmS(DriverConformance):
    subject = Subject(
        family=DianetStar,
        simulate=pump("infusomat-fms"),
        another=pump("infusomat-fms", serial=54321),
        settings={"model": "infusomat-fms"},
        container=Container("bag 100 mL", Volume(100), Volume(1), Rate(1)),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),)),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),)),),
        is_start=is_start,
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.AIR_IN_LINE: "air:1mL",
            PumpAlarm.DOOR_OPEN: "door",
            PumpAlarm.PUMP_WATCHDOG: "silence/30s",
        },
        watchdog_s=10,
        unreadable=one_byte_longer,
        excused=BLOCKED,
    )
