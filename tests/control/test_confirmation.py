"""STA-01, STA-02, STA-15, PRG-20: only a fresh signature by a paired key over exactly this program starts it, once."""

import asyncio
import base64
import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pumpd.control.confirming.signature import pairable
from pumpd.control.ordering.disk_check import FIRST_CHECK_AFTER_S
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.infusion.events import Binding, ConfirmAction
from pumpd.messages.signing import der_of, sign, signed_bytes
from tests.control.testbed import Testbed, open_testbed
from tests.control.wire_tap import Tap

WRONG = {
    "shown": "f" * 64,
    "nonce": "00" * 16,
    "digest": "f" * 64,
    "action": "resume",
    "serial": "ASSET-bed2",
    "channel": 2,
    "session": "0" * 16,
    "gateway": "ward-8",
    "expires_ns": 10**18,
    "wristband": "token-2",
}


async def ready(here: Testbed) -> Tap:
    assert (await here.order()).ok
    await here.until("ready")
    return Tap(here.pump)


async def refused(here: Testbed, tap: Tap, answer, *named: str) -> None:
    """The answer gives the reason, nothing moved, and the journal has the attempt."""
    assert not answer.ok
    text = "\n".join(answer.reasons)
    for part in named:
        assert part in text, text
    await asyncio.sleep(10)
    assert tap.count("RUN") == 0
    assert here.truth() == 0
    assert here.state() == "ready"
    assert json.loads([entry.body for entry in here.entries() if entry.kind == "confirmation_refused"][-1])[
        "reasons"
    ] == list(answer.reasons)


@pytest.mark.parametrize("field", WRONG)
def test_the_signed_text_contains_every_field(field):
    binding = Binding("n", "d", ConfirmAction.START, "s", 1, "i", "g", 5)
    value = ConfirmAction.RESUME if field == "action" else WRONG[field]
    assert {each.name for each in dataclasses.fields(Binding)} == set(WRONG)
    assert signed_bytes(dataclasses.replace(binding, **{field: value})) != signed_bytes(binding)


@pytest.mark.requirement("STA-01", "STA-02", "PRG-20")
@pytest.mark.parametrize("field", WRONG)
async def test_a_field_altered_after_signing_invalidates_the_signature(tmp_path, field):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        await refused(here, tap, await here.confirm(**{field: WRONG[field]}), "the signature does not match")
        assert (await here.confirm()).ok  # the attempt used nothing up


@pytest.mark.requirement("STA-02", "PRG-20", "PRG-21")
@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("nonce", "answers no open challenge"),
        ("digest", "program digest is"),
        ("action", "action is 'resume'"),
        ("serial", "pump serial is 'ASSET-bed2', this infusion's is 'ASSET-bed1'"),
        ("channel", "channel is 2"),
        ("session", "session is"),
        ("gateway", "gateway is 'ward-8'"),
        ("expires_ns", "expiry is"),
        ("wristband", "order token-1, wristband token-2, pump token-1: the wristband differs"),
    ],
)
async def test_a_good_signature_over_another_field_is_refused_by_that_field(tmp_path, field, named):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        value = ConfirmAction.RESUME if field == "action" else WRONG[field]
        other = dataclasses.replace(await here.binding(), **{field: value})
        answer = await here.confirm(other)
        assert len(answer.reasons) == 1
        await refused(here, tap, answer, named)


@pytest.mark.requirement("STA-02")
async def test_a_confirmation_is_valid_before_its_expiry_and_not_at_it(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        asked = asyncio.get_running_loop().time()
        binding = await here.binding()
        assert binding.expires_ns == int(asked * 1e9) + 60_000_000_000
        await asyncio.sleep(60)
        await refused(here, tap, await here.confirm(binding), "after its expiry")
        binding = await here.binding()
        await asyncio.sleep(59)
        assert (await here.confirm(binding)).ok
        await here.until("running")


@pytest.mark.requirement("STA-02")
async def test_a_confirmation_is_used_once(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        assert (await here.confirm(binding)).ok
        await here.until("running")
        assert (await here.ask(op="pause", pump="bed1")).ok
        await here.until("paused")
        assert (await here.ask(op="resume", pump="bed1")).ok
        await here.until("ready")
        given = here.truth()
        answer = await here.confirm(binding, request="r-2")
        assert any("answers no open challenge" in reason for reason in answer.reasons)
        await asyncio.sleep(30)
        assert here.truth() == given
        assert tap.count("RUN") == 1


@pytest.mark.requirement("STA-02")
async def test_a_newer_challenge_replaces_the_older_one(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        older = await here.binding()
        newer = await here.binding()
        await refused(here, tap, await here.confirm(older), "replaced by a newer one")
        assert (await here.confirm(newer)).ok


@pytest.mark.requirement("STA-02", "STA-14")
async def test_a_confirmation_of_another_infusion_is_refused(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        tap = await ready(here)
        assert (await here.order(pump="bed2", patient="token-2")).ok
        await here.until("ready", pump="bed2")
        await here.binding()
        other = await here.binding("bed2")
        await refused(here, tap, await here.confirm(other), "answers no open challenge")
        assert here.state("bed2") == "ready"


@pytest.mark.requirement("STA-02")
async def test_a_stop_before_the_confirmation_voids_it(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        assert (await here.ask(op="stop")).ok
        answer = await here.confirm(binding)
        assert not answer.ok
        assert "abandoned" in answer.reasons[0]
        await asyncio.sleep(10)
        assert tap.count("RUN") == 0


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STA-01")
async def test_only_a_paired_key_of_the_right_role_confirms(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        keys = KeyStore(here.gateway.settings.keys_path)
        stranger = ec.generate_private_key(ec.SECP256R1())
        binding = await here.binding()
        answer = await here.confirm(binding, key="0123456789abcdef", signature=sign(stranger, binding))
        await refused(here, tap, answer, "'0123456789abcdef' is not paired")
        answer = await here.confirm(binding, signature=sign(stranger, binding))
        await refused(here, tap, answer, "another key signed")
        viewer = keys.add(pairable("wall display", "view", der_of(stranger.public_key())))
        binding = await here.binding()
        answer = await here.confirm(binding, key=viewer.id, signature=sign(stranger, binding))
        await refused(here, tap, answer, "'wall display' has the role 'view', which may not confirm")


@pytest.mark.requirement("STA-01")
async def test_a_revoked_key_is_refused_at_once(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        KeyStore(here.gateway.settings.keys_path).revoke(here.paired.id)
        await refused(here, tap, await here.confirm(binding), "is not paired")


@pytest.mark.parametrize(
    ("signature", "named"),
    [
        ("", "64 bytes, this one 0"),
        ("not base64!", "not base64"),
        (base64.b64encode(bytes(63)).decode(), "64 bytes, this one 63"),
        (base64.b64encode(bytes(65)).decode(), "64 bytes, this one 65"),
        (base64.b64encode(bytes(64)).decode(), "does not match"),
        (base64.b64encode(b"\xff" * 64).decode(), "does not match"),
        (base64.b64encode(bytes(31) + b"\x01" + bytes(31) + b"\x01").decode(), "does not match"),
    ],
)
async def test_a_garbage_signature_is_refused(tmp_path, signature, named):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        await refused(here, tap, await here.confirm(signature=signature), named)


@pytest.mark.parametrize("text", ["", "{", "5", "[1]", '[{"id": "a"}]', '["abc"]', "\x00\xff"])
async def test_a_damaged_key_file_is_named_and_confirms_nothing_but_stop_works(tmp_path, text):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        here.gateway.settings.keys_path.write_bytes(text.encode("latin-1"))
        await refused(here, tap, await here.confirm(binding), "paired-keys.json")
        assert (await here.ask(op="stop")).ok


async def test_a_paired_key_that_is_damaged_or_not_an_elliptic_curve_key_is_named(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        path = here.gateway.settings.keys_path
        entry = json.loads(path.read_text())[0]
        foreign = rsa.generate_private_key(65537, 2048).public_key()
        pem = foreign.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        path.write_text(json.dumps([entry | {"public_pem": pem}]))
        await refused(here, tap, await here.confirm(binding), "'nurse-1' cannot be used (not an elliptic-curve key)")
        path.write_text(json.dumps([entry | {"public_pem": "-----BEGIN PUBLIC KEY-----\nAAAA"}]))
        await refused(here, tap, await here.confirm(binding), "'nurse-1' cannot be used (not a public key in PEM)")


def test_pairing_and_revoking_keep_the_other_keys(tmp_path):
    keys = KeyStore(tmp_path / "paired-keys.json")
    assert keys.all() == {}
    first = keys.add(pairable("one", "confirm", der_of(ec.generate_private_key(ec.SECP256R1()).public_key())))
    second = keys.add(pairable("two", "view", der_of(ec.generate_private_key(ec.SECP256R1()).public_key())))
    assert keys.all() == {first.id: first, second.id: second}
    keys.revoke(first.id)
    assert keys.all() == {second.id: second}
    with pytest.raises(KeyStoreError, match=first.id):
        keys.revoke(first.id)


# -- requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STA-15")
async def test_the_same_confirmation_sent_twenty_times_gives_one_run_on_the_wire(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        answers = [await here.confirm(binding) for _ in range(10)]
        await here.until("running")
        for _ in range(10):
            answers.append(await here.confirm(binding))
            await asyncio.sleep(0.7)
        assert all(answer.ok for answer in answers)
        await asyncio.sleep(30)
        assert tap.count("RUN") == 1
        assert here.kinds().count("intent_start") == 1
        assert here.state() == "running"


@pytest.mark.requirement("STA-01")
async def test_nothing_can_be_confirmed_before_the_program_was_read_back(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        answer = await here.ask(op="challenge", pump="bed1")
        assert answer.reasons == ("there is no infusion on this pump",)
        assert (await here.order()).ok
        answer = await here.ask(op="challenge", pump="bed1")
        assert not answer.ok
        assert "only a program that was read back can be confirmed" in answer.reasons[0]
        assert here.kinds().count("request_refused") == 2
        await here.until("ready")
        binding = dataclasses.replace(await here.binding(), nonce="")
        assert (await here.ask(op="stop")).ok
        assert (await here.order()).ok
        answer = await here.confirm(binding)
        assert not answer.ok
        await asyncio.sleep(10)
        assert tap.count("RUN") == 0


async def test_an_action_that_is_neither_start_nor_resume_is_refused(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        await refused(here, tap, await here.confirm(action="bolus"), "'bolus' is neither start nor resume")


@pytest.mark.requirement("STA-01", "STA-05")
async def test_a_pump_changed_after_the_confirmation_was_asked_for_is_not_started(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        binding = await here.binding()
        here.pump.press("rate", "80")
        answer = await here.confirm(binding)
        assert answer.ok  # accepted; the last poll before the start then finds the change
        await asyncio.sleep(30)
        assert tap.count("RUN") == 0
        assert here.truth() == 0
        assert here.state() == "ready"
        assert any(
            "rate" in reason
            for entry in here.entries()
            if entry.kind == "refused"
            for reason in entry.fields["reasons"]
        )


@pytest.mark.requirement("STA-05")
@pytest.mark.parametrize("change", ["revoked", "replaced", "of a tablet"])
async def test_a_key_that_is_revoked_while_its_confirmation_is_checked_starts_nothing(tmp_path, monkeypatch, change):
    async with open_testbed(tmp_path) as here:
        tap = await ready(here)
        store, check = KeyStore(here.gateway.settings.keys_path), here.gateway.library_check.objections

        async def slow():  # the disk with the library is slow
            await asyncio.sleep(1)
            if change == "revoked":
                store.revoke(here.paired.id)
            else:
                kind = "tablet" if change == "of a tablet" else "software"
                store.add(dataclasses.replace(here.paired, roles=("view",), kind=kind))
            return await check()

        await asyncio.sleep(FIRST_CHECK_AFTER_S + 1)  # only the confirmation asks from here on
        binding = await here.binding()
        monkeypatch.setattr(here.gateway.library_check, "objections", slow)
        expected = {"revoked": "is not paired", "replaced": "has changed", "of a tablet": "is a tablet"}[change]
        await refused(here, tap, await here.confirm(binding), expected)
