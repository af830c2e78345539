"""The toy pump in the conformance suite that every driver passes. The suite comes with `pumpd-simulators`."""

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings
from toy_pump.codec import Frame, Framer
from toy_pump.driver import Toy

INNER = Length("26.59")


def with_another_word(packet):
    return b"".join(
        Frame(f"{reply.text} more").to_bytes() for reply in Framer().feed(packet) if isinstance(reply, Frame)
    )


class TestToy(DriverConformance):
    subject = Subject(
        family=Toy,
        simulate=lambda: simulate("toy", plant=PlantSettings.ideal()),
        another=lambda: simulate("toy", options={"serial": "0008"}, plant=PlantSettings.ideal()),
        container=Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.5"), Volume(35)),), INNER),),
        is_start=lambda packet: b"GO" in packet,
        alarms={PumpAlarm.OCCLUSION: "stall", PumpAlarm.PUMP_WATCHDOG: "silence/20s"},
        diameter_matters=False,
        unreadable=with_another_word,
        watchdog_s=10,
        excused={
            "a_rate_set_at_the_panel_is_read_back": "its panel has only a stop key",
            "a_rate_changed_at_the_panel_is_in_the_next_reading": "its panel has only a stop key",
        },
    )
