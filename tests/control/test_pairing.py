"""SEC-01, SEC-02, SEC-18: a person at the gateway lets a tablet in, within 120 s, by its code."""

import asyncio
import base64
import hashlib
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pumpd.control.confirming.signature import pairable
from pumpd.control.socket.doors import User
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.pairing import short_code
from pumpd.messages.keys import PairedKey
from pumpd.messages.signing import der_of, key_id
from tests.control.testbed import BEDSIDE, OPERATOR, open_testbed

OPEN = {"op": "pair_open", "roles": ["view", "confirm"]}


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    """A thread would not run in virtual time."""

    async def run(function, *arguments):
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", run)


def public(key=None) -> tuple[str, bytes]:
    der = (
        (key or ec.generate_private_key(ec.SECP256R1()))
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode(), der


async def opened(here, **changes) -> str:
    answer = await here.ask(**(OPEN | changes))
    assert answer.ok, answer.reasons
    return answer.result["token"]


def paired(here) -> list[PairedKey]:
    return [key for key in KeyStore(here.gateway.settings.keys_path).all().values() if key.kind == "tablet"]


@pytest.mark.requirement("SEC-01", "SEC-18")
async def test_a_tablet_is_paired_by_the_code_typed_at_the_gateway(tmp_path):
    async with open_testbed(tmp_path) as here:
        token, (text, der) = await opened(here, name="ward 7 tablet"), public()
        offered = await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="Chrome", public_key=text)
        digest = hashlib.sha256(b"pumpd-pairing-v1\n" + token.encode() + b"\n" + der).digest()
        number = int.from_bytes(digest[:8], "big") % 10**6
        assert offered.result["code"] == f"{number // 1000:03d}-{number % 1000:03d}"
        assert (await here.ask_as(BEDSIDE, op="pair_state", token=token)).result["state"] == "waiting"
        assert not paired(here)
        assert (await here.ask(op="pair_accept", code=offered.result["code"])).ok
        (key,) = paired(here)
        assert (key.name, key.roles, key.kind) == ("ward 7 tablet", ("view", "confirm"), "tablet")
        assert (await here.ask_as(BEDSIDE, op="pair_state", token=token)).result["tablet"]["id"] == key.id
        assert {"pairing_opened", "pairing_offered", "tablet_paired"} <= set(here.kinds())
        again = await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="Chrome", public_key=public()[0])
        assert "closed" in again.reasons[0]  # one window, one tablet


@pytest.mark.requirement("SEC-01", "SEC-18")
@pytest.mark.parametrize(
    "request_", [OPEN, {"op": "pair_accept", "code": "123-456"}, {"op": "pair_close"}], ids=lambda each: each["op"]
)
async def test_only_a_person_at_the_gateway_opens_or_accepts_a_pairing(tmp_path, request_):
    """Bedside, and everyone on the network behind it, is a different user than root and control."""
    async with open_testbed(tmp_path) as here:
        token, (text, _) = await opened(here), public()
        code = (await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=text)).result["code"]
        request = request_ | ({"code": code} if "code" in request_ else {})
        for caller in (BEDSIDE, replace(OPERATOR, user=User.MEMBER), replace(BEDSIDE, user=User.OWNER)):
            answer = await here.ask_as(caller, **request)
            assert not answer.ok
            assert answer.reasons[0].startswith(f"{request['op']}: ")
            assert not paired(here)
        assert (await here.ask(op="pair_accept", code=code)).ok  # the window was not touched


@pytest.mark.requirement("SEC-01")
@pytest.mark.parametrize(("after_s", "taken"), [(119, True), (121, False)])
async def test_the_window_closes_after_two_minutes(tmp_path, after_s, taken):
    async with open_testbed(tmp_path) as here:
        token, (text, _) = await opened(here), public()
        code = (await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=text)).result["code"]
        await asyncio.sleep(after_s)
        answer = await here.ask(op="pair_accept", code=code)
        assert answer.ok is taken
        assert len(paired(here)) == taken
        assert (await here.ask_as(BEDSIDE, op="pair_state", token=token)).result["state"] == (
            "accepted" if taken else "closed"
        )


@pytest.mark.requirement("SEC-01")
async def test_wrong_codes_are_slowed_down_and_the_third_closes_the_window(tmp_path):
    async with open_testbed(tmp_path) as here:
        token, (text, _) = await opened(here), public()
        code = (await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=text)).result["code"]
        wrong = f"{(int(code.replace('-', '')) + 1) % 10**6:06d}"
        assert "not the code" in (await here.ask(op="pair_accept", code=wrong)).reasons[0]
        assert "wait 2 s" in (await here.ask(op="pair_accept", code=code)).reasons[0]
        await asyncio.sleep(2)
        assert "not the code" in (await here.ask(op="pair_accept", code=wrong)).reasons[0]
        await asyncio.sleep(2)
        assert "nothing was paired" in (await here.ask(op="pair_accept", code=wrong)).reasons[0]
        await asyncio.sleep(2)
        assert "closed" in (await here.ask(op="pair_accept", code=code)).reasons[0]
        assert not paired(here)


@pytest.mark.requirement("SEC-01")
async def test_another_key_has_another_code_and_a_stranger_without_the_token_has_none(tmp_path):
    async with open_testbed(tmp_path) as here:
        token = await opened(here)
        codes = {short_code(token, public()[1]) for _ in range(50)}
        assert len(codes) > 45
        answer = await here.ask_as(BEDSIDE, op="pair_offer", token="x" * 32, name="t", public_key=public()[0])
        assert "belongs to no open window" in answer.reasons[0]
        for _ in range(2):
            assert (await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=public()[0])).ok
        for _ in range(2):
            last = await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=public()[0])
        assert "closed" in last.reasons[0] or "too many" in last.reasons[0]  # so nobody can try keys until a code fits


@pytest.mark.requirement("SEC-02")
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (lambda: public(ec.generate_private_key(ec.SECP384R1()))[0], "P-256"),
        (lambda: public(rsa.generate_private_key(65537, 2048))[0], "P-256"),
        (lambda: public(ed25519.Ed25519PrivateKey.generate())[0], "P-256"),
        (lambda: base64.b64encode(b"not a key").decode(), "not a public key"),
        (lambda: "%%%", "base64"),
    ],
)
async def test_only_a_key_on_p256_is_taken(tmp_path, key, message):
    async with open_testbed(tmp_path) as here:
        token = await opened(here)
        answer = await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=key()[:200])
        assert not answer.ok
        if len(key()) <= 200:
            assert message in answer.reasons[0]
        assert not paired(here)


@pytest.mark.requirement("SEC-02")
async def test_every_tablet_has_a_key_of_its_own_and_every_window_a_token_of_its_own(tmp_path):
    async with open_testbed(tmp_path) as here:
        tokens = set()
        for number in range(5):
            token, (text, _) = await opened(here, name=f"tablet {number}"), public()
            tokens.add(token)
            code = (await here.ask_as(BEDSIDE, op="pair_offer", token=token, name="t", public_key=text)).result["code"]
            assert (await here.ask(op="pair_accept", code=code)).ok
        keys = paired(here)
        assert len({key.id for key in keys}) == len({key.public_pem for key in keys}) == len(tokens) == 5
        text = here.gateway.settings.keys_path.read_text()
        assert "PRIVATE" not in text
        assert not any(pump.serial in text for pump in here.gateway.settings.pumps)


@pytest.mark.requirement("SEC-01")
@pytest.mark.parametrize("roles", [[], ["admin"], ["confirm", "start"]])
async def test_a_pairing_window_opens_only_for_roles_that_exist(tmp_path, roles):
    async with open_testbed(tmp_path) as here:
        answer = await here.ask(op="pair_open", roles=roles)
        assert "role" in answer.reasons[0]


def test_a_key_file_from_before_there_were_tablets_keeps_its_meaning(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    new = pairable("nurse", "confirm", der_of(key.public_key()))
    old = [{"id": new.id, "name": "nurse", "role": "confirm", "public_pem": new.public_pem}]
    (tmp_path / "keys.json").write_text(json.dumps(old))
    store = KeyStore(tmp_path / "keys.json")
    assert store.all() == {new.id: new}
    store.rename(new.id, "another")
    assert store.all()[key_id(key.public_key())].name == "another"
    with pytest.raises(KeyStoreError, match="no key 'x'"):
        store.rename("x", "y")
