"""What is on record of a patient is used and shown: weight, treatments, courses (PRG-07, PRG-18)."""

import asyncio
from datetime import date

import pytest

from tests.control.test_restart import another_process, die
from tests.control.testbed import ORDER, open_testbed
from tests.control.wall import Wall

REASON = {"weight_change": "weighed again today"}


async def infusion(here, minutes=5.0, **order):
    """An infusion on bed1 that is stopped after these minutes; returns its session."""
    await here.start(**order)
    session = here.gateway.runners["bed1"].infusion.place.session
    await asyncio.sleep(minutes * 60)
    await here.ask(op="stop", pump="bed1", reason="test")
    await here.until("stopped", "completed")
    return session


async def history(here, patient="token-1"):
    answer = await here.ask(op="history", patient=patient)
    assert answer.ok, answer.reasons
    return answer.result


def weighing(kg, **changes):
    return {"entry": "ketamine-2mg-ml", "weight": f"{kg} kg", "weight_again": f"{kg} kg", **changes}


async def refused_for_weight(here, kg, **changes):
    """Whether this weight needs a reason; whatever else stands against the order does not matter."""
    answer = await here.order(**weighing(kg, **changes))
    assert not answer.ok or not changes.get("overrides")
    if answer.ok:
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("abandoned")
    return any("weight_change" in reason for reason in answer.reasons)


# -- the weight on record ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-07")
async def test_pounds_typed_as_kilograms_need_a_reason_from_the_second_session_on(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        await infusion(here, **weighing(50))
        wall.skip(days=2)
        answer = await here.order(**weighing(110))
        assert not answer.ok
        [reason] = [each for each in answer.reasons if "weight_change" in each]
        assert "110 kg differs by more than 10 % from the 50 kg on record from the last session" in reason
        assert "not pounds" in reason
        taken = await here.order(**weighing(110, overrides=REASON))
        assert taken.ok, taken.reasons
        recorded = [entry for entry in here.entries() if entry.kind == "order_accepted"][-1]
        assert recorded.fields["program"]["overrides"] == [["weight_change", "weighed again today"]]


@pytest.mark.requirement("PRG-07", "PRG-22")
@pytest.mark.parametrize(
    ("first", "then", "needed"),
    [(100, 45, True), (100, 111, True), (100, 110, False), (100, 90, False), (100, 89, True)],
)
async def test_a_change_of_more_than_ten_percent_needs_a_reason(tmp_path, monkeypatch, first, then, needed):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        await infusion(here, **weighing(first))
        wall.skip(days=2)
        assert await refused_for_weight(here, then) is needed


@pytest.mark.requirement("PRG-07")
async def test_a_wrong_last_weight_that_is_typed_hides_nothing(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        assert await refused_for_weight(here, 110, previous_weight="50 kg")  # the first session here
        assert not await refused_for_weight(here, 110, previous_weight="105 kg")
        await infusion(here, **weighing(50))
        wall.skip(days=2)
        assert await refused_for_weight(here, 110, previous_weight="105 kg")
        assert await refused_for_weight(here, 110)


@pytest.mark.requirement("PRG-07", "PWR-13")
async def test_the_weight_on_record_survives_a_restart_and_is_of_the_last_session_that_gave_something(
    tmp_path, monkeypatch
):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        assert (await history(here))["weight"] is None
        await infusion(here, **weighing(50, weight_basis="adjusted"))
        wall.skip(days=2)
        assert (await here.order(**weighing(110, overrides=REASON))).ok  # waits, and is withdrawn
        assert (await history(here))["weight"]["weight_kg"] == "50"
        await here.ask(op="stop", pump="bed1", reason="wrong weight")
        await here.until("abandoned")
        await die(here)
        async with another_process(here):
            await asyncio.sleep(3)
            weight = (await history(here))["weight"]
            assert (weight["weight_kg"], weight["basis"], weight["ts"][:10]) == ("50", "adjusted", "2026-03-02")
            assert await refused_for_weight(here, 110)
            assert (await history(here, "token-2"))["weight"] is None


# -- treatments --------------------------------------------------------------------------------------------------------


async def test_the_history_shows_each_treatment_with_its_deliveries_and_its_rest(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        first = await infusion(here, 20)
        [one] = (await history(here))["treatments"]
        rest = one["rest"]
        assert (one["treatment"], one["drug"], one["entry"], one["course"]) == (first, "ketamine", ORDER["entry"], "")
        assert 17 <= float(one["given_mg"]) <= 18
        assert (one["prescribed_mg"], one["takes_place"], one["running"], one["suspect"]) == ("35", True, False, False)
        assert (rest["container"], rest["by_nurse"], rest["reasons"]) == ("50 mL", False, [])
        assert float(one["given_mg"]) + float(rest["left_mg"]) <= 35
        assert float(rest["left_ml"]) == pytest.approx(35 - float(one["given_mg"]), abs=0.01)
        state = here.gateway.status()["pumps"][0]["rest"]
        assert float(state["left_ml"]) == pytest.approx(float(rest["left_ml"]), abs=0.01)

        ordered = await here.ask(op="rest", pump="bed1", treatment=first, patient="token-1", ordered_by="dr-a")
        assert ordered.ok, ordered.reasons
        await here.until("ready")
        assert (await here.confirm(pump="bed1", request="r-rest")).ok
        await here.until("completed", within_s=7200)
        [one] = (await history(here))["treatments"]
        assert [each["session"] for each in one["deliveries"]] == [
            first,
            here.gateway.runners["bed1"].infusion.place.session,
        ]
        assert one["share_percent"] in (98, 99, 100)
        assert one["rest"] is None
        wall.skip(days=2)
        second = await infusion(here, 1)
        newest, _ = (await history(here))["treatments"]
        assert (newest["treatment"], newest["takes_place"]) == (second, False)


@pytest.mark.requirement("PRG-25")
async def test_the_rest_is_shown_with_why_it_cannot_be_ordered_and_not_at_all_once_its_time_is_over(
    tmp_path, monkeypatch
):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        await infusion(here, 20)
        wall.skip(minutes=85)  # 20 of the 40 minutes are left, and 15 of the two hours
        [one] = (await history(here))["treatments"]
        [reason] = one["rest"]["reasons"]
        assert "must be given within 120 min" in reason
        wall.skip(minutes=16)
        [one] = (await history(here))["treatments"]
        assert one["rest"] is None


# -- courses -----------------------------------------------------------------------------------------------------------

COURSE = {
    "op": "order_course",
    "patient": "token-1",
    "entry": "ketamine-1mg-ml",
    "course": "C-1",
    "first_day": "2026-03-02",
    "weekdays": ["mon", "wed", "fri"],
    "ordered_by": "dr-a",
}


@pytest.mark.requirement("PRG-18")
async def test_a_course_has_its_days_before_and_after_its_infusions_and_over_a_restart(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        answer = await here.ask(**COURSE)
        assert answer.ok, answer.reasons
        [course] = answer.result["courses"]
        assert (course["course"], course["number"], course["given"], course["ordered"]) == ("C-1", 1, 0, True)
        march = [date(2026, 3, day).isoformat() for day in (2, 4, 6, 9, 11, 13)]
        assert [each["date"] for each in course["dates"]] == march
        treatment = await infusion(here, course="C-1")
        wall.skip(days=3)
        await die(here)
        async with another_process(here):
            await asyncio.sleep(3)
            [course] = (await history(here))["courses"]
            assert [(each["number"], each["date"], each["state"]) for each in course["dates"]][:3] == [
                (1, "2026-03-02", "given"),
                (2, "2026-03-04", "missed"),
                (2, "2026-03-06", "planned"),
            ]
            assert course["dates"][0]["treatment"] == treatment
            assert course["next"]["position"] == "infusion 2 of 6"
            assert course["next"]["planned_date"] == "2026-03-06"
            assert course["next"]["earliest_ts"].startswith("2026-03-05")


@pytest.mark.requirement("PRG-18")
async def test_a_course_and_its_assessment_start_permit_and_refuse_nothing(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)

        async def answers():
            """What happens to an order on each of these days, whatever was ordered as a course."""
            found = []
            for course in (None, "C-1", "C-2"):
                answer = await here.order(**({} if course is None else {"course": course}))
                found.append(answer.reasons)
                if answer.ok:
                    await here.ask(op="stop", pump="bed1", reason="test")
                    await here.until("abandoned")
            return found

        before = await answers()
        assert (await here.ask(**COURSE)).ok
        assert (await here.ask(**{**COURSE, "course": "C-2", "first_day": "2026-12-01"})).ok
        assert here.state() == "abandoned"
        assert here.truth() == 0
        assert await answers() == before
        await infusion(here, course="C-1")
        wall.skip(days=1)
        before = await answers()
        assert (await here.ask(**{**COURSE, "weekdays": ["sun"]})).ok
        assert await answers() == before
        wall.skip(days=30)
        before = await answers()
        assessed = await here.ask(
            op="assess_course", patient="token-1", course="C-1", response="responder", scale="PHQ-9", total=4, by="dr-a"
        )
        assert assessed.ok, assessed.reasons
        assert await answers() == before


@pytest.mark.requirement("PRG-18")
async def test_a_response_is_recorded_once_the_course_is_over(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        assess = {"op": "assess_course", "patient": "token-1", "course": "C-1", "response": "responder", "by": "dr-a"}
        await infusion(here, course="C-1")
        early = await here.ask(**assess)
        assert early.reasons == (
            "course: the course C-1 of token-1 is not over; it is assessed after its last infusion (PRG-18)",
        )
        wall.skip(days=29)
        assert "MADRS is from 0 to 60" in (await here.ask(**assess, scale="MADRS", total=61)).reasons[0]
        answer = await here.ask(**assess, scale="MADRS", total=12)
        assert answer.ok, answer.reasons
        [course] = answer.result["courses"]
        found = course["assessment"]
        assert (found["response"], found["scale"], found["total"]) == ("responder", "MADRS", 12)
        assert found["by"].startswith("dr-a")
        assert "course_assessed" in here.kinds()


@pytest.mark.requirement("PRG-18")
async def test_a_second_course_keeps_its_number_and_without_a_course_no_position_is_shown(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)

        async def shown(**order):
            answer = await here.order(**order)
            assert answer.ok, answer.reasons
            course = here.gateway.status()["pumps"][0]["course"]
            await here.ask(op="stop", pump="bed1", reason="test")
            await here.until("abandoned")
            return course

        assert await shown() is None
        await infusion(here, course="C-1")
        wall.skip(days=2)
        second = await shown(course="C-2", overrides={"course_new": "another illness"})
        assert second == {"number": 1, "of": 6, "phase": "infusion", "course_number": 2}
        await infusion(here, course="C-2", overrides={"course_new": "another illness"})
        wall.skip(days=2)
        first = await shown(course="C-1")
        assert first == {"number": 2, "of": 6, "phase": "infusion", "course_number": 1}
        numbers = {each["course"]: each["number"] for each in (await history(here))["courses"]}
        assert numbers == {"C-1": 1, "C-2": 2}
        wall.skip(days=2)
        await infusion(here, overrides={"course_new": "none was ordered"})
        without = (await history(here))["courses"][-1]
        assert (without["course"], without["ordered"], without["next"]) == ("", False, None)
