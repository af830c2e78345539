"""infupy: `with_infupy_alaris.py PORT`, for an Alaris Asena. It has no call for a stop, so its command is sent."""

from infupy.backends.alaris import AlarisComm, AlarisSyringe, Command
from infupy.backends.common import CommandError
from serving import blocking


class Client:
    def __init__(self, port: str) -> None:
        self._pump = AlarisSyringe(AlarisComm(port))

    def poll(self) -> None:
        self._pump.readRate()
        self._pump.readVolume()

    def stop(self) -> None:
        reply = self._pump.execCommand(Command.infstop)
        if reply.error:
            raise CommandError(reply.value)


blocking(Client)
