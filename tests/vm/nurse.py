"""A paired tablet without a screen, over the forwarded port: where a test needs many infusions and not the page.

The page itself is in `test_short.py`. This one does as the page does: it is paired by a person at the gateway, a person
signs in, and a confirmation is signed over what was shown.
"""

import hashlib
import json
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.journal.records import canonical
from pumpd.messages.signing import key_id, sign_bytes
from tests.browser.gateway import DOCTOR, PINS
from tests.browser.tablet import patients
from tests.control.pairing import Try, public_text
from tests.vm.gateway import WITHIN_S, VirtualGateway

ORDER = {
    "entry": "ketamine-1mg-ml", "dose": "0.5 mg/kg", "weight": "70 kg", "weight_again": "70 kg",
    "weight_basis": "actual", "duration": "40 min", "container": "50 mL",
}  # fmt: skip
TOO_SLOW = ("order again", "no result within")  # what an emulated machine on a busy host answers
RATE_ML_H = 52.5  # 0.5 mg/kg of 70 kg in 40 minutes, at 1 mg/mL


@dataclass
class Nurse:
    gateway: VirtualGateway
    authority: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def __post_init__(self) -> None:
        self._trusted = ssl.create_default_context(cafile=str(self.authority))

    # -- once --------------------------------------------------------------------------------------------------------

    def pair(self) -> None:
        roles = ["view", "confirm", "prescribe", "maintain"]
        opened = self.gateway.ask(op="pair_open", roles=roles)
        tries = Try(opened["result"]["token"], public_text(self.key), "ward tablet")
        answer = self._good(self._post("/api/pair", tries.offer))
        self._good(self._post("/api/pair/reveal", tries.reveal(answer)))
        accepted = self.gateway.ask(op="pair_accept", code=tries.code(answer))
        assert accepted["ok"], accepted

    def sign_in(self) -> None:
        """After each start of the gateway: nobody is signed in then."""
        self._good(self._post("/api/hello", self._sealed('{"op":"hello"}')))
        self._good(self.ask("sign_in", badge=DOCTOR, pin=PINS[DOCTOR]))

    # -- an infusion -------------------------------------------------------------------------------------------------

    def order(self, bed: str) -> str:
        """Order and load for a new patient; returns the patient's token."""
        self.gateway.free(bed)
        answer = self.try_order(bed)
        for _ in range(4):
            if answer["ok"] or not any(again in reason for reason in answer["reasons"] for again in TOO_SLOW):
                break
            answer = self.try_order(bed)  # as a person would; an emulated machine that is new needs a few
        patient = str(self._good(answer)["patient"])
        self.gateway.until(bed, "ready")
        return patient

    def try_order(self, bed: str) -> dict[str, Any]:
        """The answer to an order for a new patient, or why that patient cannot be associated."""
        patient = next(patients)
        self.sign_in()  # an emulated machine may take longer than a person stays signed in
        answer = self.ask("associate", pump=bed, patient=patient)
        if answer["ok"]:
            answer = self.ask("order", pump=bed, patient=patient, **ORDER)
        return answer | {"result": {**answer["result"], "patient": patient}}

    def confirm(self, bed: str, patient: str) -> dict[str, Any]:
        challenge = self._good(self.ask("challenge", pump=bed))
        shown = hashlib.sha256(canonical(challenge["review"]).encode()).hexdigest()
        binding = challenge["binding"] | {"shown": shown, "wristband": patient}
        signature = sign_bytes(self.key, ("pumpd-confirmation-v1\n" + canonical(binding)).encode())
        return self.ask("confirm", pump=bed, request=secrets.token_hex(8), signature=signature, **binding)

    def start(self, bed: str) -> float:
        """From the order until it is running; returns what the plant had given before, in mL."""
        before = self.gateway.outside.given_ml(bed)
        self._good(self.confirm(bed, self.order(bed)))
        self.gateway.until(bed, "running")
        return before

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        text = json.dumps({"op": op, **fields})
        return self._post("/api/request", self._sealed(text) | {"request": text})

    def _sealed(self, text: str) -> dict[str, str]:
        nonce = self._http("GET", "/api/nonce")["result"]["nonce"]
        signature = sign_bytes(self.key, f"pumpd-request-v1\n{self.gateway.name}\n{nonce}\n{text}".encode())
        return {"key": key_id(self.key.public_key()), "nonce": nonce, "signature": signature}

    def _post(self, path: str, body: Any) -> dict[str, Any]:
        return self._http("POST", path, body)

    def _http(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """One connection for each request: the power may be cut at any time. Raises httpx.HTTPError."""
        with httpx.Client(verify=self._trusted, timeout=WITHIN_S, cookies=self._cookies) as client:
            answer = client.request(method, self.gateway.url + path, json=body)
            self._cookies = client.cookies
        found: dict[str, Any] = answer.json()
        return found

    def _good(self, answer: dict[str, Any]) -> Any:
        assert answer["ok"], answer
        return answer["result"]
