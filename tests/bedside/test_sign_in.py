"""Who is signed in, for how long, and what wrong PINs lead to (SEC-15, SEC-16, STA-03)."""

import asyncio
import json
from dataclasses import replace

import pytest

from pumpd.control.strangers import LEFT_OUT, TOLD_EVERY_S
from pumpd.control.tablets import staff
from pumpd.control.tablets.staff import StaffError, StaffStore, fits, hashed, pin_objection
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from tests.bedside.tablet import DOCTOR, FORM, NURSE, PIN, bedsides


@pytest.mark.requirement("SEC-16", "STA-03")
@pytest.mark.parametrize(("idle_s", "there"), [(178, True), (181, False)])
async def test_three_minutes_without_a_touch_sign_the_nurse_out(tmp_path, monkeypatch, idle_s, there):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        await asyncio.sleep(idle_s)
        answer = await here.tablet.ask("preview", **FORM)
        assert answer["ok"] is there
        await asyncio.sleep(1.5)
        person = here.feed.tablet(here.tablet.id)["person"]
        assert (person is not None) is there
        if not there:
            assert "nobody is signed in" in answer["reasons"][0]
            assert (await here.tablet.sign_in())["ok"]  # with badge and PIN again
            assert (await here.tablet.ask("preview", **FORM))["ok"]


@pytest.mark.requirement("SEC-16", "STA-03")
async def test_a_touch_restarts_the_idle_time_and_watching_does_not(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        for _ in range(3):
            await asyncio.sleep(170)
            assert (await here.tablet.ask("touch"))["result"]["person"]["idle_left_s"] == 180
        for _ in range(19):
            await asyncio.sleep(10)
            await here.tablet.post("/api/alive")
            await here.tablet.get("/api/library")
        assert (await here.tablet.ask("touch"))["result"]["person"] is None


@pytest.mark.requirement("SEC-16", "STA-03")
async def test_a_confirmation_after_the_idle_time_starts_nothing(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        await asyncio.sleep(140)
        challenge = await here.tablet.challenge()
        await asyncio.sleep(50)  # the challenge is still valid, the nurse is signed out
        await here.tablet.ask("touch")
        await asyncio.sleep(5)
        assert (await here.tablet.ask("sign_out"))["ok"]
        assert not (await here.tablet.confirm(challenge))["ok"]
        assert here.testbed.truth() == 0


@pytest.mark.requirement("SEC-15")
async def test_after_five_wrong_pins_the_badge_waits_a_minute_on_that_tablet_but_stop_does_not(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        other = here.paired("another tablet")
        assert (await other.hello())["ok"]
        for _ in range(5):
            answer = await here.tablet.sign_in(NURSE, "0000")
            assert answer["reasons"] == ["sign-in: badge or PIN is wrong"]
        answer = await here.tablet.sign_in(NURSE)  # the right PIN
        assert "wait 60 s" in answer["reasons"][0]
        assert answer["result"] == {"retry_s": 60}  # for the countdown on the screen
        assert (await other.sign_in(NURSE))["ok"]  # the same badge on another tablet
        assert (await here.tablet.sign_in(DOCTOR))["ok"]  # another badge on this one
        assert "wait 60 s" in (await here.tablet.sign_in(NURSE))["reasons"][0]  # that one's PIN ends no count
        assert (await here.tablet.post("/api/stop"))["result"] == {"stopping": ["bed1"]}
        await here.testbed.until("stopped", within_s=5)
        await asyncio.sleep(60)
        assert (await here.tablet.sign_in(NURSE, "0000"))["reasons"] == ["sign-in: badge or PIN is wrong"]
        assert "wait 120 s" in (await here.tablet.sign_in(NURSE))["reasons"][0]
        await asyncio.sleep(120)
        assert (await here.tablet.sign_in(NURSE))["ok"]
        assert len(here.bodies("sign_in_refused")) == 9
        await other.http.aclose()


@pytest.mark.requirement("SEC-15")
async def test_a_view_only_tablet_locks_no_badge_out(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        viewer = here.paired("wall display", ("view",))
        assert (await viewer.hello())["ok"]
        for _ in range(30):
            assert not (await viewer.sign_in(NURSE, "0000"))["ok"]
        assert (await here.tablet.sign_in(NURSE))["ok"]
        await viewer.http.aclose()


@pytest.mark.requirement("SEC-15")
async def test_attempts_of_one_tablet_take_no_turn_from_another(tmp_path, monkeypatch):
    """The hash of a PIN takes its time: a tablet that asks without end waits for it once, not in every place."""
    async with bedsides(tmp_path, monkeypatch) as here:

        async def slow(function, *arguments):
            await asyncio.sleep(0.2)
            return function(*arguments)

        monkeypatch.setattr(asyncio, "to_thread", slow)
        sign_ins = here.testbed.gateway.tablets.sign_ins
        many = [asyncio.create_task(sign_ins.checked("viewer", f"{each}", "0000")) for each in range(20)]
        await asyncio.sleep(0.01)
        assert (await sign_ins.checked(here.tablet.id, NURSE, PIN[NURSE])).badge == NURSE
        refused = await asyncio.gather(*many, return_exceptions=True)
        assert [str(each) for each in refused].count("sign-in: too many at once; try again") == 19


@pytest.mark.requirement("SEC-15")
async def test_the_operator_hears_of_many_wrong_pins_and_a_new_pin_lets_the_nurse_in(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:

        def alarms():
            return [each["code"] for each in here.testbed.gateway.live.state()["alarms"]]

        for badge in (NURSE, DOCTOR):
            for _ in range(5):
                assert "wrong_pins" not in alarms()
                await here.tablet.sign_in(badge, "0000")
            await asyncio.sleep(2)
        assert "wrong_pins" in alarms()
        assert ALARM_TABLE[AlarmCode.WRONG_PINS].priority is Priority.LOW
        assert "wait" in (await here.tablet.sign_in(NURSE))["reasons"][0]
        store = StaffStore(here.settings.staff_path)
        store._write(store.all() | {NURSE: replace(store.all()[NURSE], pin_hash="hash of 930417")})
        assert (await here.tablet.sign_in(NURSE, "930417"))["ok"]
        await asyncio.sleep(3601)
        assert "wrong_pins" not in alarms()


@pytest.mark.parametrize("change", ["removed", "new PIN"])
async def test_a_person_who_is_removed_or_has_a_new_pin_is_signed_out(tmp_path, monkeypatch, change):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        store = StaffStore(here.settings.staff_path)
        if change == "removed":
            store.remove(DOCTOR)
        else:
            store._write(store.all() | {DOCTOR: replace(store.all()[DOCTOR], pin_hash="hash of 930417")})
        answer = await here.tablet.ask("preview", **FORM)
        assert "nobody is signed in" in answer["reasons"][0]


@pytest.mark.requirement("SEC-15")
async def test_an_unknown_badge_is_answered_like_a_wrong_pin(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        for badge in ("9999", "1' or '1'='1", "\u0000"):
            answer = await here.tablet.sign_in(badge, "471133")
            assert answer["reasons"] == ["sign-in: badge or PIN is wrong"]


@pytest.mark.requirement("SEC-03")
async def test_a_new_gateway_has_no_staff_and_no_paired_tablet(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        here.settings.staff_path.unlink()
        for badge, pin in (("admin", "admin"), ("0000", "0000"), ("1", "1234"), (DOCTOR, PIN[DOCTOR])):
            assert not (await here.tablet.sign_in(badge, pin))["ok"]


@pytest.mark.requirement("SEC-03")
@pytest.mark.parametrize(
    "pin",
    ["", "47113", "000000", "123456", "654321", "98765432", "1234567890123", "47a193", "\uff14" * 3 + "\uff17" * 3],
)
def test_a_pin_that_is_short_or_obvious_is_refused(pin):
    assert pin_objection(pin) is not None
    with pytest.raises(StaffError):
        hashed(pin)


def test_a_pin_is_stored_as_a_salted_argon2id_hash(tmp_path):
    store = StaffStore(tmp_path / "staff.json")
    nurse = store.add("1001", "R. Weiss", ("view", "confirm"), "471133")
    other = store.add("1002", "M. Blau", ("view",), "471133")
    text = store.path.read_text()
    assert "471133" not in text
    assert nurse.pin_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert nurse.pin_hash != other.pin_hash
    assert fits(nurse.pin_hash, "471133")
    assert not fits(nurse.pin_hash, "471134")
    assert not fits(None, "471133")
    assert not fits("no hash", "471133")
    assert store.path.stat().st_mode & 0o777 == 0o600
    store.reset_pin("1001", "815377")
    assert fits(store.all()["1001"].pin_hash, "815377")


@pytest.mark.parametrize(
    ("badge", "name", "roles", "reason"),
    [
        ("1001", "Again", ("view",), "belongs to R. Weiss"),
        ("1002", "R. Weiss", ("view",), "one person has one badge"),
        ("1002", " r.  WEISS", ("view",), "one person has one badge"),
        ("a b", "Name", ("view",), "badge: letters"),
        ("1002", "", ("view",), "name: 1 to 60"),
        ("1002", "A\nB", ("view",), "name: 1 to 60"),
        ("1002", "Name", ("view", "root"), "role: root"),
    ],
)
def test_an_impossible_person_is_refused(tmp_path, badge, name, roles, reason):
    store = StaffStore(tmp_path / "staff.json")
    store.add("1001", "R. Weiss", ("view",), "471133")
    with pytest.raises(StaffError, match=reason):
        store.add(badge, name, roles, "815377")
    assert set(store.all()) == {"1001"}


@pytest.mark.parametrize(
    "text", ["{", "{}", '[{"badge": "1"}]', '["a"]', '[{"badge":1,"name":"a","roles":[],"pin_hash":""}]']
)
def test_a_foreign_staff_file_signs_nobody_in(tmp_path, text):
    path = tmp_path / "staff.json"
    path.write_text(text)
    with pytest.raises(StaffError, match="staff"):
        StaffStore(path).all()


def test_a_short_pin_from_before_still_signs_in_and_an_old_file_is_read(tmp_path):
    store = StaffStore(tmp_path / "staff.json")
    entry = {"badge": "1001", "name": "R. Weiss", "roles": ["view"], "pin_hash": staff._hasher().hash("4711")}
    store.path.write_text(json.dumps([entry]))
    assert fits(store.all()["1001"].pin_hash, "4711")
    store.add("1002", "M. Blau", ("view",), "815377")
    assert json.loads(store.path.read_text())[0] == entry  # an older version could still read it
    with pytest.raises(StaffError, match="6 to 12 digits"):
        store.reset_pin("1001", "8153")


@pytest.mark.requirement("STA-01")
def test_a_number_of_the_person_shows_two_badges_of_one_person(tmp_path):
    store = StaffStore(tmp_path / "staff.json")
    store.add("1001", "R. Weiss", ("view",), "471133", "P-77")
    with pytest.raises(StaffError, match="one person has one badge"):
        store.add("1002", "Rosa Weiss-Blau", ("view",), "815377", "P-77")
    with pytest.raises(StaffError, match="person: letters"):
        store.add("1002", "M. Blau", ("view",), "815377", "P 78")
    store.add("1002", "M. Blau", ("view",), "815377", "P-78")
    store.add("1003", "S. Grau", ("view",), "815377")
    store.add("1004", "T. Gelb", ("view",), "815377")  # no number is no equal number
    assert store.all()["1001"].person == "P-77"


@pytest.mark.requirement("AUD-13", "SEC-15")
async def test_wrong_pins_without_end_leave_a_limited_number_of_entries_and_their_count(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        for _ in range(400):
            assert not (await here.tablet.sign_in(pin="0"))["ok"]
        written = here.testbed.kinds().count("sign_in_refused")
        assert 50 <= written <= 250
        await asyncio.sleep(TOLD_EVERY_S)
        assert here.bodies(LEFT_OUT) == [{"counts": {"sign_in_refused of tablets": 400 - written}}]
        assert (await here.tablet.post("/api/stop"))["ok"]
