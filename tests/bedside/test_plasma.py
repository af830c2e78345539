"""The plasma estimate of a loaded program, on a tablet that did not order it (PRG-23)."""

import pytest

from tests.bedside.tablet import FORM, NURSE, bedsides


@pytest.mark.requirement("PRG-23")
async def test_a_nurse_s_tablet_sees_the_estimate_of_a_program_that_another_tablet_ordered(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.tablet.sign_in()
        previewed = (await here.tablet.ask("preview", **FORM))["result"]["plasma"]
        assert (await here.tablet.ask("plasma", pump="bed1"))["result"] == {"plasma": None}, "nothing is loaded"
        assert (await here.tablet.order())["ok"]
        await here.testbed.until("ready")
        await here.tablet.sign_in(NURSE)
        shown = (await here.tablet.ask("plasma", pump="bed1"))["result"]["plasma"]
        assert shown == previewed
        assert here.testbed.gateway.runners["bed1"].infusion.challenge is None, "asking draws no challenge"
