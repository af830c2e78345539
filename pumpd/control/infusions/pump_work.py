"""What runs a pump, as parts of control: its own loop, and the time that passes for its infusion."""

import asyncio
from collections.abc import Iterable

from pumpd.control.infusions.pump_service import PumpService
from pumpd.host.clock import Clock
from pumpd.host.turns import Turns

LEAST_PATIENCE_S = 8.0  # until the driver asks for more: the port is being opened
CHECK_TIME_S = 0.5  # ALM-10 asks for a signal within 1 s
TIME_PATIENCE_S = 3.0


class PumpWork:
    def __init__(self, runner: PumpService, on_port: Iterable[PumpService], clock: Clock) -> None:
        """`on_port`: all pumps on its port, including itself: each waits while another uses the line."""
        self._runner, self._on_port, self._clock = runner, tuple(on_port), clock
        self._since_s = asyncio.get_running_loop().time()

    async def run(self) -> None:
        await self._runner.run()

    @property
    def patience_s(self) -> float:
        """No step takes longer than the longest calls of all drivers on the port together."""
        drivers = [runner.driver for runner in self._on_port]
        return max(LEAST_PATIENCE_S, sum(driver.longest_call_s for driver in drivers if driver is not None))

    @property
    def overdue(self) -> bool:
        last_s = max(self._since_s, self._clock.loop_seconds(self._runner.last_turn_ns))
        return asyncio.get_running_loop().time() - last_s > self.patience_s


class TimeWork:
    """Twice a second, whatever the pump's own loop waits for."""

    def __init__(self, runner: PumpService) -> None:
        self._runner, self._turns = runner, Turns(TIME_PATIENCE_S)

    async def run(self) -> None:
        while True:
            self._turns.turned()
            await asyncio.sleep(CHECK_TIME_S)
            self._runner.let_time_pass()

    @property
    def overdue(self) -> bool:
        return self._turns.overdue
