"""The rest of an interrupted treatment, ordered and confirmed on a tablet (PRG-25)."""

import asyncio
from dataclasses import replace

import pytest

from tests.bedside.tablet import FORM, NURSE, bedsides


def allow_nurses(here):
    """Let a nurse order the rest by every entry of the library."""
    gateway = here.testbed.gateway
    entries = {
        name: entry.model_copy(update={"rest": entry.rest.model_copy(update={"by_nurse": True})})
        for name, entry in gateway.library.entries.items()
    }
    library = replace(gateway.library, entries=entries)
    gateway.library = gateway.dispatch.library = gateway.ordering.planning._library = library


async def interrupted(here):
    await here.running()
    await asyncio.sleep(1200)
    session = here.testbed.gateway.runners["bed1"].infusion.place.session
    assert (await here.testbed.ask(op="stop", pump="bed1", reason="by mistake")).ok
    await here.testbed.until("stopped")
    await here.tablet.sign_in()
    return {"pump": "bed1", "treatment": session, "patient": FORM["patient"]}


@pytest.mark.requirement("PRG-25")
async def test_a_prescriber_orders_the_rest_and_a_nurse_confirms_it_with_the_wristband(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        rest = await interrupted(here)
        preview = await here.tablet.ask("preview_rest", **rest, duration="40 min")
        assert preview["ok"], preview
        review = preview["result"]["review"]
        assert (review["treatment"], review["first_dose_mg"]) == (rest["treatment"], "35")
        ordered = await here.tablet.ask("rest", **rest, duration="40 min")
        assert ordered["ok"], ordered
        await here.testbed.until("ready")
        assert not (await here.tablet.confirm(wristband="token-2"))["ok"]
        await here.tablet.sign_in(NURSE)
        assert (await here.tablet.confirm())["ok"]
        await here.testbed.until("completed", within_s=3600)
        assert 34.5 <= here.testbed.truth() <= 35.1


@pytest.mark.requirement("PRG-25", "SEC-07")
async def test_a_nurse_orders_the_rest_only_where_the_library_entry_allows_it(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        rest = await interrupted(here)
        await here.tablet.sign_in(NURSE)
        assert (await here.tablet.ask("preview_rest", **rest))["ok"]
        refused = await here.tablet.ask("rest", **rest)
        assert refused["reasons"] == ["rest: ketamine-1mg-ml asks for a prescriber (role prescribe)"]
        assert here.testbed.state() == "stopped"
        allow_nurses(here)
        monkeypatch.setattr("pumpd.control.ordering.first_delivery.FirstDelivery.changed", lambda self, library: [])
        assert (await here.tablet.ask("rest", **rest))["ok"]
