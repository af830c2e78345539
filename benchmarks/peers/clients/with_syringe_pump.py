"""python-syringe-pump: `with_syringe_pump.py PORT`, for a Legato. Its calls are coroutines, without a time-out."""

import aioserial
from serving import asynchronous
from syringe_pump import Pump


class Client:
    def __init__(self, pump: Pump) -> None:
        self._pump = pump

    async def poll(self) -> None:
        """The rate and the volume, as pumpd does."""
        await self._pump.infusion_rate.get()
        await self._pump.infusion_volume.get()

    async def stop(self) -> None:
        await self._pump.stop()


async def connect(port: str) -> Client:
    return Client(await Pump.from_serial(aioserial.AioSerial(port, 115200)))


asynchronous(connect)
