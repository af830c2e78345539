"""Starts infusions over the operator socket, with a paired key: for tests about how an infusion ends."""

import itertools
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.infusion.events import Binding, ConfirmAction
from pumpd.messages.signing import der_of, sign
from tests.browser.gateway import RealGateway
from tests.control.testbed import ORDER


class SoftwareNurse:
    def __init__(self, gateway: RealGateway) -> None:
        self._gateway, self._key = gateway, ec.generate_private_key(ec.SECP256R1())
        store = KeyStore(gateway.state / "paired-keys.json")
        self._paired = store.add(pairable("software nurse", "confirm", der_of(self._key.public_key())))
        self._count = itertools.count(1)

    def start(self, beds: Iterable[str]) -> None:
        """An infusion runs on each of these beds, each for a new patient."""
        for bed in beds:
            patient = f"{self._paired.id}-{next(self._count)}"
            self._must(op="associate", pump=bed, patient=patient)
            self._must(**{**ORDER, "pump": bed, "patient": patient})
        for bed in beds:
            self._gateway.until(bed, "ready")
            offered = self._must(op="challenge", pump=bed)
            fields = offered["binding"] | {"wristband": offered["review"]["patient"]}
            binding = Binding(**{**fields, "action": ConfirmAction(fields["action"])})
            signature = sign(self._key, binding)
            request = f"r-{self._paired.id}-{next(self._count)}"
            self._must(op="confirm", pump=bed, key=self._paired.id, signature=signature, request=request, **fields)
        for bed in beds:
            self._gateway.until(bed, "running")

    def _must(self, **request: object) -> dict[str, Any]:
        answer = self._gateway.ask(**request)
        assert answer["ok"], answer
        return answer["result"]
