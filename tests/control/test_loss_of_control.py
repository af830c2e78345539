"""What ends the flow when the gateway dies is declared, shown before the start, and required (COM-13)."""

import pytest

from pumpd.control.infusions.deadman import on_port
from pumpd.control.ordering.planning import _loss_of_control_objections
from pumpd.pump import Container, LossOfControl, family
from pumpd.quantities import Length, Rate, Volume
from pumpd.settings import PumpSettings
from tests.control.testbed import open_testbed

SYRINGE = Container("50 mL", Volume(50), Volume(1), Rate(1), Length("26.59"))

NO_WATCHDOG = {"safe_mode": "if-supported"}


@pytest.mark.requirement("COM-13")
async def test_a_pump_that_only_its_volume_would_stop_is_refused_without_a_clamp(tmp_path):
    async with open_testbed(tmp_path, settings=NO_WATCHDOG) as here:
        refused = await here.order()
        assert not refused.ok
        (reason,) = refused.reasons
        assert "nothing but the programmed volume would end the flow of bed1" in reason
        assert "clamp" in reason


@pytest.mark.requirement("COM-13")
async def test_with_a_clamp_it_is_accepted_and_the_answer_states_what_ends_its_flow(tmp_path):
    async with open_testbed(tmp_path, settings=NO_WATCHDOG, clamp=True) as here:
        accepted = await here.order()
        assert accepted.ok, accepted.reasons
        assert accepted.result["loss_of_control"] == ["vtbi_only"]


@pytest.mark.requirement("COM-13")
async def test_the_answer_to_an_order_states_that_the_pump_has_its_own_watchdog(tmp_path):
    async with open_testbed(tmp_path) as here:
        accepted = await here.order()
        assert accepted.ok, accepted.reasons
        assert accepted.result["loss_of_control"] == ["native"]


def harvard(port, *, clamp=False):
    settings = PumpSettings(name="bed1", driver="harvard", port=port, serial="D1", model="LEGATO 100", clamp=clamp)
    capabilities = on_port(family("harvard").capabilities(SYRINGE, {}), port)
    return capabilities.loss_of_control, _loss_of_control_objections(capabilities, settings)


@pytest.mark.requirement("COM-13")
@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "tcp://10.0.0.7:4001"])
def test_a_deadman_does_not_replace_a_clamp(port):
    declared, (refusal,) = harvard(port)
    assert declared == (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
    assert "if this gateway lost its power or its cable" in refusal
    assert harvard(port, clamp=True) == (declared, [])


@pytest.mark.requirement("COM-13")
def test_a_port_in_memory_has_no_deadman_and_none_is_declared():
    declared, (refusal,) = harvard("memory://bed1")
    assert declared == (LossOfControl.VTBI_ONLY,)
    assert "if this gateway died" in refusal
