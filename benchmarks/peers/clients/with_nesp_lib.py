"""NESP-Lib: `with_nesp_lib.py PORT`, for a New Era pump at address 1. Its calls have a lock, and no time-out."""

from nesp_lib import Port, Pump
from serving import blocking


class Client:
    def __init__(self, port: str) -> None:
        self._pump = Pump(Port(port, 19200), 1)

    def poll(self) -> None:
        """The same two questions that pumpd asks."""
        self._pump.pumping_rate_ml_per_min  # noqa: B018 - reading it asks the pump
        self._pump.volume_infused_ml  # noqa: B018

    def stop(self) -> None:
        self._pump.stop()


blocking(Client)
