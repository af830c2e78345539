"""SEC-01, SEC-02, SEC-18, SEC-22: a person at the gateway lets a tablet in, within 120 s, by its code."""

import asyncio
import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pumpd.control.confirming.signature import pairable
from pumpd.control.socket.doors import User
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.messages.keys import PairedKey
from pumpd.messages.signing import der_of, key_id
from tests.control.pairing import Try, public_text
from tests.control.testbed import BEDSIDE, OPERATOR, open_testbed

OPEN = {"op": "pair_open", "roles": ["view", "confirm"]}


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    """A thread would not run in virtual time."""

    async def run(function, *arguments):
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", run)


async def opened(here, **changes) -> str:
    answer = await here.ask(**(OPEN | changes))
    assert answer.ok, answer.reasons
    return answer.result["token"]


async def offered(here, tablet: Try) -> dict:
    answer = await here.ask_as(BEDSIDE, op="pair_offer", **tablet.offer)
    assert answer.ok, answer.reasons
    assert tablet.answered_by(answer.result)
    return answer.result


async def answered(here, tablet: Try) -> str:
    """The tablet answers as it should; returns the code that it shows."""
    answer = await offered(here, tablet)
    revealed = await here.ask_as(BEDSIDE, op="pair_reveal", **tablet.reveal(answer))
    assert revealed.ok, revealed.reasons
    return tablet.code(answer)


async def state(here, tablet: Try) -> dict:
    return (await here.ask_as(BEDSIDE, op="pair_state", window=tablet.window)).result


def paired(here) -> list[PairedKey]:
    return [key for key in KeyStore(here.gateway.settings.keys_path).all().values() if key.kind == "tablet"]


def another(code: str) -> str:
    return f"{(int(code.replace('-', '')) + 1) % 10**6:06d}"


@pytest.mark.requirement("SEC-01", "SEC-18", "SEC-22")
async def test_a_tablet_is_paired_by_the_code_typed_at_the_gateway(tmp_path):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here), name="ward 7 tablet")
        answer = await offered(here, tablet)
        assert answer["gateway"] == here.gateway.settings.gateway
        assert not (await state(here, tablet))["offered"]
        assert (await here.ask(op="pair_accept", code="123456")).reasons == ("pair: no tablet has answered yet",)
        assert (await here.ask_as(BEDSIDE, op="pair_reveal", **tablet.reveal(answer))).ok
        found = await state(here, tablet)
        assert (found["state"], found["offered"]) == ("waiting", True)
        assert not paired(here)
        assert (await here.ask(op="pair_accept", code=tablet.code(answer))).ok
        (key,) = paired(here)
        assert (key.name, key.roles, key.kind) == ("ward 7 tablet", ("view", "confirm"), "tablet")
        assert key.public_pem == pairable("", "view", base64.b64decode(tablet.key)).public_pem
        assert (await state(here, tablet))["tablet"]["id"] == key.id
        assert {"pairing_opened", "pairing_offered", "pairing_revealed", "tablet_paired"} <= set(here.kinds())
        again = await here.ask_as(BEDSIDE, op="pair_offer", **Try(tablet.token).offer)
        assert "closed" in again.reasons[0]  # one window, one tablet


@pytest.mark.parametrize(
    ("typed", "at_the_gateway", "kept"),
    [("bed 1", "demo tablet", "bed 1"), (" bed  1 ", "", "bed 1"), ("", "spare", "spare"), ("  ", "", "tablet")],
)
async def test_the_name_that_a_person_gives_a_tablet_is_kept(tmp_path, typed, at_the_gateway, kept):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here, name=at_the_gateway), name=typed)
        assert (await here.ask(op="pair_accept", code=await answered(here, tablet))).ok
        assert [key.name for key in paired(here)] == [kept]
        assert (await state(here, tablet))["tablet"]["name"] == kept


@pytest.mark.requirement("SEC-22")
async def test_the_token_is_in_no_message_of_a_tablet_and_in_no_journal_entry(tmp_path):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here))
        answer = await offered(here, tablet)
        assert tablet.token not in json.dumps([tablet.offer, tablet.reveal(answer), answer, await state(here, tablet)])
        assert (await here.ask_as(BEDSIDE, op="pair_reveal", **tablet.reveal(answer))).ok
        assert all(tablet.token not in json.dumps(dict(each.fields)) for each in here.entries())


@pytest.mark.requirement("SEC-01", "SEC-18")
@pytest.mark.parametrize(
    "request_", [OPEN, {"op": "pair_accept", "code": "123-456"}, {"op": "pair_close"}], ids=lambda each: each["op"]
)
async def test_only_a_person_at_the_gateway_opens_or_accepts_a_pairing(tmp_path, request_):
    """Bedside, and everyone on the network behind it, is a different user than root and control."""
    async with open_testbed(tmp_path) as here:
        code = await answered(here, Try(await opened(here)))
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
        tablet = Try(await opened(here))
        code = await answered(here, tablet)
        await asyncio.sleep(after_s)
        answer = await here.ask(op="pair_accept", code=code)
        assert answer.ok is taken
        assert len(paired(here)) == taken
        found = await state(here, tablet)
        assert (found["state"], found["why"]) == (
            ("accepted", "") if taken else ("closed", "the time for pairing is over")
        )


@pytest.mark.requirement("SEC-01", "SEC-22")
async def test_one_wrong_code_closes_the_window_and_a_slip_of_the_finger_does_not(tmp_path):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here))
        code = await answered(here, tablet)
        assert "6 digits" in (await here.ask(op="pair_accept", code=code[:-1])).reasons[0]
        assert "6 digits" in (await here.ask(op="pair_accept", code="")).reasons[0]
        assert "nothing was paired" in (await here.ask(op="pair_accept", code=another(code))).reasons[0]
        assert "closed" in (await here.ask(op="pair_accept", code=code)).reasons[0]
        assert not paired(here)
        found = await state(here, tablet)
        assert (found["state"], found["why"]) == ("refused", "the code that was typed is not the tablet's")


@pytest.mark.requirement("SEC-22")
@pytest.mark.parametrize("revealed", [False, True])
async def test_a_second_tablet_closes_the_window_and_both_sides_hear_why(tmp_path, revealed):
    async with open_testbed(tmp_path) as here:
        token = await opened(here)
        first, second = Try(token), Try(token)
        if revealed:
            code = await answered(here, first)
        else:
            code, _ = "123456", await offered(here, first)
        answer = await here.ask_as(BEDSIDE, op="pair_offer", **second.offer)
        assert "a second tablet answered" in answer.reasons[0]
        assert "a second tablet answered" in (await state(here, first))["why"]
        assert "a second tablet answered" in (await here.ask(op="pair_accept", code=code)).reasons[0]
        assert not (await here.ask_as(BEDSIDE, op="pair_offer", **first.offer)).ok
        assert not paired(here)
        assert here.kinds().count("pairing_closed") == 1


@pytest.mark.requirement("SEC-22")
async def test_an_offer_whose_answer_was_lost_may_be_sent_again(tmp_path):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here))
        assert await offered(here, tablet) == await offered(here, tablet)
        assert (await here.ask(op="pair_accept", code=await answered(here, tablet))).ok


@pytest.mark.requirement("SEC-22")
async def test_a_stranger_without_the_token_changes_nothing(tmp_path):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here))
        stranger = Try("x" * 32)
        answer = await offered(here, tablet)
        seen = {"window": tablet.window}  # what a bedside, or whoever reads along, has seen of the honest tablet
        tries = [
            {"op": "pair_offer"} | stranger.offer,
            {"op": "pair_offer"} | stranger.offer | seen,
            {"op": "pair_offer"} | tablet.offer | {"commitment": stranger.commitment},
            {"op": "pair_reveal"} | stranger.reveal(answer) | seen,
            {"op": "pair_reveal"} | tablet.reveal(answer) | {"public_key": stranger.key},
            {"op": "pair_reveal"} | tablet.reveal(answer) | {"name": "another"},
            {"op": "pair_reveal"} | tablet.reveal(answer) | {"proof": tablet.offer["proof"]},
        ]
        for each in tries:
            assert "belongs to no open window" in (await here.ask_as(BEDSIDE, **each)).reasons[0], each
            assert (await state(here, tablet))["state"] == "waiting"
        assert (await here.ask(op="pair_accept", code=await answered(here, tablet))).ok
        assert len(paired(here)) == 1


@pytest.mark.requirement("SEC-22")
@pytest.mark.parametrize("changed", ["key", "name", "nonce"])
async def test_a_tablet_that_shows_another_key_than_it_announced_closes_the_window(tmp_path, changed):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here))
        answer = await offered(here, tablet)
        other = replace(tablet, **{changed: getattr(Try(tablet.token, name="another"), changed)})

        class Swapped(Try):
            commitment = tablet.commitment

        swapped = Swapped(other.token, other.key, other.name, other.nonce)
        refused = await here.ask_as(BEDSIDE, op="pair_reveal", **swapped.reveal(answer))
        assert "another key than it had announced" in refused.reasons[0]
        assert (await state(here, tablet))["state"] == "closed"
        assert not (await here.ask(op="pair_accept", code=swapped.code(answer))).ok
        assert not paired(here)


@pytest.mark.requirement("SEC-02")
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (lambda: public_text(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (lambda: public_text(rsa.generate_private_key(65537, 1024)), "P-256"),
        (lambda: public_text(ed25519.Ed25519PrivateKey.generate()), "P-256"),
        (lambda: base64.b64encode(b"not a key").decode(), "not a public key"),
        (lambda: "====", "base64"),
    ],
)
async def test_only_a_key_on_p256_is_accepted(tmp_path, key, message):
    async with open_testbed(tmp_path) as here:
        tablet = Try(await opened(here), key=key())
        answer = await offered(here, tablet)
        refused = await here.ask_as(BEDSIDE, op="pair_reveal", **tablet.reveal(answer))
        assert message in refused.reasons[0]
        assert not (await here.ask(op="pair_accept", code=tablet.code(answer))).ok
        assert not paired(here)


@pytest.mark.requirement("SEC-02")
async def test_every_tablet_has_its_own_key_and_every_window_its_own_token(tmp_path):
    async with open_testbed(tmp_path) as here:
        tokens = set()
        for number in range(5):
            tablet = Try(await opened(here, name=f"tablet {number}"))
            tokens.add(tablet.token)
            assert (await here.ask(op="pair_accept", code=await answered(here, tablet))).ok
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
