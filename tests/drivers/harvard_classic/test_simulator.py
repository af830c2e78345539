"""What the simulated classic pumps do that the dialogues do not show; sheet: harvard-classic.md."""

import asyncio
import contextlib

import pytest

from pumpd_simulators.bench import simulate
from pumpd_simulators.device import PanelError
from pumpd_simulators.plant import PlantSettings


@contextlib.contextmanager
def pump(model, **options):
    made = simulate("harvard-classic", model=model, options=options, plant=PlantSettings.ideal())
    received = bytearray()
    made.attach(received.extend)

    def say(*commands):
        received.clear()
        for command in commands:
            made.feed(command + b"\r")
        return bytes(received)

    try:
        yield made, say
    finally:
        made.shut()


async def test_any_command_locks_the_keys_of_a_model_22_until_key_or_a_power_cut():
    with pump("model-22") as (made, say):
        made.press("diameter", "20")
        say(b"MLH60")
        for _ in range(2):
            with pytest.raises(PanelError, match="remote"):
                made.press("start")
            say(b"KEY")
            made.press("start")
            assert made.plant.truth().running
            say(b"STP")
            assert not made.plant.truth().running
        made.power(on=False)
        made.power(on=True)
        made.press("start")
        assert made.plant.truth().running


@pytest.mark.parametrize("model", ["model-44", "model-33"])
async def test_the_keys_of_a_model_44_or_33_stay_live(model):
    with pump(model) as (made, say):
        say(b"RAT 60 MH", b"RUN")
        made.press("stop")
        assert not made.plant.truth().running


@pytest.mark.parametrize(
    ("model", "still"),
    [("model-22", True), ("pump-11", True), ("phd-2000-as-22", True), ("model-44", False), ("model-33", False)],
)
async def test_a_bare_cr_stops_the_chain_in_two_dialects_only(model, still):
    with pump(model, addresses="0,7") as (made, say):
        for address in (b"0", b"7"):
            say(address + b"MLH60", address + b"RAT 60 MH", address + b"RUN")
        assert made.plant.truth().running
        reply = say(b"")
        assert [unit.plant.truth().running for unit in made.units] == [still, still]
        assert bool(reply) is still


async def test_only_the_addressed_pump_answers():
    with pump("model-22", addresses="1,7") as (_, say):
        assert say(b"1VER").endswith(b"\r\n1:")
        assert say(b"3VER") == say(b"VER") == b""


@pytest.mark.parametrize(("kept", "rate"), [("settings", b"  60.000"), ("all", b"  60.000"), ("nothing", b"   0.000")])
async def test_no_pump_continues_by_itself_after_a_power_cut(kept, rate):
    with pump("model-22", kept_without_power=kept) as (made, say):
        say(b"MMD20", b"MLH60", b"RUN")
        made.power(on=False)
        assert say(b"VER") == b""
        made.power(on=True)
        assert not made.plant.truth().running
        assert say(b"RAT") == b"\r\n" + rate + b"\r\n:"


async def test_a_model_33_keeps_only_what_was_saved():
    with pump("model-33") as (made, say):
        say(b"DIA A 20", b"RAT 60 MH", b"SAV", b"RAT 5 MH", b"DIA B 12")
        made.power(on=False)
        made.power(on=True)
        assert say(b"RAT") == b"\n60.000 ml/hr\r\n0:"
        assert say(b"DIA A") == b"\n20.000\r\n0:"


async def test_a_model_33_has_a_rate_for_syringe_b_only_in_proportional_mode():
    with pump("model-33") as (_, say):
        assert say(b"RAT B 5 MM") == b"\nNA\r\n0:"
        assert say(b"MOD PRO") == b"\n0:"
        assert say(b"RAT B 5 MM") == b"\n0:"
        assert say(b"MOD") == b"\nPRO\r\n0:"


async def test_what_a_running_model_44_refuses():
    with pump("model-44") as (_, say):
        say(b"MOD VOL", b"TGT 1", b"RAT 60 MH", b"RUN")
        for command in (b"DIA 20", b"TGT 2", b"MOD PMP", b"DIR REF", b"CLD", b"RUN"):
            assert say(command) == b"\n  NA\r\n0>"
        assert say(b"RAT 30 MH") == b"\n0>"


@pytest.mark.parametrize(("mode", "given_ml"), [(b"MOD PMP", 0.1), (b"MOD VOL", 0.05)])
async def test_a_model_44_obeys_its_target_only_in_mode_vol(mode, given_ml):
    with pump("model-44") as (made, say):
        say(mode, b"TGT 0.05", b"RAT 3.6 MH", b"RUN")
        await asyncio.sleep(100)
        assert made.plant.truth().delivered_ml == pytest.approx(given_ml)


@pytest.mark.parametrize(("volume_mode", "given_ml"), [(False, 0.1), (True, 0.05)])
async def test_a_phd_2000_in_model_22_mode_obeys_its_target_only_in_volume_mode(volume_mode, given_ml):
    with pump("phd-2000-as-22", volume_mode=volume_mode) as (made, say):
        say(b"MLT0.05", b"MLH3.6", b"RUN")
        await asyncio.sleep(100)
        assert made.plant.truth().delivered_ml == pytest.approx(given_ml)


async def test_a_pump_11_takes_its_target_in_the_unit_of_the_option():
    for unit, given_ml in (("ml", 0.1), ("ul", 0.05)):
        with pump("pump-11", mlt_unit=unit) as (made, say):
            say(b"MLT50", b"MLH3.6", b"RUN")
            await asyncio.sleep(100)
            assert made.plant.truth().delivered_ml == pytest.approx(given_ml)


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="addresses"):
        simulate("harvard-classic", options={"addresses": "0;1"})
