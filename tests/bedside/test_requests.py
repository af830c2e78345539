"""A tablet's request counts only if its key signed exactly that, just now (SEC-05, SEC-06, SEC-07, COM-09)."""

import asyncio
import json

import pytest

from pumpd.control.strangers import LEFT_OUT, TOLD_EVERY_S
from pumpd.control.tablets.keys import KeyStore
from pumpd.messages.signing import sign_bytes
from tests.bedside.tablet import DOCTOR, FORM, NURSE, SECOND, Tablet, bedsides

BINDING = {
    "nonce": "00" * 16,
    "digest": "f" * 64,
    "action": "resume",
    "serial": "ASSET-bed2",
    "channel": 2,
    "session": "0" * 16,
    "gateway": "ward-8",
    "expires_ns": "1000000000000000000",
    "shown": "f" * 64,
}


async def nothing_flows(here) -> None:
    await asyncio.sleep(10)
    assert here.testbed.truth() == 0
    assert here.testbed.state() == "ready"


@pytest.mark.requirement("SEC-05", "STA-02", "STA-16", "PRG-20")
@pytest.mark.parametrize("field", BINDING)
async def test_a_confirmation_with_one_field_altered_is_refused(tmp_path, monkeypatch, field):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        answer = await here.tablet.confirm(**{field: BINDING[field]})
        assert not answer["ok"]
        assert "the signature does not match" in answer["reasons"][0]
        await nothing_flows(here)
        refused = here.bodies("confirmation_refused")[-1]
        assert refused["by"] == f"Nurse {DOCTOR} (badge {DOCTOR})"
        assert (await here.tablet.confirm())["ok"]  # the refused attempt used nothing up


@pytest.mark.requirement("SEC-05", "STA-16")
async def test_a_signature_over_a_screen_that_was_not_sent_is_refused(tmp_path, monkeypatch):
    """The tablet shows and hashes a different dose than the gateway sent: something between them is false."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        challenge = await here.tablet.challenge()
        challenge["review"]["dose_mg"] = "3.5"
        answer = await here.tablet.confirm(challenge)
        assert not answer["ok"]
        assert "shown review is" in answer["reasons"][0]
        await nothing_flows(here)


@pytest.mark.requirement("SEC-05")
@pytest.mark.parametrize("changed", ["request", "nonce", "key", "signature", "gateway"])
async def test_a_request_with_one_part_altered_is_refused(tmp_path, monkeypatch, changed):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        other = here.paired("another tablet")
        text = json.dumps({"op": "order", **FORM})
        body = await here.tablet.sealed(text) | {"request": text}
        if changed == "request":
            body["request"] = text.replace("0.5 mg/kg", "0.6 mg/kg")
        elif changed == "nonce":
            body["nonce"] = (await other.get("/api/nonce"))["result"]["nonce"]
        elif changed == "key":
            await other.hello()
            body["key"] = other.id
        elif changed == "signature":
            body["signature"] = sign_bytes(other.key, f"pumpd-request-v1\nward-7\n{body['nonce']}\n{text}".encode())
        else:
            signed = f"pumpd-request-v1\nward-8\n{body['nonce']}\n{text}".encode()
            body["signature"] = sign_bytes(here.tablet.key, signed)
        answer = await (other if changed == "key" else here.tablet).post("/api/request", body)
        assert not answer["ok"]
        assert "the signature does not match" in answer["reasons"][0]
        assert here.testbed.state() is None
        await other.http.aclose()


async def test_a_signed_request_with_a_name_twice_is_refused(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        text = '{"op":"associate","pump":"bed1","patient":"P-1","patient":"P-2"}'
        answer = await here.tablet.post("/api/request", await here.tablet.sealed(text) | {"request": text})
        assert answer["reasons"] == ["request: a name is given twice, and it is not known which one counts"]


@pytest.mark.requirement("SEC-06", "COM-09")
async def test_a_request_that_comes_twice_is_carried_out_once(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        text = json.dumps({"op": "pause", "pump": "bed1", "reason": "patient asked"})
        body = await here.tablet.sealed(text) | {"request": text}
        assert (await here.tablet.post("/api/request", body))["ok"]
        await here.testbed.until("paused")
        for _ in range(3):
            answer = await here.tablet.post("/api/request", body)
            assert not answer["ok"]
            assert "not known, or was used before" in answer["reasons"][0]
        assert len(here.bodies("request_refused")) == 3


@pytest.mark.requirement("COM-09")
@pytest.mark.parametrize(("late_s", "taken"), [(1.9, True), (2.1, False)])
async def test_a_request_older_than_two_seconds_is_refused(tmp_path, monkeypatch, late_s, taken):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        text = json.dumps({"op": "pause", "pump": "bed1", "reason": "patient asked"})
        body = await here.tablet.sealed(text) | {"request": text}
        await asyncio.sleep(late_s)
        answer = await here.tablet.post("/api/request", body)
        assert answer["ok"] is taken
        if not taken:
            assert "more than 2 s after its nonce" in answer["reasons"][0]
            await asyncio.sleep(5)
            assert here.testbed.state() == "running"


@pytest.mark.requirement("COM-09")
async def test_requests_that_overtake_each_other_count_once_each_and_never_late(tmp_path, monkeypatch):
    """A pause that was delayed arrives after the nurse resumed. It is refused because of its age."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        text = json.dumps({"op": "pause", "pump": "bed1", "reason": "patient asked"})
        held_back = await here.tablet.sealed(text) | {"request": text}
        assert (await here.tablet.ask("pause", pump="bed1", reason="patient asked"))["ok"]
        await here.testbed.until("paused")
        assert (await here.tablet.ask("resume", pump="bed1"))["ok"]
        await here.testbed.until("ready")
        assert (await here.tablet.confirm())["ok"]
        await here.testbed.until("running")
        assert not (await here.tablet.post("/api/request", held_back))["ok"]
        await asyncio.sleep(5)
        assert here.testbed.state() == "running"


@pytest.mark.requirement("SEC-06")
async def test_what_was_signed_before_a_restart_no_longer_counts(tmp_path, monkeypatch):
    """The confirmation and its request, both complete and fresh by the clock, sent to the next process."""
    kept = {}
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        post = here.tablet.post

        async def keep(path, body=None):
            kept[path] = body
            return await post(path, body)

        here.tablet.post = keep
        assert (await here.tablet.confirm())["ok"]
        await here.testbed.until("running")
        key = here.tablet.key
    async with bedsides(tmp_path, monkeypatch) as here:
        again = Tablet(here.client(), key=key)
        KeyStore(here.settings.keys_path).all()  # still paired
        assert (await again.hello())["ok"]
        answer = await again.post("/api/request", kept["/api/request"])
        assert not answer["ok"]
        assert "not known, or was used before" in answer["reasons"][0]
        inner = json.loads(kept["/api/request"]["request"])
        assert (await again.sign_in())["ok"]
        await again.ask(**inner)  # newly signed around the old confirmation, which was already carried out
        await asyncio.sleep(20)
        assert len(here.bodies("confirmation_accepted")) == 1
        assert not here.testbed.pump.truth()["running"]
        await again.http.aclose()


@pytest.mark.requirement("SEC-07")
async def test_a_revoked_tablet_can_ask_for_nothing_and_its_page_shows_it(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        challenge = await here.tablet.challenge()
        KeyStore(here.settings.keys_path).revoke(here.tablet.id)
        answer = await here.tablet.confirm(challenge)
        assert not answer["ok"]
        assert "is paired with this gateway" in answer["reasons"][0]
        await nothing_flows(here)
        await asyncio.sleep(1.5)
        events = [event async for event in here.feed.events(here.tablet.id, 0)]
        assert events[-1].startswith("event: unpaired")
        assert (await here.tablet.post("/api/stop"))["ok"]


@pytest.mark.requirement("SEC-07", "STA-01")
async def test_a_tablet_without_a_person_signed_in_confirms_nothing(tmp_path, monkeypatch):
    """Directly on the control socket, as a captured bedside could send it."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        challenge = await here.tablet.challenge()
        kept = {}

        async def keep(path, body=None):
            kept.update(json.loads(body["request"]) if path == "/api/request" else {})
            return {"ok": True}

        post, here.tablet.post = here.tablet.post, keep
        await here.tablet.confirm(challenge)
        here.tablet.post = post
        answer = await here.testbed.ask(**kept, key=here.tablet.id)
        assert not answer.ok
        assert "confirms with a person signed in" in answer.reasons[0]
        await nothing_flows(here)


@pytest.mark.requirement("SEC-07", "STA-01")
async def test_nobody_signed_in_confirms_nothing(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        challenge = await here.tablet.challenge()
        assert (await here.tablet.ask("sign_out"))["ok"]
        answer = await here.tablet.confirm(challenge)
        assert answer["reasons"] == ["confirm: nobody is signed in; sign in with badge and PIN (stop needs no sign-in)"]
        await nothing_flows(here)


@pytest.mark.requirement("STA-01", "AUD-08")
async def test_an_entry_that_needs_a_second_person_does_not_start_without_one(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        here.ask_for_two("ketamine-2mg-ml")
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.order(entry="ketamine-2mg-ml"))["ok"]
        await here.testbed.until("ready")
        challenge = await here.tablet.challenge()
        assert challenge["review"]["double_check"] is True
        for second, reason in (
            (None, "asks for a second person's check"),
            ({"badge": DOCTOR, "pin": "260571"}, "this badge is signed in here"),
            ({"badge": SECOND, "pin": "0000"}, "badge or PIN is wrong"),
            ({"badge": "9999", "pin": "815377"}, "badge or PIN is wrong"),
        ):
            answer = await here.tablet.confirm(challenge, second=second)
            assert reason in answer["reasons"][0]
        await nothing_flows(here)
        assert (await here.tablet.confirm(challenge, second={"badge": SECOND, "pin": "815377"}))["ok"]
        await here.testbed.until("running")
        assert here.bodies("confirmation_accepted")[0]["by"].endswith(f"checked by Nurse {SECOND} (badge {SECOND})")


@pytest.mark.requirement("STA-01")
async def test_a_software_nurse_cannot_confirm_an_entry_that_needs_two_people(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        here.ask_for_two("ketamine-2mg-ml")
        assert (await here.testbed.order(entry="ketamine-2mg-ml")).ok
        await here.testbed.until("ready")
        answer = await here.testbed.confirm()
        assert "asks for a second person's check" in answer.reasons[0]
        await nothing_flows(here)


@pytest.mark.requirement("AUD-08")
async def test_the_journal_records_who_overrode_a_limit_and_who_tried_to(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        tablet = here.tablet
        assert (await tablet.sign_in())["ok"]
        by = f"Nurse {DOCTOR} (badge {DOCTOR}), tablet ward tablet ({tablet.id})"
        answer = await tablet.ask("order", **(FORM | {"dose": "1.5 mg/kg"}))
        assert "hard limit" in answer["reasons"][0]
        refused = here.bodies("order_refused")[-1]
        assert f"{refused['by']}, tablet {refused['tablet']}" == by
        high = FORM | {"dose": "0.8 mg/kg", "container": "60 mL"}
        preview = (await tablet.ask("preview", **high))["result"]
        assert [(each["id"], each["overridden"]) for each in preview["soft"]] == [("dose_high", False)]
        for reason in ("", "ok"):
            assert not (await tablet.ask("order", **high, overrides={"dose_high": reason}))["ok"]
        answer = await tablet.ask("order", **high, overrides={"dose_high": "had 0.8 mg/kg before, well tolerated"})
        assert answer["ok"], answer
        accepted = here.bodies("order_accepted")[-1]
        assert accepted["peer"] == by
        assert accepted["program"]["overrides"] == [["dose_high", "had 0.8 mg/kg before, well tolerated"]]
        assert accepted["program"]["prescription"]["ordered_by"] == DOCTOR


@pytest.mark.requirement("WIN-08")
async def test_no_request_of_a_tablet_extends_a_window(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await asyncio.sleep(100)
        window = here.testbed.gateway.runners["bed1"].infusion.window
        for op in ("pause", "resume", "clear", "challenge", "order", "reconcile"):
            await here.tablet.ask(op, pump="bed1", window_most_s=9999, duration="100 min", reason="longer")
        for op in ("extend", "set_window", "bolus", "rate"):
            answer = await here.tablet.ask(op, pump="bed1", minutes=5)
            assert not answer["ok"]
        assert here.testbed.gateway.runners["bed1"].infusion.window == window
        assert (await here.tablet.ask("pause", pump="bed1", reason="shorter"))["ok"]  # a shorter one is permitted
        await here.testbed.until("paused")
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("stopped")


async def test_a_nurse_without_the_role_orders_nothing(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in(NURSE))["ok"]
        for op in ("preview", "order"):
            answer = await here.tablet.ask(op, **FORM)
            assert answer["reasons"] == [f"{op}: the person signed in has no role prescribe"]


@pytest.mark.requirement("SEC-19", "AUD-13")
async def test_an_unknown_tablet_cannot_fill_the_journal_and_its_stop_works(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        stranger = Tablet(here.client())
        for _ in range(400):
            assert not (await stranger.hello())["ok"]
        written = here.testbed.kinds().count("request_refused")
        assert 50 <= written <= 250
        assert (await stranger.post("/api/stop"))["ok"]
        await here.testbed.until("stopped", within_s=5)
        await asyncio.sleep(TOLD_EVERY_S)
        assert here.bodies(LEFT_OUT) == [{"counts": {"request_refused on the tablet socket": 400 - written}}]
        await stranger.http.aclose()


@pytest.mark.requirement("STA-03", "STA-05")
@pytest.mark.parametrize("change", ["revoked", "signed out", "another person", "removed from staff"])
async def test_a_confirmation_is_refused_when_its_tablet_or_person_goes_while_it_is_checked(
    tmp_path, monkeypatch, change
):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        gateway, tablet = here.testbed.gateway, here.tablet
        check = gateway.library_check.objections

        async def slow():  # the disk with the library takes its time
            if change == "revoked":
                await here.testbed.ask(op="key_revoke", key=tablet.id)
            elif change == "signed out":
                assert (await tablet.ask("sign_out"))["ok"]
            elif change == "another person":
                assert (await tablet.sign_in(NURSE))["ok"]
            else:
                await here.testbed.ask(op="staff_remove", badge=DOCTOR)
            return await check()

        challenge = await tablet.challenge()
        monkeypatch.setattr(gateway.library_check, "objections", slow)
        answer = await tablet.confirm(challenge)
        expected = "no longer paired with this gateway" if change == "revoked" else "no longer signed in on this tablet"
        assert expected in answer["reasons"][0]
        assert here.testbed.state() == "ready"
        assert not here.testbed.pump.truth()["running"]
        assert expected in here.bodies("confirmation_refused")[-1]["reasons"][0]
