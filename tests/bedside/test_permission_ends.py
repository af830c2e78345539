"""SEC-07, STA-03: what was permitted when a request came may have ended when its turn comes. It is asked again.

Each test ends the permission during one wait on the way to a start: the disk with the library, the self-test, the
journal, the hash of a PIN.
"""

import asyncio
from dataclasses import replace

import pytest

from pumpd.control.tablets import sign_in
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.staff import Person, StaffStore
from tests.bedside.tablet import DOCTOR, FORM, NURSE, PIN, SECOND, bedsides

pytestmark = pytest.mark.requirement("SEC-07", "STA-03")

EXPECTED = {
    "revoked": "no longer paired with this gateway",
    "signed out": "no longer signed in on this tablet",
    "another person": "no longer signed in on this tablet",
    "removed from staff": "no longer signed in on this tablet",
    "new PIN": "no longer signed in on this tablet",
    "other roles": "has no role",
}


async def end(here, change, badge=DOCTOR):
    """End what permits the doctor on the ward tablet to order."""
    tablet, store = here.tablet, StaffStore(here.settings.staff_path)
    match change:
        case "revoked":
            assert (await here.testbed.ask(op="key_revoke", key=tablet.id)).ok
        case "signed out":
            assert (await tablet.ask("sign_out"))["ok"]
        case "another person":
            assert (await tablet.sign_in(NURSE))["ok"]
        case "removed from staff":
            assert (await here.testbed.ask(op="staff_remove", badge=badge)).ok
        case "new PIN":
            store._write(store.all() | {badge: replace(store.all()[badge], pin_hash="hash of 930417")})
        case "other roles":
            store._write(store.all() | {badge: replace(store.all()[badge], roles=("view",))})


def meanwhile(monkeypatch, owner, name, act):
    """Do this, once, while `owner.name` is awaited."""
    real, done = getattr(owner, name), []

    async def waited(*arguments, **options):
        if not done:
            done.append(True)
            await act()
        return await real(*arguments, **options)

    monkeypatch.setattr(owner, name, waited)


@pytest.mark.parametrize("change", EXPECTED)
@pytest.mark.parametrize("during", ["library", "self-test", "history"])
async def test_an_order_whose_permission_ends_during_a_wait_is_not_loaded(tmp_path, monkeypatch, change, during):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("associate", pump="bed1", patient=FORM["patient"]))["ok"]
        gateway = here.testbed.gateway
        awaited = {
            "library": (gateway.library_check, "objections"),
            "self-test": (gateway.self_test, "run"),
            "history": (gateway._past, "catch_up"),
        }
        meanwhile(monkeypatch, *awaited[during], lambda: end(here, change))
        answer = await here.tablet.ask("order", **FORM)
        assert EXPECTED[change] in answer["reasons"][0]
        assert gateway.runners["bed1"].infusion is None
        await asyncio.sleep(2)
        assert not here.testbed.pump.truth()["running"]
        assert here.bodies("order_refused")


@pytest.mark.parametrize("change", ["revoked", "signed out", "new PIN"])
async def test_an_association_whose_permission_ends_while_it_waits_for_its_turn_is_not_made(
    tmp_path, monkeypatch, change
):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        ordering = here.testbed.gateway.ordering
        meanwhile(monkeypatch, ordering._associations, "change", lambda: end(here, change))
        answer = await here.tablet.ask("associate", pump="bed1", patient="P-9")
        assert EXPECTED[change] in answer["reasons"][0]
        assert here.testbed.gateway.runners["bed1"].patient == ""


def slow_hash(monkeypatch, act):
    """Do this while the first PIN is being checked."""
    done = []

    async def thread(function, *arguments):
        if function is sign_in.fits and not done:
            done.append(True)
            await act()
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", thread)


@pytest.mark.parametrize("change", ["revoked", "removed from staff", "new PIN"])
async def test_a_sign_in_whose_tablet_or_person_goes_while_the_pin_is_checked_signs_nobody_in(
    tmp_path, monkeypatch, change
):
    async with bedsides(tmp_path, monkeypatch) as here:
        slow_hash(monkeypatch, lambda: end(here, change))
        answer = await here.tablet.sign_in()
        assert ("no longer paired" if change == "revoked" else "a moment ago") in answer["reasons"][0]
        assert here.testbed.gateway.tablets.sign_ins.shown(here.tablet.id) is None


@pytest.mark.requirement("STA-01")
@pytest.mark.parametrize("change", [each for each in EXPECTED if each != "another person"])  # one PIN at a time
async def test_a_confirmation_whose_first_person_goes_while_the_second_ones_pin_is_checked_starts_nothing(
    tmp_path, monkeypatch, change
):
    async with bedsides(tmp_path, monkeypatch) as here:
        here.ask_for_two("ketamine-2mg-ml")
        await here.ready(entry="ketamine-2mg-ml")
        challenge = await here.tablet.challenge()
        slow_hash(monkeypatch, lambda: end(here, change))
        answer = await here.tablet.confirm(challenge, second={"badge": SECOND, "pin": PIN[SECOND]})
        assert EXPECTED[change] in answer["reasons"][0]
        assert here.testbed.state() == "ready"


@pytest.mark.requirement("STA-01")
@pytest.mark.parametrize("change", ["removed from staff", "new PIN", "other roles"])
async def test_a_confirmation_whose_second_person_goes_while_it_is_checked_starts_nothing(
    tmp_path, monkeypatch, change
):
    async with bedsides(tmp_path, monkeypatch) as here:
        here.ask_for_two("ketamine-2mg-ml")
        await here.ready(entry="ketamine-2mg-ml")
        challenge = await here.tablet.challenge()
        meanwhile(
            monkeypatch, here.testbed.gateway.library_check, "objections", lambda: end(here, change, badge=SECOND)
        )
        answer = await here.tablet.confirm(challenge, second={"badge": SECOND, "pin": PIN[SECOND]})
        assert ("has no role" if change == "other roles" else "was removed from the staff") in answer["reasons"][0]
        assert here.testbed.state() == "ready"


@pytest.mark.requirement("STA-01")
@pytest.mark.parametrize("alike", [{"name": f"NURSE  {DOCTOR}"}, {"person": "P-77"}], ids=lambda each: next(iter(each)))
async def test_two_badges_of_one_person_are_no_second_person(tmp_path, monkeypatch, alike):
    """In a file from before such a second badge was refused, or one that was written by hand."""
    async with bedsides(tmp_path, monkeypatch) as here:
        store = StaffStore(here.settings.staff_path)
        first = replace(store.all()[DOCTOR], person="P-77")
        again = Person("2002", alike.get("name", "Another"), ("view", "confirm"), "hash of 640218", "")
        store._write(store.all() | {DOCTOR: first, "2002": replace(again, person=alike.get("person", ""))})
        here.ask_for_two("ketamine-2mg-ml")
        await here.ready(entry="ketamine-2mg-ml")
        challenge = await here.tablet.challenge()
        answer = await here.tablet.confirm(challenge, second={"badge": "2002", "pin": "640218"})
        assert "the second check needs another person" in answer["reasons"][0]
        assert here.testbed.state() == "ready"
        two = {"badge": DOCTOR, "pin": PIN[DOCTOR], "second_badge": "2002", "second_pin": "640218"}
        corrected = await here.testbed.ask(
            op="correct_dose", session="s-1", started="2026-03-02T09:00:00+00:00", reason="clock", **two
        )
        assert "the second check needs another person" in corrected.reasons[0]


@pytest.mark.parametrize("gone", [DOCTOR, SECOND])
async def test_a_correction_whose_person_goes_while_the_history_is_read_is_not_made(tmp_path, monkeypatch, gone):
    async with bedsides(tmp_path, monkeypatch) as here:
        meanwhile(
            monkeypatch,
            here.testbed.gateway._past,
            "catch_up_session",
            lambda: end(here, "removed from staff", badge=gone),
        )
        two = {"badge": DOCTOR, "pin": PIN[DOCTOR], "second_badge": SECOND, "second_pin": PIN[SECOND]}
        answer = await here.testbed.ask(
            op="correct_dose", session="s-1", started="2026-03-02T09:00:00+00:00", reason="clock", **two
        )
        assert answer.reasons == (f"correct_dose: Nurse {gone} was removed meanwhile",)


# -- reading ---------------------------------------------------------------------------------------------------------


async def test_the_cookie_of_a_revoked_tablet_reads_nothing_from_the_same_moment(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await asyncio.sleep(10)
        KeyStore(here.settings.keys_path).revoke(here.tablet.id)
        for path in ("/api/library", "/api/live"):
            answer = await here.tablet.http.get(path)
            assert answer.status_code == 401
            assert answer.json()["result"] == {}
        assert "must prove its key" in (await here.tablet.post("/api/alive"))["reasons"][0]  # the cookie has ended
        assert not (await here.tablet.hello())["ok"]
        assert (await here.tablet.post("/api/stop"))["ok"]


async def test_a_stream_of_a_revoked_tablet_ends_without_history_also_while_control_is_away(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await asyncio.sleep(10)
        KeyStore(here.settings.keys_path).revoke(here.tablet.id)
        await asyncio.sleep(1.5)
        here.feed.away = "control does not answer"
        events = [event async for event in here.feed.events(here.tablet.id, 0)]
        assert [event.split("\n")[0] for event in events] == ["retry: 1000", "event: unpaired"]
