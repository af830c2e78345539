"""A tablet without a screen: it pairs, signs and asks over HTTP as the page does; and bedside on the testbed's loop."""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel

from pumpd.bedside.app import Bedside
from pumpd.bedside.feed import Feed
from pumpd.control.confirming.signature import pairable
from pumpd.control.gateway import Gateway
from pumpd.control.tablets import sign_in
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.staff import Person, StaffStore
from pumpd.journal.records import canonical
from pumpd.messages.requests import REQUEST, Answer
from pumpd.messages.signing import der_of, key_id, sign_bytes
from tests.control.testbed import BEDSIDE, ORDER, Testbed, open_testbed

NURSE, SECOND, DOCTOR = "1001", "1002", "2001"
PIN = {NURSE: "471133", SECOND: "815377", DOCTOR: "260571"}
ROLES = {NURSE: ("view", "confirm"), SECOND: ("view", "confirm"), DOCTOR: ("view", "confirm", "prescribe", "maintain")}
FORM = {key: value for key, value in ORDER.items() if key not in ("op", "ordered_by")}


@dataclass
class InLoop:
    """Control as bedside sees it, without a socket."""

    gateway: Gateway
    shown_every_s: float

    async def ask(self, message: BaseModel) -> Answer:
        return await self.gateway.answer(REQUEST.validate_json(message.model_dump_json()), BEDSIDE)

    async def watch(self) -> AsyncGenerator[dict[str, Any], None]:
        while True:
            yield json.loads(json.dumps(self.gateway.live.state()))
            await asyncio.sleep(self.shown_every_s)

    async def trace(self, pump: str) -> AsyncGenerator[dict[str, Any], None]:
        for packet in ():
            yield packet


@dataclass
class Tablet:
    http: httpx.AsyncClient
    gateway: str = "ward-7"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def id(self) -> str:
        return key_id(self.key.public_key())

    @property
    def public_key(self) -> str:
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    async def get(self, path: str) -> dict[str, Any]:
        return (await self.http.get(path)).json()

    async def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return (await self.http.post(path, json=body if body is not None else {})).json()

    async def sealed(self, text: str) -> dict[str, str]:
        nonce = (await self.get("/api/nonce"))["result"]["nonce"]
        signature = sign_bytes(self.key, f"pumpd-request-v1\n{self.gateway}\n{nonce}\n{text}".encode())
        return {"key": self.id, "nonce": nonce, "signature": signature}

    async def hello(self) -> dict[str, Any]:
        return await self.post("/api/hello", await self.sealed('{"op":"hello"}'))

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        text = json.dumps({"op": op, **fields})
        return await self.post("/api/request", await self.sealed(text) | {"request": text})

    async def sign_in(self, badge: str = DOCTOR, pin: str | None = None) -> dict[str, Any]:
        return await self.ask("sign_in", badge=badge, pin=pin or PIN[badge])

    async def order(self, **changes: Any) -> dict[str, Any]:
        """Associate the pump with the order's patient, then order."""
        order = FORM | changes
        answer = await self.ask("associate", pump=order["pump"], patient=order["patient"])
        assert answer["ok"], answer
        return await self.ask("order", **order)

    async def challenge(self, pump: str = "bed1") -> dict[str, Any]:
        answer = await self.ask("challenge", pump=pump)
        assert answer["ok"], answer
        return answer["result"]

    async def confirm(
        self, challenge: dict[str, Any] | None = None, wristband: str = FORM["patient"], **changes: Any
    ) -> dict[str, Any]:
        """Hash the review, scan, sign the binding with both, and send it with `changes` that were not signed."""
        challenge = challenge or await self.challenge()
        shown = hashlib.sha256(canonical(challenge["review"]).encode()).hexdigest()
        binding = challenge["binding"] | {"shown": shown, "wristband": wristband}
        signature = sign_bytes(self.key, ("pumpd-confirmation-v1\n" + canonical(binding)).encode())
        sent = {"pump": "bed1", "request": secrets.token_hex(8), "signature": signature, **binding}
        return await self.ask("confirm", **(sent | changes))


@dataclass
class Bedsides:
    """A testbed with bedside, a paired tablet and staff."""

    testbed: Testbed
    feed: Feed
    transport: httpx.ASGITransport
    tablet: Tablet = field(init=False)

    @property
    def settings(self) -> Any:
        return self.testbed.gateway.settings

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport, base_url="https://ward-7:8443")

    def paired(self, name: str, roles: tuple[str, ...] = ("view", "confirm", "prescribe")) -> Tablet:
        tablet = Tablet(self.client())
        KeyStore(self.settings.keys_path).add(pairable(name, roles, der_of(tablet.key.public_key()), "tablet"))
        return tablet

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [dict(entry.fields) for entry in self.testbed.entries() if entry.kind == kind]

    def ask_for_two(self, entry: str) -> None:
        """Make this entry need a second person."""
        gateway = self.testbed.gateway
        asked = gateway.library.entries[entry].model_copy(update={"double_check": True})
        library = replace(gateway.library, entries={**gateway.library.entries, entry: asked})
        gateway.library = gateway.dispatch.library = gateway.ordering.planning._library = library

    async def ready(self, **order: Any) -> None:
        """Signed in, ordered, and waiting for the confirmation."""
        assert (await self.tablet.sign_in())["ok"]
        answer = await self.tablet.order(**order)
        assert answer["ok"], answer
        await self.testbed.until("ready")

    async def running(self, patient: str = FORM["patient"]) -> None:
        await self.ready(patient=patient)
        answer = await self.tablet.confirm(wristband=patient)
        assert answer["ok"], answer
        await self.testbed.until("running")


def staff(path: Path) -> None:
    """The staff, with hashes that cost a test no time."""
    store = StaffStore(path)
    people = {badge: Person(badge, f"Nurse {badge}", ROLES[badge], f"hash of {PIN[badge]}") for badge in PIN}
    store._write(people)


async def _inline(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


def _read_inline(reading: Feed, read: Any, *arguments: Any) -> asyncio.Future[Any]:
    """A thread for each of thousands of reads costs more than the reads; test_feed_ends has the real one."""
    reading._reading = done = asyncio.get_running_loop().create_future()
    try:
        done.set_result(read(*arguments))
    except Exception as error:  # noqa: BLE001 - as a thread would hand it over
        done.set_exception(error)
    return done


@contextlib.asynccontextmanager
async def bedsides(
    folder: Path, monkeypatch: Any, *, shown_every_s: float = 1.0, **options: Any
) -> AsyncIterator[Bedsides]:
    """`shown_every_s`: how often bedside hears from control and looks into the journal. Seldom, for tests that last
    hours and do not look at a tablet's live state: each second of them takes a millisecond.
    """
    monkeypatch.setattr(asyncio, "to_thread", _inline)  # a thread would not keep virtual time
    monkeypatch.setattr(Feed, "_in_thread", _read_inline)
    if shown_every_s != 1.0:
        monkeypatch.setattr("pumpd.bedside.feed.READ_EVERY_S", shown_every_s)
    monkeypatch.setattr(sign_in, "fits", lambda pin_hash, pin: pin_hash == f"hash of {pin}")
    async with open_testbed(folder, **options) as here:
        staff(here.gateway.settings.staff_path)
        control = InLoop(here.gateway, shown_every_s)
        feed = Feed(control, here.journal)
        served = Bedside(here.gateway.settings, control, feed)
        transport = httpx.ASGITransport(app=served.app())
        running = asyncio.create_task(feed.run())
        made = Bedsides(here, feed, transport)
        made.tablet = made.paired("ward tablet", ("view", "confirm", "prescribe", "maintain"))
        try:
            assert (await made.tablet.hello())["ok"]
            await asyncio.sleep(1.5)
            yield made
        finally:
            await feed.close()
            await served.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
