"""Who is signed in, for how long, and what wrong PINs lead to (SEC-15, SEC-16, STA-03)."""

import asyncio

import pytest

from pumpd.control.tablets.sign_in import THROTTLED_NS, Throttle
from pumpd.control.tablets.staff import StaffError, StaffStore, fits, hashed, pin_objection
from tests.bedside.tablet import DOCTOR, FORM, NURSE, PIN, bedsides

S = 10**9


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
async def test_after_five_wrong_pins_badge_and_tablet_wait_a_minute_but_stop_does_not(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        other = here.paired("another tablet")
        assert (await other.hello())["ok"]
        for _ in range(5):
            answer = await here.tablet.sign_in(NURSE, "0000")
            assert answer["reasons"] == ["sign-in: badge or PIN is wrong"]
        for tablet, badge in ((here.tablet, NURSE), (here.tablet, DOCTOR), (other, NURSE)):
            answer = await tablet.sign_in(badge)  # the right PIN
            assert "wait 60 s" in answer["reasons"][0]
            assert answer["result"] == {"retry_s": 60}  # for the countdown on the screen
        assert (await other.sign_in(DOCTOR))["ok"]  # another badge on another tablet
        assert (await here.tablet.post("/api/stop"))["result"] == {"stopping": ["bed1"]}
        await here.testbed.until("stopped", within_s=5)
        await asyncio.sleep(60)
        assert (await here.tablet.sign_in(NURSE))["ok"]
        assert len(here.bodies("sign_in_refused")) == 8
        await other.http.aclose()


@pytest.mark.requirement("SEC-15")
async def test_an_unknown_badge_is_answered_like_a_wrong_pin(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        for badge in ("9999", "1' or '1'='1", "\u0000"):
            answer = await here.tablet.sign_in(badge, "4711")
            assert answer["reasons"] == ["sign-in: badge or PIN is wrong"]


def test_the_record_of_wrong_attempts_is_bounded():
    throttle = Throttle()
    for number in range(5):
        throttle.failed("a", number * S)
    assert throttle.left_ns("a", 4 * S) == THROTTLED_NS
    assert throttle.left_ns("b", 4 * S) == 0
    assert throttle.left_ns("a", 64 * S) == 0
    throttle.failed("a", 64 * S)
    assert throttle.left_ns("a", 64 * S) == 0  # the count starts again after the wait
    for number in range(5000):
        throttle.failed(f"badge {number}", 65 * S)
    assert len(throttle._wrong) == 1000


async def test_a_removed_person_is_signed_out_at_once(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        StaffStore(here.settings.staff_path).remove(DOCTOR)
        answer = await here.tablet.ask("preview", **FORM)
        assert "nobody is signed in" in answer["reasons"][0]


@pytest.mark.requirement("SEC-03")
async def test_a_new_gateway_has_no_staff_and_no_paired_tablet(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        here.settings.staff_path.unlink()
        for badge, pin in (("admin", "admin"), ("0000", "0000"), ("1", "1234"), (DOCTOR, PIN[DOCTOR])):
            assert not (await here.tablet.sign_in(badge, pin))["ok"]


@pytest.mark.requirement("SEC-03")
@pytest.mark.parametrize(
    "pin", ["", "471", "0000", "1111", "1234", "4321", "98765432", "1234567890123", "47a1", "\uff14\uff17\uff11\uff11"]
)
def test_an_obvious_pin_is_refused(pin):
    assert pin_objection(pin) is not None
    with pytest.raises(StaffError):
        hashed(pin)


def test_a_pin_is_stored_as_a_salted_argon2id_hash(tmp_path):
    store = StaffStore(tmp_path / "staff.json")
    nurse = store.add("1001", "R. Weiss", ("view", "confirm"), "4711")
    other = store.add("1002", "M. Blau", ("view",), "4711")
    text = store.path.read_text()
    assert "4711" not in text
    assert nurse.pin_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert nurse.pin_hash != other.pin_hash
    assert fits(nurse.pin_hash, "4711")
    assert not fits(nurse.pin_hash, "4712")
    assert not fits(None, "4711")
    assert not fits("no hash", "4711")
    assert store.path.stat().st_mode & 0o777 == 0o600
    store.reset_pin("1001", "8153")
    assert fits(store.all()["1001"].pin_hash, "8153")


@pytest.mark.parametrize(
    ("badge", "name", "roles", "reason"),
    [
        ("1001", "Again", ("view",), "belongs to R. Weiss"),
        ("a b", "Name", ("view",), "badge: letters"),
        ("1002", "", ("view",), "name: 1 to 60"),
        ("1002", "A\nB", ("view",), "name: 1 to 60"),
        ("1002", "Name", ("view", "root"), "role: root"),
    ],
)
def test_an_impossible_person_is_refused(tmp_path, badge, name, roles, reason):
    store = StaffStore(tmp_path / "staff.json")
    store.add("1001", "R. Weiss", ("view",), "4711")
    with pytest.raises(StaffError, match=reason):
        store.add(badge, name, roles, "8153")
    assert set(store.all()) == {"1001"}


@pytest.mark.parametrize(
    "text", ["{", "{}", '[{"badge": "1"}]', '["a"]', '[{"badge":1,"name":"a","roles":[],"pin_hash":""}]']
)
def test_a_foreign_staff_file_signs_nobody_in(tmp_path, text):
    path = tmp_path / "staff.json"
    path.write_text(text)
    with pytest.raises(StaffError, match="staff"):
        StaffStore(path).all()
