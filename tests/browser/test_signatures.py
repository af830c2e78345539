"""A signed request counts once, unchanged, and only from a paired tablet: real keys in a real browser."""

import json

import pytest
from playwright.sync_api import expect

from pumpd.control.tablets.keys import KeyStore
from tests.browser.gateway import DOCTOR, PINS, WITHIN_S, wait_until
from tests.browser.tablet import tablet

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

# A script of the page may use its key to sign, but not read it. Each request is complete and fresh.
SIGNER = """
async () => {
  const key = await new Promise((done, no) => {
    const open = indexedDB.open("pumpd", 1);
    open.onerror = () => no(open.error);
    open.onsuccess = () => { const got = open.result.transaction("keys").objectStore("keys").get("tablet");
      got.onsuccess = () => { done(got.result); open.result.close(); }; };
  });
  const text64 = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const signed = async text => text64(await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" }, key.privateKey, new TextEncoder().encode(text)));
  const canonical = each => JSON.stringify(Object.fromEntries(Object.entries(each).sort(([a], [b]) => a < b ? -1 : 1)));
  const spki = await crypto.subtle.exportKey("spki", key.publicKey);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", spki)).slice(0, 8);
  const id = Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
  const asked = async (fields) => {
    const request = JSON.stringify(fields);
    const { result: { nonce } } = await (await fetch("/api/nonce")).json();
    const signature = await signed(`pumpd-request-v1\\nward-7\\n${nonce}\\n${request}`);
    const body = JSON.stringify({ key: id, nonce, signature, request });
    const answer = await fetch("/api/request", { method: "POST", body });
    return { status: answer.status, ...(await answer.json()) };
  };
  const extractable = key.privateKey.extractable;
  window.bench = { signed, canonical, asked, extractable };
  return extractable;
}
"""
ALTERED = """
async ({ bed, field, value }) => {
  const { result } = await window.bench.asked({ op: "challenge", pump: bed });
  const binding = { ...result.binding, wristband: result.review.patient };
  const signature = await window.bench.signed("pumpd-confirmation-v1\\n" + window.bench.canonical(binding));
  const was = binding[field];
  const sent = { op: "confirm", pump: bed, request: `altered-${field}`, signature, ...binding, [field]: value };
  return { was, ...(await window.bench.asked(sent)) };
}
"""
ANOTHER = {
    "nonce": "00" * 16, "digest": "f" * 64, "action": "resume", "serial": "SIM-2", "channel": 2, "session": "0" * 16,
    "gateway": "ward-8", "expires_ns": "9000000000000000000", "shown": "f" * 64,
    "wristband": "P-2",
}  # fmt: skip


@pytest.mark.requirement("SEC-05", "SEC-06", "STA-02", "PWR-03")
def test_each_altered_field_and_each_replay_is_refused_even_after_a_restart(nurse, testbed):
    page = nurse.page
    nurse.signed_in("bed1")
    nurse.order("bed1")
    before = testbed.starts("bed1")
    assert page.evaluate(SIGNER) is False, "the key can be read out"
    for field, value in ANOTHER.items():
        answer = page.evaluate(ALTERED, {"bed": "bed1", "field": field, "value": value})
        assert answer["was"] != value
        assert not answer["ok"], field
        assert "the signature does not match" in answer["reasons"][0], (field, answer)
    assert testbed.infusion_state("bed1") == "ready"
    assert testbed.starts("bed1") == before

    sent = []
    page.on("request", lambda request: sent.append(request.post_data) if request.url.endswith("/api/request") else None)
    nurse.press_and_hold(nurse.hold("start"))
    testbed.until("bed1", "running")
    (body,) = [each for each in sent if json.loads(json.loads(each)["request"])["op"] == "confirm"]
    inner = json.loads(json.loads(body)["request"])
    post = "body => fetch('/api/request', { method: 'POST', body }).then(answer => answer.json())"
    again = "fields => window.bench.asked(fields)"
    testbed.ask(op="stop", pump="bed1", by="test")
    testbed.until("bed1", "stopped")
    nurse.order("bed1")  # the same order needs its own confirmation

    def replayed():
        """The same bytes again, and the same confirmation in a newly signed request."""
        assert not page.evaluate(post, body)["ok"]
        answer = page.evaluate(again, inner | {"request": "another"})
        assert not answer["ok"], answer

    replayed()
    assert testbed.infusion_state("bed1") == "ready"
    testbed.restart_control()
    wait_until(lambda: page.evaluate("() => fetch('/api/nonce').then(a => a.ok)"), WITHIN_S, "control to answer")
    page.evaluate("fields => window.bench.asked(fields)", {"op": "sign_in", "badge": DOCTOR, "pin": PINS[DOCTOR]})
    replayed()
    assert testbed.starts("bed1") == before + 1
    expect(nurse.stop_button("bed1")).to_be_visible()


@pytest.mark.requirement("SEC-15", "SEC-19", "STP-01")
def test_a_throttled_and_then_revoked_tablet_can_only_stop(browser, testbed, nurse):
    with tablet(browser, testbed, "lost tablet") as lost:
        lost.pair("view", "confirm")
        lost.bed("bed3", "sign-in")
        for _ in range(5):
            lost.type_pin(DOCTOR, "0000")
            expect(lost.page.locator("main").get_by_role("alert")).to_contain_text("wrong")
            expect(lost.page.get_by_label("PIN", exact=True)).to_have_value("")
        lost.type_pin(DOCTOR, PINS[DOCTOR])
        expect(lost.page.locator("main").get_by_role("alert")).to_contain_text("Stop still works")

        nurse.signed_in("bed3")
        nurse.start("bed3")
        lost.stop_button("bed3").click()
        testbed.until("bed3", "stopped")

        nurse.start("bed3")
        lost.page.evaluate(SIGNER)
        KeyStore(testbed.state / "paired-keys.json").revoke(lost.id)
        expect(lost.page.get_by_role("heading", name="Pair with ward-7")).to_be_visible()
        answer = lost.page.evaluate("fields => window.bench.asked(fields)", {"op": "touch"})
        assert not answer["ok"]
        assert testbed.infusion_state("bed3") == "running"
        lost.page.get_by_role("button", name="Stop all pumps").click()
        testbed.until("bed3", "stopped")
        assert not testbed.truth("bed3")["running"]
