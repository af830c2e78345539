"""A running infusion on a real control process: ordered, and confirmed with a key that is paired there."""

import asyncio
import itertools
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.control_process import ControlProcess
from benchmarks.families import ORDERS
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.infusion.events import Binding, ConfirmAction
from pumpd.messages.signing import der_of, sign
from pumpd.pump import family as driver_of
from pumpd_simulators.bench import SimulatedPump
from tests.control.testbed import ORDER

ASKED_AGAIN = 30


async def _must(process, **request):
    """Asked again for a while: control does not wait longer than 2 s for a disk that is busy, and then refuses."""
    for _ in range(ASKED_AGAIN):
        answer = await process.ask(**request)
        if answer["ok"]:
            return
        await asyncio.sleep(1.0)
    raise AssertionError(answer)


SEEN_EACH_S = 0.05
DARK = 3  # so often in a row: a frame that is being received is dark for less


async def _signals(asking, pump: SimulatedPump):
    """The answer, and how often the light of the pump went out meanwhile; 0 for a pump without one."""
    asked, seen = asyncio.ensure_future(asking), []
    while not asked.done():
        seen.append(pump.device.display().get("light"))
        await asyncio.sleep(SEEN_EACH_S)
    return asked.result(), sum(light == "off" and len(list(same)) >= DARK for light, same in itertools.groupby(seen))


class Nurse:
    """`folder` is the folder of the process, which need not run yet."""

    def __init__(self, folder: Path):
        self._key = ec.generate_private_key(ec.SECP256R1())
        (folder / "state").mkdir(exist_ok=True)
        store = KeyStore(folder / "state" / "paired-keys.json")
        self._paired = store.add(pairable("bench", "confirm", der_of(self._key.public_key())))
        self._infusions = 0

    async def identify(self, process: ControlProcess, family: str, pump: SimulatedPump):
        """Show that this pump is the one at bed1: count its signals if it gives any, else pull its cable."""
        asked = {"op": "identify", "pump": "bed1", "by": "bench"}
        for _ in range(60):  # on a busy machine it may not have answered yet; and then perhaps shows it by itself
            answer, signals = await _signals(process.ask(**asked), pump)
            if answer["ok"]:
                break
            if (await process.ask(op="status"))["result"]["pumps"][0]["proved_by"]:
                return
            await asyncio.sleep(0.5)
        if driver_of(family).signals:
            answer = await process.ask(**asked, seen=signals)
            assert answer["ok"], (signals, answer)
        else:
            pump.fire("silence/4s")  # to control, a pump that is silent for a while has no cable
        await process.pump(lambda shown: shown["proved_by"])

    async def infuse(self, process: ControlProcess, family: str, pump: SimulatedPump | None = None, bed: int = 1):
        """Returns when flow was seen at this bed. `pump`: identified first if nothing shows which one it is.

        Each infusion is for a new patient: one patient gets none so soon (PRG-17).
        """
        name = f"bed{bed}"

        async def until(wanted):
            await process.pumps(lambda pumps: wanted(pumps[bed - 1]))

        shown = (await process.ask(op="status"))["result"]["pumps"][bed - 1]
        if pump is not None and not shown["proved_by"]:
            await self.identify(process, family, pump)
        self._infusions += 1
        order = {**ORDER, **ORDERS.get(family, {}), "pump": name, "patient": f"bench-{self._infusions}"}
        for request in ({"op": "associate", "pump": name, "patient": order["patient"]}, order):
            await _must(process, **request)
        await until(lambda pump: pump["infusion"]["state"] == "ready")
        offered = await process.ask(op="challenge", pump=name)
        fields = offered["result"]["binding"] | {"wristband": order["patient"]}
        binding = Binding(**{**fields, "action": ConfirmAction(fields["action"])})
        signed = {"key": self._paired.id, "signature": sign(self._key, binding), "request": f"r-{self._infusions}"}
        assert (await process.ask(op="confirm", pump=name, **signed, **fields))["ok"]
        await until(lambda pump: pump["infusion"]["state"] == "running")
