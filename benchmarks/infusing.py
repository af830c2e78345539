"""An infusion on a real control process: ordered, confirmed by a key that is paired there, flowing."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.control_process import ControlProcess
from benchmarks.families import ORDERS
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.infusion.events import Binding, ConfirmAction
from pumpd.messages.signing import der_of, sign
from tests.control.testbed import ORDER


class Nurse:
    """`folder` is that of the process, which need not run yet."""

    def __init__(self, folder: Path):
        self._key = ec.generate_private_key(ec.SECP256R1())
        (folder / "state").mkdir(exist_ok=True)
        store = KeyStore(folder / "state" / "paired-keys.json")
        self._paired = store.add(pairable("bench", "confirm", der_of(self._key.public_key())))
        self._requests = 0

    async def infuse(self, process: ControlProcess, family: str):
        order = {**ORDER, **ORDERS.get(family, {})}
        for request in ({"op": "associate", "pump": "bed1", "patient": order["patient"]}, order):
            answer = await process.ask(**request)
            assert answer["ok"], answer
        await process.pump(lambda pump: pump["infusion"]["state"] == "ready")
        offered = await process.ask(op="challenge", pump="bed1")
        fields = offered["result"]["binding"] | {"wristband": order["patient"]}
        binding = Binding(**{**fields, "action": ConfirmAction(fields["action"])})
        self._requests += 1
        signed = {"key": self._paired.id, "signature": sign(self._key, binding), "request": f"r-{self._requests}"}
        assert (await process.ask(op="confirm", pump="bed1", **signed, **fields))["ok"]
        await process.pump(lambda pump: pump["infusion"]["state"] == "running")
