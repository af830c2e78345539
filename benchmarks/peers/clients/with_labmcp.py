"""labmcp-new-era's driver: `with_labmcp.py PORT`, for a New Era pump at address 1; the line as its server opens it."""

from labmcp.transports.serial import SerialTransport
from labmcp_new_era.driver import NewEraPump
from serving import blocking


class Client:
    def __init__(self, port: str) -> None:
        line = SerialTransport(port, baudrate=19200, read_termination="\x03", write_termination="\r", timeout=2.0)
        self._pump = NewEraPump(line, 1)
        self._pump.identify()

    def poll(self) -> None:
        """The same two questions that pumpd asks."""
        self._pump.rate()
        self._pump.dispensed()

    def stop(self) -> None:
        self._pump.stop()


blocking(Client)
