"""What a tablet is told of a patient's record, and who may correct a dose or order a course there."""

import asyncio
from datetime import timedelta

import pytest

from tests.bedside.tablet import DOCTOR, FORM, NURSE, PIN, SECOND, bedsides
from tests.control.wall import BEGIN, Wall

COURSE = {
    "patient": "token-1",
    "entry": "ketamine-1mg-ml",
    "course": "C-1",
    "first_day": "2026-03-02",
    "weekdays": ["mon", "wed", "fri"],
}


async def given(here):
    """Five minutes of an infusion; returns the session."""
    await here.running()
    session = here.testbed.gateway.runners["bed1"].infusion.place.session
    await asyncio.sleep(170)
    await here.tablet.ask("touch")
    await asyncio.sleep(130)
    assert (await here.tablet.post("/api/stop"))["ok"]
    await here.testbed.until("stopped")
    return session


@pytest.mark.requirement("PRG-07")
async def test_a_preview_shows_the_weight_of_the_last_session(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        wall = Wall(monkeypatch)
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("preview", **FORM))["result"]["on_record"] is None
        await given(here)
        wall.skip(days=2)
        preview = (await here.tablet.ask("preview", **FORM | {"weight": "50 kg", "weight_again": "50 kg"}))["result"]
        on_record = preview["on_record"]
        assert (on_record["weight_kg"], on_record["basis"], on_record["ts"][:10]) == ("70", "actual", "2026-03-02")
        assert [(each["id"], each["overridden"]) for each in preview["soft"]] == [("weight_change", False)]


@pytest.mark.requirement("PRG-28")
async def test_a_nurse_corrects_a_dose_with_a_second_person_at_the_same_tablet(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        wall = Wall(monkeypatch)
        wall.set_wrong(days=365)
        session = await given(here)
        wall.set_wrong()
        wall.skip(hours=1)
        assert (await here.tablet.sign_in(NURSE))["ok"]
        [suspect] = (await here.tablet.ask("history"))["result"]["suspects"]
        assert suspect["session"] == session
        asked = {"session": session, "started": (BEGIN + timedelta(minutes=1)).isoformat(), "reason": "clock wrong"}

        async def correct(badge, pin):
            return await here.tablet.ask("correct_dose", **asked, second={"badge": badge, "pin": pin})

        assert "needs another person" in (await correct(NURSE, PIN[NURSE]))["reasons"][0]
        assert (await correct(SECOND, "0000"))["reasons"] == ["sign-in: badge or PIN is wrong"]
        assert here.bodies("dose_corrected") == []
        answer = await correct(SECOND, PIN[SECOND])
        assert answer["ok"], answer
        assert answer["result"]["suspects"] == []
        [body] = here.bodies("dose_corrected")
        assert f"badge {NURSE}" in body["by"]
        assert "ward tablet" in body["by"]
        assert f"badge {SECOND}" in body["second"]


@pytest.mark.requirement("PRG-18", "SEC-07")
async def test_a_prescriber_orders_a_course_and_a_nurse_sees_it(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        Wall(monkeypatch)
        assert (await here.tablet.sign_in(NURSE))["ok"]
        assert "no role prescribe" in (await here.tablet.ask("order_course", **COURSE))["reasons"][0]
        assessed = {"patient": "token-1", "course": "C-1", "response": "responder"}
        assert "no role prescribe" in (await here.tablet.ask("assess_course", **assessed))["reasons"][0]
        assert (await here.tablet.sign_in(DOCTOR))["ok"]
        answer = await here.tablet.ask("order_course", **COURSE)
        assert answer["ok"], answer
        assert "not over" in (await here.tablet.ask("assess_course", **assessed))["reasons"][0]
        assert (await here.tablet.sign_in(NURSE))["ok"]
        [course] = (await here.tablet.ask("history", patient="token-1"))["result"]["courses"]
        assert course["next"] == {
            "position": "infusion 1 of 6",
            "place": {"number": 1, "of": 6, "phase": "infusion"},
            "earliest_ts": course["next"]["earliest_ts"],
            "planned_date": "2026-03-02",
        }
        [body] = here.bodies("course_ordered")
        assert f"badge {DOCTOR}" in body["by"]
        assert here.testbed.truth() == 0
