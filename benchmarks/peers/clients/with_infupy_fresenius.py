"""infupy: `with_infupy_fresenius.py PORT`, for the first module of a Fresenius Base A."""

import contextlib

from infupy.backends.common import CommandError
from infupy.backends.fresenius import FreseniusBase, FreseniusComm
from serving import blocking


class Client:
    def __init__(self, port: str) -> None:
        self._base = FreseniusBase(FreseniusComm(port))
        self._module = self._base.connectSyringe(1)
        with contextlib.suppress(CommandError):  # a client before this one has it already
            self._module.remoteControl(True)

    def poll(self) -> None:
        self._module.readRate()
        self._module.readVolume()

    def stop(self) -> None:
        self._module.stopInfusion()


blocking(Client)
