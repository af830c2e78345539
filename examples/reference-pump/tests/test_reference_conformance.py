"""The reference pump's driver and simulator in the conformance suite that every driver passes."""

from pumpd.pump import Container, PumpAlarm, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from pumpd_simulators.bench import simulate
from pumpd_simulators.conformance import DriverConformance, Subject
from pumpd_simulators.plant import PlantSettings
from reference_pump.codec import ReplyFramer
from reference_pump.driver import Reference

INNER = Length("26.59")


def of_address_two(raw):
    """The same reply, from the pump with the address 2."""
    (reply,) = ReplyFramer().feed(raw)
    return type(reply)(2, reply.sequence, reply.command, reply.result, reply.data).to_bytes()


def with_more_data(packet):
    return b"".join(
        type(reply)(reply.address, reply.sequence, reply.command, reply.result, f"{reply.data}+").to_bytes()
        for reply in ReplyFramer().feed(packet)
    )


class TestReference(DriverConformance):
    subject = Subject(
        family=Reference,
        simulate=lambda: simulate("reference", plant=PlantSettings.ideal()),
        another=lambda: simulate("reference", options={"serial": "10000002"}, plant=PlantSettings.ideal()),
        container=Container("BD plastic 60 mL", Volume(60), Volume(1), Rate(1), INNER),
        program=PumpProgram((RateStep(Rate(60), Volume("1.5")),), INNER),
        programs=(PumpProgram((RateStep(Rate("52.345"), Volume("35.001")),), Length("26.594")),),
        is_start=lambda packet: packet[5:6] == b"G",
        is_stop=lambda packet: packet[5:6] == b"X",
        alarms={
            PumpAlarm.OCCLUSION: "stall",
            PumpAlarm.PUMP_WATCHDOG: "silence/20s",
            PumpAlarm.PUMP_RESET: "power-cut/3s",
        },
        other_pump=of_address_two,
        unreadable=with_more_data,
        watchdog_s=10,
        excused={
            "a_rate_set_at_the_panel_is_read_back": "its panel has only a stop key",
            "a_rate_changed_at_the_panel_is_in_the_next_reading": "its panel has only a stop key",
        },
    )
