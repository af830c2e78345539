"""Forty minutes through the whole gateway, with the prompts that some pumps show at the end."""

import json

import pytest

from tests.control.testbed import open_testbed

BED = {"driver": "harvard", "model": "LEGATO 100", "serial": "D33333", "clamp": True}


@pytest.mark.requirement("STA-01", "RUN-01")
@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({"colon_before_prompt": "true", "stp_clears_stall": "false"}, 0),
        ({"addresses": "12", "colon_before_prompt": "true", "prompt_on_text": "true", "leaked_prompt": "true"}, 12),
    ],
)
async def test_an_infusion_completes_on_a_pump_that_shows_its_target_after_a_colon(tmp_path, options, address):
    bench = {"name": "harvard", "options": {"serial": "D33333"} | options}
    async with open_testbed(tmp_path, simulated=bench, settings={"address": address}, **BED) as here:
        await here.start()
        await here.until("completed", within_s=2600)
        assert here.pump.device.display()["status"] in ("T*", ":")
        assert here.truth() == pytest.approx(35, rel=0.02)
        ended = json.loads(next(entry.body for entry in here.entries() if entry.kind == "infusion_ended"))
        assert ended["outcome"] == "completed"
        assert float(ended["delivered_ml"]) == 35
        assert here.raised() == ["near_end"]
